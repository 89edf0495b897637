/** Name, topic and presence of the open room, and what can be done with the room as a whole. */
import {
  ArrowLeft,
  CheckCheck,
  ChevronsDown,
  Ellipsis,
  Link,
  Lock,
  LogOut,
  PanelRight,
  Settings,
  Star,
  StarOff,
  UserPlus,
} from 'lucide-react'
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { navigate } from '../../app/route.js'
import { useServices } from '../../app/services.js'
import { formatAgo } from '../../i18n/format.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import { serverNameOf } from '../../platform/matrix/login-session.js'
import { Avatar } from '../../ui/avatar.js'
import { IconButton } from '../../ui/button.js'
import { Menu, MenuItem, MenuSeparator } from '../../ui/menu.js'
import { Tip } from '../../ui/tip.js'
import { attempt, copyText } from './chat-actions.js'
import type { ChatDialog } from './dialogs/dialogs.js'
import { absenceOf } from './direct-notice.js'
import { markAllRead } from './mark-read.js'
import { linkToRoom } from './matrix-links.js'
import styles from './room-view.module.css'

export type PanelToggle = { isOpen: boolean; toggle: () => void }
type RoomMenuProps = { room: RoomSummaryRow; onDialog: (dialog: ChatDialog) => void }

export function RoomHeader({ room, panel, onDialog }: RoomMenuProps & { panel: PanelToggle }) {
  const other = room.is_direct ? room.heroes[0] : undefined
  const presence = useStore(useServices().live.presence.store, (all) => (other ? all.get(other) : undefined))
  const isJoined = room.membership === 'join'
  return (
    <header className={styles.header}>
      <IconButton label={t('room.back')} className={styles.back} onClick={() => navigate('/')}>
        <ArrowLeft size={18} aria-hidden />
      </IconButton>
      <div className={styles.who}>
        <Avatar
          id={other ?? room.room_id}
          name={room.name}
          mxc={room.avatar_url}
          size={32}
          kind={other ? 'person' : 'room'}
          presence={presence?.presence}
        />
        <div className={styles.title}>
          <h1 title={room.name}>{room.name}</h1>
          <p>{subtitleOf(room, presence)}</p>
        </div>
        {room.encrypted && (
          <Tip text={t('room.encrypted')}>
            <Lock size={14} role="img" aria-label={t('room.encrypted')} />
          </Tip>
        )}
      </div>
      <div className={styles.buttons}>
        {isJoined && room.can.invite && (
          <IconButton label={t('room.invite')} onClick={() => onDialog({ kind: 'invite', room })}>
            <UserPlus size={18} aria-hidden />
          </IconButton>
        )}
        <IconButton label={t('room.showPanel')} aria-pressed={panel.isOpen} onClick={panel.toggle}>
          <PanelRight size={18} aria-hidden />
        </IconButton>
        <RoomMenu room={room} onDialog={onDialog} />
      </div>
    </header>
  )
}

function subtitleOf(
  room: RoomSummaryRow,
  presence: { presence: string; last_active_ts?: number; status_msg?: string } | undefined,
): string {
  const absence = absenceOf(room)
  if (absence) return t(absence === 'invited' ? 'direct.invited' : 'direct.left')
  if (room.is_direct && presence) {
    if (presence.status_msg) return presence.status_msg
    if (presence.presence === 'online') return t('presence.online')
    if (presence.last_active_ts) return formatAgo(presence.last_active_ts)
  }
  return room.topic?.split('\n')[0] || t('room.members', { count: room.joined_count })
}

function RoomMenu({ room, onDialog }: RoomMenuProps) {
  const { matrix, session, live } = useServices()
  const isFavourite = room.tags.includes('m.favourite')
  const isLow = room.tags.includes('m.lowpriority')
  const toggleTag = (tag: string, has: boolean) =>
    attempt(() => (has ? matrix.deleteTag : matrix.setTag)(session.userId, room.room_id, tag))
  const readAll = () => {
    const data = live.openRoom(room.room_id)
    if (data) markAllRead(matrix, room, data.timeline.store.get())
  }
  const link = room.canonical_alias ?? room.room_id
  return (
    <Menu
      trigger={
        <IconButton label={t('room.more')}>
          <Ellipsis size={18} aria-hidden />
        </IconButton>
      }
    >
      <MenuItem
        icon={isFavourite ? <StarOff size={16} aria-hidden /> : <Star size={16} aria-hidden />}
        onSelect={() => void toggleTag('m.favourite', isFavourite)}
      >
        {t(isFavourite ? 'room.unfavourite' : 'room.favourite')}
      </MenuItem>
      <MenuItem icon={<ChevronsDown size={16} aria-hidden />} onSelect={() => void toggleTag('m.lowpriority', isLow)}>
        {t(isLow ? 'room.normalPriority' : 'room.lowPriority')}
      </MenuItem>
      <MenuItem icon={<CheckCheck size={16} aria-hidden />} onSelect={readAll}>
        {t('room.markRead')}
      </MenuItem>
      <MenuItem
        icon={<Link size={16} aria-hidden />}
        onSelect={() => void copyText(linkToRoom(link, [serverNameOf(session.userId)]))}
      >
        {t('room.copyLink')}
      </MenuItem>
      {room.membership === 'join' && (
        <>
          <MenuItem icon={<Settings size={16} aria-hidden />} onSelect={() => onDialog({ kind: 'settings', room })}>
            {t('room.settings')}
          </MenuItem>
          <MenuSeparator />
          <MenuItem icon={<LogOut size={16} aria-hidden />} isDanger onSelect={() => onDialog({ kind: 'leave', room })}>
            {t('room.leave')}
          </MenuItem>
        </>
      )}
    </Menu>
  )
}
