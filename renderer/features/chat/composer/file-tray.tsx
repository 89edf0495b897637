/** Files that will be sent, before they are: what each is, and a way to leave it out. */
import { X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { formatBytes } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { IconButton } from '../../../ui/button.js'
import styles from './composer.module.css'

export const FileTray = ({ files, onRemove }: { files: readonly File[]; onRemove: (file: File) => void }) => (
  <ul className={styles.files}>
    {files.map((file, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: two files may share name and size
      <FileCard key={`${index} ${file.name} ${file.lastModified}`} file={file} onRemove={() => onRemove(file)} />
    ))}
  </ul>
)

function FileCard({ file, onRemove }: { file: File; onRemove: () => void }) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    if (!file.type.startsWith('image/')) return
    const made = URL.createObjectURL(file)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [file])
  return (
    <li className={styles.fileCard} title={`${file.name} · ${formatBytes(file.size)}`}>
      {url && <img src={url} alt="" />}
      <span>{file.name}</span>
      <IconButton label={t('composer.remove', { name: file.name })} onClick={onRemove}>
        <X size={14} aria-hidden />
      </IconButton>
    </li>
  )
}
