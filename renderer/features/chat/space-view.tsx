/** A space that is open: what it is for, and the rooms in it, each to be opened or joined. */
import { ChevronRight, Ellipsis, Minus, Plus } from 'lucide-react'
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { navigate, roomPath } from '../../app/route.js'
import { useServices } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import type { SpaceRoom } from '../../platform/matrix/rooms.js'
import { Avatar } from '../../ui/avatar.js'
import { Banner, EmptyState, Skeleton } from '../../ui/bits.js'
import { Button, IconButton } from '../../ui/button.js'
import { Menu, MenuItem } from '../../ui/menu.js'
import { attempt } from './chat-actions.js'
import type { ChatDialog } from './dialogs/dialogs.js'
import { joinRoom } from './join-room.js'
import { type PanelToggle, RoomHeader } from './room-header.js'
import { takeOutOfSpace, useSpaceRooms, viaOf } from './space-rooms.js'
import styles from './space-view.module.css'

const none: ReadonlySet<string> = new Set()

type SpaceViewProps = { room: RoomSummaryRow; panel: PanelToggle; onDialog: (dialog: ChatDialog) => void }

export default function SpaceView({ room, panel, onDialog }: SpaceViewProps) {
  const known = useSpaceRooms(room.room_id)
  const { matrix } = useServices()
  const directly = known?.children ?? none
  const mayChange = room.membership === 'join' && room.can.name // what is in it stands at the level of its name
  return (
    <>
      <RoomHeader room={room} panel={panel} onDialog={onDialog} />
      <section className={styles.space} aria-label={t('space.rooms', { space: room.name })}>
        <header className={styles.about}>
          <Avatar id={room.room_id} name={room.name} mxc={room.avatar_url} size={64} kind="room" />
          <h2>
            <bdi>{room.name}</bdi>
          </h2>
          <p>
            {t('space.kind')} · {t('room.members', { count: room.joined_count })}
          </p>
          {room.topic && <p dir="auto">{room.topic}</p>}
          {mayChange && (
            <div className={styles.actions}>
              <Button onClick={() => onDialog({ kind: 'create', space: room })}>
                <Plus size={16} aria-hidden />
                {t('space.newRoom')}
              </Button>
              <Button onClick={() => onDialog({ kind: 'addToSpace', space: room })}>{t('space.add')}</Button>
            </div>
          )}
        </header>
        {!known && (
          <div className={styles.list} role="status" aria-label={t('common.loading')}>
            <Skeleton width="60%" height={32} />
            <Skeleton width="45%" height={32} />
          </div>
        )}
        {known?.error !== undefined && <Banner tone="warn">{t('space.notRead')}</Banner>}
        {known && known.rooms.length === 0 && known.error === undefined && (
          <EmptyState title={t('space.empty')} text={t('space.emptyText')} />
        )}
        {known && known.rooms.length > 0 && (
          <ul className={styles.list}>
            {known.rooms.map((child) => (
              <Child
                key={child.room_id}
                child={child}
                via={viaOf(known.rooms, child.room_id)}
                onTakeOut={
                  mayChange && directly.has(child.room_id)
                    ? () => attempt(() => takeOutOfSpace(matrix, room.room_id, child.room_id))
                    : undefined
                }
              />
            ))}
          </ul>
        )}
      </section>
    </>
  )
}

type ChildProps = {
  child: SpaceRoom
  via: string[]
  /** Undefined where one may not, or it is in a space of the space. */
  onTakeOut: (() => void) | undefined
}

function Child({ child, via, onTakeOut }: ChildProps) {
  const services = useServices()
  const membership = useStore(services.live.summaries, ({ rooms }) => rooms?.get(child.room_id)?.membership)
  const [isBusy, setIsBusy] = useState(false)
  const isIn = membership === 'join'
  const name = child.name ?? child.canonical_alias ?? t('space.unnamed')
  const open = async () => {
    if (isIn) return navigate(roomPath(child.room_id))
    setIsBusy(true)
    await attempt(async () => navigate(roomPath(await joinRoom(services, child.room_id, via))))
    setIsBusy(false)
  }
  const label = t(isIn ? 'space.open' : 'space.join', { room: name })
  return (
    <li className={styles.child}>
      <Avatar id={child.room_id} name={name} mxc={child.avatar_url} size={36} kind="room" />
      <div className={styles.text}>
        <bdi className={styles.name}>{name}</bdi>
        <span>
          {child.room_type === 'm.space' ? `${t('space.kind')} · ` : ''}
          {t('room.members', { count: child.num_joined_members })}
          {child.topic && (
            <>
              {' · '}
              <bdi>{child.topic}</bdi>
            </>
          )}
        </span>
      </div>
      <Button variant={isIn ? 'quiet' : 'secondary'} disabled={isBusy} aria-label={label} onClick={() => void open()}>
        {isIn ? <ChevronRight size={16} aria-hidden /> : t('join.submit')}
      </Button>
      {onTakeOut && (
        <Menu
          trigger={
            <IconButton label={t('space.more', { room: name })}>
              <Ellipsis size={16} aria-hidden />
            </IconButton>
          }
        >
          <MenuItem icon={<Minus size={16} aria-hidden />} onSelect={onTakeOut}>
            {t('space.takeOut')}
          </MenuItem>
        </Menu>
      )}
    </li>
  )
}
