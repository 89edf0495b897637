/** Messages of people the user ignores: folded, opened on demand as plain text. */
import { useState } from 'react'
import type { RoomEventRow } from '../../../../server/api/live/rows.js'
import { t } from '../../../i18n/index.js'
import { previewOf } from '../message-preview.js'
import type { Names } from '../names.js'
import styles from './state-line.module.css'

export function IgnoredLine({ rows, names }: { rows: RoomEventRow[]; names: Names }) {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <div className={styles.line}>
      <div>
        <button type="button" className={styles.toggle} aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {t('message.ignored', { count: rows.length })}
        </button>
        {isOpen && (
          <ul>
            {rows.map((row) => (
              <li key={row.event_id}>
                {names.nameOf(row.sender)}:{' '}
                {previewOf(row.event_type, (row.event.content ?? {}) as Record<string, unknown>)}
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  )
}
