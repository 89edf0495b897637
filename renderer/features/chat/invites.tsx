/** Invites: who invites, from which server, and every way to answer at hand. */
import { Ban, Ellipsis, Flag } from 'lucide-react'
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { navigate, roomPath } from '../../app/route.js'
import { useServices } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { localpartOf, serverNameOf } from '../../platform/matrix/login-session.js'
import { Avatar } from '../../ui/avatar.js'
import { EmptyState } from '../../ui/bits.js'
import { Button, IconButton } from '../../ui/button.js'
import { Menu, MenuItem } from '../../ui/menu.js'
import { showToast } from '../../ui/toast.js'
import { attempt, setIgnored } from './chat-actions.js'
import { joinRoom } from './join-room.js'
import styles from './room-list.module.css'
import { isSpace } from './room-order.js'

/** The newest invite in full; of more, a line that opens: the list below is what one came for. */
export function Invites({ invites, showsAll }: { invites: RoomSummaryRow[]; showsAll: boolean }) {
  const [isOpen, setIsOpen] = useState(false)
  const isWhole = showsAll || isOpen || invites.length < 2
  return (
    <section className={styles.invites}>
      <h2>{t('invites.title', { count: invites.length })}</h2>
      <ul>
        {(isWhole ? invites : invites.slice(0, 1)).map((room) => (
          <Invite key={room.room_id} room={room} />
        ))}
      </ul>
      {!showsAll && invites.length > 1 && (
        <button type="button" className={styles.moreInvites} aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {isOpen ? t('invites.fewer') : t('invites.moreOfThem', { count: invites.length - 1 })}
        </button>
      )}
    </section>
  )
}

const Invite = ({ room }: { room: RoomSummaryRow }) => (
  <li className={styles.invite}>
    <Avatar
      id={room.is_direct ? (room.inviter ?? room.room_id) : room.room_id}
      name={room.name}
      mxc={room.avatar_url}
      kind={room.is_direct ? 'person' : 'room'}
    />
    <div className={styles.text}>
      <button type="button" className={styles.inviteName} onClick={() => navigate(roomPath(room.room_id))}>
        <span className={`${styles.name} ${styles.unread}`}>{room.name}</span>
      </button>
      <WhoInvites room={room} />
      <Answers room={room} />
    </div>
  </li>
)

function WhoInvites({ room }: { room: RoomSummaryRow }) {
  const text = whoInvites(room, useServices().session.userId)
  return <span className={styles.preview}>{isSpace(room) ? `${t('space.kind')} · ${text}` : text}</span>
}

function whoInvites(room: RoomSummaryRow, userId: string): string {
  if (room.membership === 'knock') return t('invites.knocked')
  if (!room.inviter) return ''
  const name = room.inviter_name ?? localpartOf(room.inviter)
  const server = serverNameOf(room.inviter)
  return server === serverNameOf(userId) ? t('invites.fromHere', { name }) : t('invites.from', { name, server })
}

/** @param isMain the answers are what the page is about */
function Answers({ room, isMain = false }: { room: RoomSummaryRow; isMain?: boolean }) {
  const services = useServices()
  const { matrix, session } = services
  // What the server itself has to say can be left, but not declined.
  const isNotice = room.inviter === `@hearth:${serverNameOf(session.userId)}`
  const [isBusy, setIsBusy] = useState(false)
  const during = async (work: () => Promise<unknown>) => {
    setIsBusy(true)
    await attempt(work)
    setIsBusy(false)
  }
  const join = () =>
    during(async () => {
      const via = room.inviter ? [serverNameOf(room.inviter)] : []
      navigate(roomPath(await joinRoom(services, room.room_id, via)))
    })
  const reject = () => during(() => matrix.leaveRoom(room.room_id))
  const report = () =>
    during(async () => {
      await matrix.reportRoom(room.room_id, t('invites.reportReason'))
      await matrix.leaveRoom(room.room_id)
      showToast(t('invites.reported'))
    })
  const ignore = () =>
    during(async () => {
      await setIgnored(services, room.inviter!, true)
      await matrix.leaveRoom(room.room_id)
    })

  if (room.membership === 'knock')
    return (
      <div className={styles.inviteButtons}>
        <Button disabled={isBusy} onClick={reject}>
          {t('invites.withdraw')}
        </Button>
      </div>
    )
  return (
    <div className={styles.inviteButtons}>
      <Button variant={isMain ? 'primary' : 'secondary'} disabled={isBusy} onClick={join}>
        {t('invites.accept')}
      </Button>
      {!isNotice && (
        <Button variant="quiet" disabled={isBusy} onClick={reject}>
          {t('invites.reject')}
        </Button>
      )}
      {!isNotice && (
        <Menu
          trigger={
            <IconButton label={t('invites.more')} disabled={isBusy}>
              <Ellipsis size={16} aria-hidden />
            </IconButton>
          }
        >
          {room.inviter && (
            <MenuItem icon={<Ban size={16} aria-hidden />} onSelect={ignore}>
              {t('invites.ignore', { name: localpartOf(room.inviter) })}
            </MenuItem>
          )}
          <MenuItem icon={<Flag size={16} aria-hidden />} isDanger onSelect={report}>
            {t('invites.report')}
          </MenuItem>
        </Menu>
      )}
    </div>
  )
}

/** In place of the room, before it is joined. */
export function InvitePreview({ room }: { room: RoomSummaryRow }) {
  const { session } = useServices()
  return (
    <EmptyState
      fills
      withMark
      title={t(isSpace(room) ? 'chat.previewSpace' : 'chat.previewInvite', { room: room.name })}
      text={
        <>
          {whoInvites(room, session.userId)}
          {room.topic && (
            <>
              {' · '}
              <bdi>{room.topic}</bdi>
            </>
          )}
        </>
      }
      action={<Answers room={room} isMain />}
    />
  )
}
