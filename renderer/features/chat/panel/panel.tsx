/** The panel beside a room: its people and its details. */
import { X } from 'lucide-react'
import { type KeyboardEvent, useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { t } from '../../../i18n/index.js'
import { IconButton } from '../../../ui/button.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import { Members } from './members.js'
import styles from './panel.module.css'
import { RoomInfo } from './room-info.js'

type PanelProps = {
  room: RoomSummaryRow
  /** Absent where the frame around it has its own way to close. */
  onClose?: () => void
  onDialog: (dialog: ChatDialog) => void
}

const tabs = ['people', 'info'] as const

export default function Panel({ room, onClose, onDialog }: PanelProps) {
  const [tab, setTab] = useState<(typeof tabs)[number]>('people')
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
    const next = tab === 'people' ? 'info' : 'people'
    setTab(next)
    event.currentTarget.querySelector<HTMLElement>(`#tab-${next}`)?.focus()
  }
  return (
    <div className={styles.panel}>
      <header className={styles.head}>
        <div className={styles.tabs} role="tablist" aria-label={t('panel.info')} onKeyDown={onKeyDown}>
          {tabs.map((each) => (
            <button
              key={each}
              id={`tab-${each}`}
              type="button"
              role="tab"
              aria-selected={tab === each}
              aria-controls="panel-content"
              tabIndex={tab === each ? 0 : -1}
              onClick={() => setTab(each)}
            >
              {t(`panel.${each}`)}
            </button>
          ))}
        </div>
        {onClose && (
          <IconButton label={t('panel.close')} onClick={onClose}>
            <X size={18} aria-hidden />
          </IconButton>
        )}
      </header>
      <div id="panel-content" role="tabpanel" aria-labelledby={`tab-${tab}`} className={styles.content}>
        {tab === 'people' ? <Members room={room} onDialog={onDialog} /> : <RoomInfo room={room} onDialog={onDialog} />}
      </div>
    </div>
  )
}
