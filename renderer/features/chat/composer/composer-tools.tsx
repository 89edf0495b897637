/** Beside the text: files, emoji, and how words are set. */
import { Bold, Code, Italic, List, Paperclip, Quote, Smile, Type } from 'lucide-react'
import { useRef, useState } from 'react'
import { t } from '../../../i18n/index.js'
import { IconButton } from '../../../ui/button.js'
import { Menu, MenuItem } from '../../../ui/menu.js'
import { Popover } from '../../../ui/popover.js'
import { ReactionPicker } from '../timeline/reaction-picker.js'
import styles from './composer.module.css'
import type { Format } from './format-text.js'

export function AttachButton({ onFiles }: { onFiles: (files: File[]) => void }) {
  const picker = useRef<HTMLInputElement>(null)
  return (
    <>
      <IconButton label={t('composer.attach')} side="top" onClick={() => picker.current?.click()}>
        <Paperclip size={18} aria-hidden />
      </IconButton>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])])
          event.target.value = ''
        }}
      />
    </>
  )
}

const formats = [
  ['bold', Bold],
  ['italic', Italic],
  ['code', Code],
  ['quote', Quote],
  ['list', List],
] as const satisfies readonly (readonly [Format, unknown])[]

export function FormatMenu({ onFormat }: { onFormat: (format: Format) => void }) {
  return (
    <Menu
      side="top"
      trigger={
        <IconButton label={t('composer.format')} side="top" className={styles.format}>
          <Type size={18} aria-hidden />
        </IconButton>
      }
    >
      {formats.map(([format, Icon]) => (
        <MenuItem key={format} icon={<Icon size={16} aria-hidden />} onSelect={() => onFormat(format)}>
          {t(`composer.format.${format}`)}
        </MenuItem>
      ))}
    </Menu>
  )
}

export function EmojiButton({ onPick }: { onPick: (emoji: string) => void }) {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <Popover
      label={t('composer.emoji')}
      isOpen={isOpen}
      onOpenChange={setIsOpen}
      trigger={
        <IconButton label={t('composer.emoji')} side="top">
          <Smile size={18} aria-hidden />
        </IconButton>
      }
    >
      <ReactionPicker
        onPick={(emoji) => {
          setIsOpen(false)
          onPick(emoji)
        }}
      />
    </Popover>
  )
}
