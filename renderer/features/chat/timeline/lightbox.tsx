/** A picture at its full size, over the window. */
import { Download, X } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { useMedia } from '../../../platform/matrix/use-media.js'
import { IconButton } from '../../../ui/button.js'
import { attempt } from '../chat-actions.js'
import styles from './lightbox.module.css'

export default function Lightbox({ mxc, name, onClose }: { mxc: string; name: string; onClose: () => void }) {
  const { matrix } = useServices()
  const media = useMedia(mxc)
  const ref = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    ref.current?.showModal()
    ref.current?.focus() // not its first button, whose tooltip would open
  }, [])
  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      className={styles.box}
      aria-label={name}
      onClose={onClose}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div className={styles.frame}>
        <header className={styles.head}>
          <h2>{name}</h2>
          <IconButton
            label={t('message.download', { name })}
            onClick={() => void attempt(() => matrix.media.save(mxc, name))}
          >
            <Download size={18} aria-hidden />
          </IconButton>
          <IconButton label={t('common.close')} onClick={onClose}>
            <X size={18} aria-hidden />
          </IconButton>
        </header>
        <div className={styles.picture}>
          {media.url && <img src={media.url} alt={t('message.image', { name })} />}
          {media.error !== undefined && <p>{t('message.mediaFailed')}</p>}
          {!media.url && media.error === undefined && <p role="status">{t('common.loading')}</p>}
        </div>
      </div>
    </dialog>
  )
}
