/** One line of the room list: who or where, the last line or who is typing, when, how much is unread. */
import { memo } from 'react'
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { roomPath } from '../../app/route.js'
import { useServices } from '../../app/services.js'
import { formatBriefly } from '../../i18n/format.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import { localpartOf } from '../../platform/matrix/login-session.js'
import { Avatar } from '../../ui/avatar.js'
import { Badge } from '../../ui/bits.js'
import { usePresence } from './presence.js'
import styles from './room-list.module.css'

type RoomRowProps = { room: RoomSummaryRow; isOpen: boolean; isTabStop: boolean }

export const RoomRow = memo(function RoomRow({ room, isOpen, isTabStop }: RoomRowProps) {
  const other = room.is_direct ? room.heroes[0] : undefined
  const presence = usePresence(other)
  const isUnread = room.notification_count > 0 || room.highlight_count > 0
  return (
    <a
      href={`#${roomPath(room.room_id)}`}
      className={`${styles.row} ${isUnread ? styles.unread : ''}`}
      aria-current={isOpen ? 'page' : undefined}
      tabIndex={isTabStop ? 0 : -1}
    >
      <Avatar
        id={other ?? room.room_id}
        name={room.name}
        mxc={room.avatar_url}
        size={36}
        kind={other ? 'person' : 'room'}
        presence={presence}
      />
      <span className={styles.text}>
        <span className={styles.line}>
          <span className={styles.name}>{room.name}</span>
          <time className={styles.time}>{formatBriefly(room.last_activity_ts)}</time>
        </span>
        <span className={styles.line}>
          <Preview room={room} />
          <Counts room={room} />
        </span>
      </span>
    </a>
  )
})

function Preview({ room }: { room: RoomSummaryRow }) {
  const { live, session } = useServices()
  const typing = useStore(live.typing, (byRoom) => byRoom.get(room.room_id))
  if (typing?.length) {
    const text = typing.length > 1 ? t('rooms.typing.many') : t('rooms.typing.one', { name: localpartOf(typing[0]!) })
    return <span className={`${styles.preview} ${styles.typing}`}>{text}</span>
  }
  const last = room.last_event
  if (!last) return <span className={styles.preview}>{t('rooms.noMessages')}</span>
  const preview = last.preview || t(last.type === 'm.room.encrypted' ? 'rooms.encrypted' : 'rooms.unsupported')
  const isOwn = last.sender === session.userId
  const isPlain = last.type !== 'm.room.message' || (room.is_direct && !isOwn)
  const who = isOwn ? 'rooms.you' : 'rooms.someone'
  const text = isPlain ? preview : t(who, { text: preview, name: last.sender_name ?? localpartOf(last.sender) })
  return <span className={styles.preview}>{text}</span>
}

function Counts({ room }: { room: RoomSummaryRow }) {
  if (room.highlight_count > 0)
    return <Badge count={room.highlight_count} isLoud label={t('rooms.mentions', { count: room.highlight_count })} />
  if (room.notification_count > 0)
    return <Badge count={room.notification_count} label={t('rooms.unread', { count: room.notification_count })} />
  return null
}
