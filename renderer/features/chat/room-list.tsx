/** The room list: invites on top, then rooms and people, what calls for the user first. */
import { DoorOpen, Hash, Layers, MessageSquarePlus, Plus } from 'lucide-react'
import { type KeyboardEvent, useMemo, useRef, useState } from 'react'
import { VList, type VListHandle } from 'virtua'
import { roomPath } from '../../app/route.js'
import { useServices } from '../../app/services.js'
import { type TextKey, t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import { Chip, EmptyState, Skeleton } from '../../ui/bits.js'
import { Button, IconButton } from '../../ui/button.js'
import { SearchField } from '../../ui/field.js'
import { Menu, MenuItem } from '../../ui/menu.js'
import type { ChatDialog } from './dialogs/dialogs.js'
import { Invites } from './invites.js'
import styles from './room-list.module.css'
import { listInvites, listRooms, listSpaces, type RoomFilter } from './room-order.js'
import { RoomRow } from './room-row.js'
import { useSpaceRooms } from './space-rooms.js'
import { SpacesRow } from './spaces-row.js'

type RoomListProps = { openRoomId: string | undefined; onDialog: (dialog: ChatDialog) => void }

/** Favourites and invites are offered only where there are some: a list is narrow. */
const filtersFor = (hasFavourites: boolean, hasInvites: boolean): Exclude<RoomFilter, 'all'>[] => [
  ...(['unread', 'people', 'rooms'] as const),
  ...(hasFavourites ? (['favourites'] as const) : []),
  ...(hasInvites ? (['invites'] as const) : []),
]

export function RoomList({ openRoomId, onDialog }: RoomListProps) {
  const { rooms } = useStore(useServices().live.summaries)
  const [filter, setFilter] = useState<RoomFilter>('all')
  const [term, setTerm] = useState('')
  const invites = useMemo(() => listInvites(rooms ?? new Map()), [rooms])
  const spaces = useMemo(() => listSpaces(rooms ?? new Map()), [rooms])
  const [chosenId, setChosenId] = useState<string>()
  const space = spaces.find(({ room_id }) => room_id === chosenId) // left: everything again
  const ofSpace = useSpaceRooms(space?.room_id)?.rooms
  const within = useMemo(
    () => (space ? new Set(ofSpace?.map(({ room_id }) => room_id) ?? []) : undefined),
    [space, ofSpace],
  )
  const listed = useMemo(() => listRooms(rooms ?? new Map(), filter, term, within), [rooms, filter, term, within])
  const hasFavourites = useMemo(
    () => [...(rooms?.values() ?? [])].some(({ tags }) => tags.includes('m.favourite')),
    [rooms],
  )
  const filters = filtersFor(hasFavourites || filter === 'favourites', invites.length > 0 || filter === 'invites')
  const showsInvites = (filter === 'all' && !term) || filter === 'invites'

  return (
    <>
      <header className={styles.head}>
        <div className={styles.titleRow}>
          <h1>{t('rooms.title')}</h1>
          <NewMenu onDialog={onDialog} />
        </div>
        <SearchField label={t('rooms.search')} value={term} onChange={(event) => setTerm(event.target.value)} />
        {spaces.length > 0 && <SpacesRow spaces={spaces} chosenId={space?.room_id} onChoose={setChosenId} />}
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a frame and a legend */}
        <div className={styles.chips} role="group" aria-label={t('rooms.filter.label')}>
          {filters.map((each) => (
            <Chip key={each} isOn={filter === each} onToggle={() => setFilter(filter === each ? 'all' : each)}>
              {t(`rooms.filter.${each}` as TextKey)}
            </Chip>
          ))}
        </div>
      </header>
      {showsInvites && !space && invites.length > 0 && <Invites invites={invites} showsAll={filter === 'invites'} />}
      {space && (
        <a className={styles.spaceLink} href={`#${roomPath(space.room_id)}`}>
          {t('rooms.openSpace', { space: space.name })}
        </a>
      )}
      {rooms === undefined && <Skeletons />}
      {listed.length > 0 && <Rows rooms={listed} openRoomId={openRoomId} />}
      {rooms !== undefined && listed.length === 0 && !(showsInvites && invites.length > 0) && (
        <Nothing
          isFiltered={filter !== 'all' || term !== '' || space !== undefined}
          onClear={() => {
            setChosenId(undefined)
            setFilter('all')
            setTerm('')
          }}
          onDialog={onDialog}
        />
      )}
    </>
  )
}

