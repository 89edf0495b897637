/** Rooms: every room somebody on this server is in, as what it is; never what is said in it. */
import { Lock } from 'lucide-react'
import { useMemo, useState } from 'react'
import { navigate } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { useLoaded } from '../../../app/use-loaded.js'
import { formatNumber } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { Avatar } from '../../../ui/avatar.js'
import { EmptyState } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { SearchField } from '../../../ui/field.js'
import { type AdminRoom, listRooms, type RoomOrder } from '../admin-api.js'
import { type Column, DataTable, type Sorting, sortRows } from '../data-table.js'
import { ListAndDetail } from '../list-and-detail.js'
import { AdminsOnly, LoadFailed, LoadingRows, PageHead } from '../page.js'
import tools from '../tools.module.css'
import { RoomPanel } from './room-panel.js'
import { accessOf, titleOf } from './room-text.js'

const pageSize = 100
const searchDelayMs = 200

export default function RoomsPage({ roomId }: { roomId: string | undefined }) {
  return (
    <AdminsOnly title={t('home.rooms')}>
      <Rooms roomId={roomId} />
    </AdminsOnly>
  )
}

/** Orders that the server knows; the others sort what is loaded, and are offered once all of it is. */
const serverOrders: Readonly<Record<string, RoomOrder>> = {
  name: 'name',
  version: 'version',
  activity: 'last_position',
}
const readers = {
  members: (room: AdminRoom) => room.joined_members,
  local: (room: AdminRoom) => room.joined_local_members,
  access: (room: AdminRoom) => accessOf(room),
}

const columns = (hasAll: boolean): Column<AdminRoom>[] => [
  { key: 'name', label: t('adminRooms.column.name'), canSort: true, render: (room) => <Identity room={room} /> },
  {
    key: 'members',
    label: t('adminRooms.column.members'),
    canSort: hasAll,
    isNumber: true,
    width: 96,
    render: (room) => formatNumber(room.joined_members),
  },
  {
    key: 'local',
    label: t('adminRooms.column.local'),
    canSort: hasAll,
    isNumber: true,
    importance: 3,
    width: 110,
    render: (room) => formatNumber(room.joined_local_members),
  },
  {
    key: 'access',
    label: t('adminRooms.column.access'),
    canSort: hasAll,
    importance: 2,
    width: 180,
    render: accessOf,
  },
  {
    key: 'version',
    label: t('adminRooms.column.version'),
    canSort: true,
    isNumber: true,
    importance: 3,
    width: 84,
    render: (room) => room.version,
  },
]

const Identity = ({ room }: { room: AdminRoom }) => (
  <span className={tools.identity}>
    <Avatar id={room.room_id} name={titleOf(room)} mxc={room.avatar ?? undefined} size={28} kind="room" />
    <bdi className={`${tools.name} ${room.name ? '' : tools.faint}`}>{titleOf(room)}</bdi>
    {room.encryption && <Lock size={14} role="img" aria-label={t('adminRooms.encrypted')} />}
  </span>
)

function Rooms({ roomId }: { roomId: string | undefined }) {
  const { http } = useServices().matrix
  const [term, setTerm] = useState('')
  const [limit, setLimit] = useState(pageSize)
  const [sorting, setSorting] = useState<Sorting>({ key: 'activity', isBackwards: false })
  const order = serverOrders[sorting.key]
  const isBackwards = order !== undefined && sorting.isBackwards
  const rooms = useLoaded(
    () => listRooms(http, { term, order: order ?? 'name', isBackwards, from: 0, limit }),
    `${term} ${order} ${isBackwards} ${limit}`,
    searchDelayMs,
  )
  const page = rooms.value
  const rows = useMemo(() => sortRows(page?.items ?? [], readers, sorting), [page, sorting])
  const chosen = page?.items.find((room) => room.room_id === roomId)
  const hasAll = page !== undefined && page.items.length >= page.total
  return (
    <ListAndDetail
      onClose={() => navigate('/home/rooms', 'replace')}
      detail={
        roomId === undefined
          ? undefined
          : {
              title: chosen ? titleOf(chosen) : roomId,
              content: <RoomPanel key={roomId} roomId={roomId} known={chosen} />,
            }
      }
    >
      <PageHead title={t('home.rooms')} />
      <div className={tools.tools}>
        <SearchField label={t('adminRooms.search')} value={term} onChange={(event) => setTerm(event.target.value)} />
        {page && <span className={tools.count}>{t('home.total', { count: page.total })}</span>}
      </div>
      {rooms.error !== undefined && <LoadFailed error={rooms.error} onRetry={rooms.reload} />}
      {!page && rooms.error === undefined && <LoadingRows />}
      {page && rows.length === 0 && (
        <EmptyState
          title={t(term ? 'adminRooms.noMatch' : 'adminRooms.empty')}
          text={t(term ? 'adminRooms.noMatchText' : 'adminRooms.emptyText')}
        />
      )}
      {rows.length > 0 && (
        <DataTable
          label={t('home.rooms')}
          columns={columns(hasAll)}
          rows={rows}
          keyOf={(room) => room.room_id}
          selected={roomId}
          onOpen={(room) => navigate(`/home/rooms/${encodeURIComponent(room.room_id)}`)}
          sorting={sorting}
          onSort={setSorting}
        />
      )}
      {page && !hasAll && (
        <div className={tools.more}>
          <Button onClick={() => setLimit(limit + pageSize)} disabled={rooms.isLoading}>
            {t('home.showMore')}
          </Button>
        </div>
      )}
    </ListAndDetail>
  )
}
