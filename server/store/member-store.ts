/**
 * Member store: the member events of each room's current state, and how many joined users each other server has.
 *
 * `state_member:[room_id, generation, server_name, user_id]` is apart from the rest of the state, so that a room is
 * loaded without its members, one member is one row, and those of a server are one range.
 * `room_server:[room_id, generation, server_name]` counts joined users; a server without one has no row, and this
 * server has none at all: the room knows its local members.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import { RecordId } from 'surrealdb'
import { type EventId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { StateOwner } from './room-store.js'
import type { RowId, StreamPosition, Write } from './writes.js'

export type MemberRow = { event_id: EventId; sender: UserId; membership: string; position: StreamPosition; pdu: string }
export type ReadMemberRow = Pick<MemberRow, 'event_id' | 'pdu'>

const idOf = ({ roomId, stateGeneration }: StateOwner, userId: UserId): RowId => [
  roomId,
  stateGeneration,
  serverNameOf(userId),
  userId,
]

export const setMember = (owner: StateOwner, userId: UserId, row: MemberRow): Write => ({
  op: 'upsert',
  table: 'state_member',
  row: { id: idOf(owner, userId), ...row },
})

export const deleteMember = (owner: StateOwner, userId: UserId): Write => ({
  op: 'delete',
  table: 'state_member',
  id: idOf(owner, userId),
})

export const setServerCount = ({ roomId, stateGeneration }: StateOwner, server: ServerName, joined: number): Write =>
  joined > 0
    ? { op: 'upsert', table: 'room_server', row: { id: [roomId, stateGeneration, server], joined } }
    : { op: 'delete', table: 'room_server', id: [roomId, stateGeneration, server] }

/** The member events of some users; who has none is left out. */
export async function readMemberRows(
  db: Reader,
  owner: StateOwner,
  userIds: readonly UserId[],
): Promise<ReadMemberRow[]> {
  if (userIds.length === 0) return []
  const members = userIds.map((userId) => new RecordId('state_member', idOf(owner, userId) as string[]))
  const [rows] = await db.query<[ReadMemberRow[]]>('SELECT * FROM $members', { members })
  return rows
}

/** All members of a room that is not large: the rows of a range cannot be read in pages. */
export async function readAllMemberRows(
  db: Reader,
  { roomId: room, stateGeneration: generation }: StateOwner,
): Promise<ReadMemberRow[]> {
  const [rows] = await db.query<[ReadMemberRow[]]>(
    'SELECT event_id, pdu FROM state_member:[$room, $generation, NONE]..[$room, $generation, ..]',
    { room, generation },
  )
  return rows
}

/** The users of one server by their membership, whatever it is. As text: there may be many, of many rooms at once. */
export async function readMembersOfServer(
  db: Reader,
  { roomId: room, stateGeneration: generation }: StateOwner,
  server: ServerName,
): Promise<{ user_id: UserId; membership: string }[]> {
  const [texts] = await db.query<[string[]]>(
    `SELECT VALUE string::concat(membership, ' ', record::id(id)[3])
     FROM state_member:[$room, $generation, $server, NONE]..[$room, $generation, $server, ..]`,
    { room, generation, server },
  )
  return texts.map((text) => {
    const end = text.indexOf(' ')
    return { membership: text.slice(0, end), user_id: text.slice(end + 1) as UserId }
  })
}

/** Of the other servers in the room. */
export async function readServerCounts(
  db: Reader,
  { roomId: room, stateGeneration: generation }: StateOwner,
): Promise<{ server: ServerName; joined: number }[]> {
  const [rows] = await db.query<[{ server: ServerName; joined: number }[]]>(
    `SELECT record::id(id)[2] AS server, joined
     FROM room_server:[$room, $generation, NONE]..[$room, $generation, ..]`,
    { room, generation },
  )
  return rows
}

/** Of some servers; one without joined users is left out. */
export async function readCountsOf(
  db: Reader,
  { roomId, stateGeneration }: StateOwner,
  servers: readonly ServerName[],
): Promise<{ server: ServerName; joined: number }[]> {
  if (servers.length === 0) return []
  const ids = servers.map((server) => new RecordId('room_server', [roomId, stateGeneration, server]))
  const [rows] = await db.query<[{ id: RecordId<'room_server', [string, number, ServerName]>; joined: number }[]]>(
    'SELECT * FROM $counts',
    { counts: ids },
  )
  return rows.map(({ id, joined }) => ({ server: id.id[2], joined }))
}
