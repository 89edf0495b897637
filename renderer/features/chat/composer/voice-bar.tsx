/** In place of the text while one speaks: how long it is, and what becomes of it. */
import { SendHorizontal, Trash2 } from 'lucide-react'
import { t } from '../../../i18n/index.js'
import { IconButton } from '../../../ui/button.js'
import styles from './composer.module.css'
import { formatClock } from './voice.js'

type VoiceBarProps = { elapsedMs: number; onSend: () => void; onCancel: () => void }

export const VoiceBar = ({ elapsedMs, onSend, onCancel }: VoiceBarProps) => (
  // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a frame and a legend
  <div
    className={styles.row}
    role="group"
    aria-label={t('voice.recording')}
    onKeyDown={(event) => {
      if (event.key !== 'Escape') return
      event.preventDefault()
      onCancel()
    }}
  >
    <IconButton label={t('voice.discard')} side="top" onClick={onCancel}>
      <Trash2 size={18} aria-hidden />
    </IconButton>
    <p className={styles.recording}>
      <i aria-hidden />
      {t('voice.recording')} <span className="tabular">{formatClock(elapsedMs)}</span>
    </p>
    <IconButton label={t('voice.send')} side="top" className={styles.send} onClick={onSend} autoFocus>
      <SendHorizontal size={18} aria-hidden />
    </IconButton>
  </div>
)