function NewMenu({ onDialog }: { onDialog: (dialog: ChatDialog) => void }) {
  return (
    <Menu
      trigger={
        <IconButton label={t('rooms.new')}>
          <Plus size={18} aria-hidden />
        </IconButton>
      }
    >
      <MenuItem icon={<MessageSquarePlus size={16} aria-hidden />} onSelect={() => onDialog({ kind: 'direct' })}>
        {t('rooms.newChat')}
      </MenuItem>
      <MenuItem icon={<Hash size={16} aria-hidden />} onSelect={() => onDialog({ kind: 'create' })}>
        {t('rooms.newRoom')}
      </MenuItem>
      <MenuItem icon={<Layers size={16} aria-hidden />} onSelect={() => onDialog({ kind: 'create', makes: 'space' })}>
        {t('rooms.newSpace')}
      </MenuItem>
      <MenuItem icon={<DoorOpen size={16} aria-hidden />} onSelect={() => onDialog({ kind: 'join' })}>
        {t('rooms.join')}
      </MenuItem>
    </Menu>
  )
}

type RowsProps = { rooms: ReturnType<typeof listRooms>; openRoomId: string | undefined }

/** One row takes the Tab key; the arrow keys move between rows. */
function Rows({ rooms, openRoomId }: RowsProps) {
  const list = useRef<VListHandle>(null)
  const frame = useRef<HTMLElement>(null)
  const [focusedId, setFocusedId] = useState<string>()
  const indexOf = (roomId: string | undefined) => rooms.findIndex((room) => room.room_id === roomId)
  const tabStop = Math.max(0, indexOf(indexOf(focusedId) >= 0 ? focusedId : openRoomId))

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const last = rooms.length - 1
    const next = { ArrowDown: tabStop + 1, ArrowUp: tabStop - 1, Home: 0, End: last }[event.key]
    if (next === undefined || next < 0 || next > last) return
    event.preventDefault()
    setFocusedId(rooms[next]!.room_id)
    list.current?.scrollToIndex(next, { align: 'nearest' })
    requestAnimationFrame(() => frame.current?.querySelector<HTMLElement>('a[tabindex="0"]')?.focus())
  }
  return (
    <nav ref={frame} aria-label={t('rooms.list')} className={styles.scroll} onKeyDown={onKeyDown}>
      <VList ref={list} itemSize={52} keepMounted={[tabStop]} tabIndex={-1}>
        {rooms.map((room, index) => (
          <RoomRow key={room.room_id} room={room} isOpen={room.room_id === openRoomId} isTabStop={index === tabStop} />
        ))}
      </VList>
    </nav>
  )
}

const Skeletons = () => (
  <div className={styles.skeletons} role="status" aria-label={t('common.loading')}>
    {[68, 52, 76, 60, 44, 70].map((width) => (
      <div key={width}>
        <Skeleton width={36} height={36} />
        <Skeleton width={`${width}%`} />
      </div>
    ))}
  </div>
)

type NothingProps = { isFiltered: boolean; onClear: () => void; onDialog: (dialog: ChatDialog) => void }

const Nothing = ({ isFiltered, onClear, onDialog }: NothingProps) =>
  isFiltered ? (
    <EmptyState
      title={t('rooms.emptyFilter')}
      text={t('rooms.emptyFilterText')}
      action={<Button onClick={onClear}>{t('rooms.clearFilter')}</Button>}
    />
  ) : (
    <EmptyState
      title={t('rooms.empty')}
      text={t('rooms.emptyText')}
      action={<Button onClick={() => onDialog({ kind: 'direct' })}>{t('rooms.newChat')}</Button>}
    />
  )
