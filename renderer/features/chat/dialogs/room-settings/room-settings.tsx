/** Settings of a room: a dialog with parts, of which each saves by itself. */
import { type KeyboardEvent, useState } from 'react'
import type { RoomSummaryRow } from '../../../../../server/api/live/rows.js'
import { t } from '../../../../i18n/index.js'
import { Dialog } from '../../../../ui/dialog.js'
import { useSummary } from '../../use-room.js'
import { AccessPart } from './access-part.js'
import { GeneralPart } from './general-part.js'
import { LeavePart } from './leave-part.js'
import { NotificationsPart } from './notifications-part.js'
import { RolesPart } from './roles-part.js'
import styles from './room-settings.module.css'

const parts = ['general', 'access', 'roles', 'notifications', 'leave'] as const
export type SettingsPart = (typeof parts)[number]

type RoomSettingsProps = { room: RoomSummaryRow; part?: SettingsPart | undefined; onClose: () => void }

export function RoomSettingsDialog({ room: opened, part: first = 'general', onClose }: RoomSettingsProps) {
  const room = useSummary(opened.room_id) ?? opened
  const [part, setPart] = useState<SettingsPart>(first)
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return
    const next = parts[(parts.indexOf(part) + step + parts.length) % parts.length]!
    setPart(next)
    event.currentTarget.querySelector<HTMLElement>(`#room-settings-${next}`)?.focus()
    event.preventDefault()
  }
  return (
    <Dialog title={t('roomSettings.title', { room: room.name })} onClose={onClose} width="wide" isFlush>
      <div className={styles.frame}>
        <div
          className={styles.nav}
          role="tablist"
          aria-orientation="vertical"
          aria-label={t('roomSettings.parts')}
          onKeyDown={onKeyDown}
        >
          {parts.map((each) => (
            <button
              key={each}
              id={`room-settings-${each}`}
              type="button"
              role="tab"
              aria-selected={part === each}
              aria-controls="room-settings-part"
              tabIndex={part === each ? 0 : -1}
              onClick={() => setPart(each)}
            >
              {t(`roomSettings.${each}`)}
            </button>
          ))}
        </div>
        <div
          id="room-settings-part"
          className={styles.part}
          role="tabpanel"
          aria-labelledby={`room-settings-${part}`}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
          tabIndex={0}
        >
          {part === 'general' && <GeneralPart room={room} />}
          {part === 'access' && <AccessPart room={room} />}
          {part === 'roles' && <RolesPart room={room} />}
          {part === 'notifications' && <NotificationsPart room={room} />}
          {part === 'leave' && <LeavePart room={room} onClose={onClose} />}
        </div>
      </div>
    </Dialog>
  )
}
