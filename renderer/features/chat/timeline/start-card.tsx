/** At the beginning of a room: what it is, and what can be done with a room that is still empty. */
import { Pencil, UserPlus } from 'lucide-react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { t } from '../../../i18n/index.js'
import { Avatar } from '../../../ui/avatar.js'
import { Button } from '../../../ui/button.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import styles from './timeline.module.css'

export function StartCard({ room, onDialog }: { room: RoomSummaryRow; onDialog: (dialog: ChatDialog) => void }) {
  const other = room.is_direct ? room.heroes[0] : undefined
  const canInvite = room.membership === 'join' && !room.is_direct && room.can.invite
  const canEdit = room.membership === 'join' && !room.is_direct && (room.can.name || room.can.topic)
  return (
    <div className={styles.start}>
      <Avatar
        id={other ?? room.room_id}
        name={room.name}
        mxc={room.avatar_url}
        size={56}
        kind={other ? 'person' : 'room'}
      />
      <h2>
        <bdi>{room.name}</bdi>
      </h2>
      <p>{t(room.is_direct ? 'timeline.startDirect' : 'timeline.start', { room: room.name })}</p>
      {room.topic && <p dir="auto">{room.topic}</p>}
      {(canInvite || canEdit) && (
        <div className={styles.startButtons}>
          {canInvite && (
            <Button onClick={() => onDialog({ kind: 'invite', room })}>
              <UserPlus size={16} aria-hidden />
              {t('timeline.startInvite')}
            </Button>
          )}
          {canEdit && (
            <Button variant="quiet" onClick={() => onDialog({ kind: 'settings', room })}>
              <Pencil size={16} aria-hidden />
              {t('panel.edit')}
            </Button>
          )}
        </div>
      )}
    </div>
  )
}
