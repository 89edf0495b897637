/** State changes folded into a line that opens. */
import { useState } from 'react'
import { t } from '../../../i18n/index.js'
import type { Names } from '../names.js'
import styles from './state-line.module.css'
import { describeStateChanges } from './state-text.js'
import type { StateItem } from './timeline-items.js'

const shownFolded = 2

export function StateLine({ item, names }: { item: StateItem; names: Names }) {
  const [isOpen, setIsOpen] = useState(false)
  const sentences = describeStateChanges(item.rows, item.before, names.nameOf)
  const hidden = sentences.length - shownFolded
  if (hidden <= 0) return <p className={`${styles.line} ${styles.text}`}>{sentences.join(' · ')}</p>
  const toggle = (
    <button type="button" className={styles.toggle} aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
      {isOpen ? t('state.less') : t('state.more', { count: hidden })}
    </button>
  )
  if (!isOpen)
    return (
      <div className={styles.line}>
        <span className={styles.text}>{sentences.slice(0, shownFolded).join(' · ')}</span>
        {toggle}
      </div>
    )
  return (
    <div className={styles.line}>
      <ul>
        {sentences.map((sentence, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: sentences have no identity but their place
          <li key={index}>{sentence}</li>
        ))}
      </ul>
      {toggle}
    </div>
  )
}
