/** The map of keys, opened with `?`. */
import { t } from '../i18n/index.js'
import { Dialog } from '../ui/dialog.js'
import styles from './key-map.module.css'

const command = () => (/Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl')

export default function KeyMap({ onClose }: { onClose: () => void }) {
  const rows: [string[], string][] = [
    [[command(), 'K'], t('keys.jump')],
    [['Alt', '↑ ↓'], t('keys.nextRoom')],
    [['Shift', 'Alt', '↑ ↓'], t('keys.nextUnread')],
    [[command(), 'Shift', 'L'], t('keys.live')],
    [['Esc'], t('keys.escape')],
    [['?'], t('keys.map')],
    [['↑ ↓'], t('keys.arrows')],
    [['E'], t('keys.edit')],
    [['R'], t('keys.reply')],
    [['+'], t('keys.react')],
    [['↑'], t('keys.editLast')],
    [['Enter'], t('keys.send')],
  ]
  return (
    <Dialog title={t('keys.title')} onClose={onClose}>
      <dl className={styles.map}>
        {rows.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
