/**
 * Membership store: where each user is now (`membership:[user_id, room_id]`) and how it came about
 * (`membership_change:[room_id, user_id, position]`).
 *
 * Both are written with the member event itself. A membership without a timeline here (an invite that
 * came over federation) has a row with its stripped state and no seq.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { RoomSeq, StreamPosition, Write } from './writes.js'

export type MembershipRow = {
  room_id: RoomId
  membership: string
  event_id: EventId
  sender: UserId
  position: StreamPosition
  seq?: RoomSeq
  forgotten: boolean
  /** JSON of the stripped state that came along. */
  stripped?: string
  /** Of an invite or knock that went over federation: the other server, and the room's version. */
  via?: ServerName
  room_version?: string
}

export async function readMembershipsOf(db: Reader, userId: UserId): Promise<MembershipRow[]> {
  const [rows] = await db.query<[MembershipRow[]]>('SELECT * FROM membership:[$user, NONE]..[$user, ..]', {
    user: userId,
  })
  return rows
}

/** What is optional is named all the same: an upsert keeps what it does not name. */
const absent = { seq: undefined, stripped: undefined, via: undefined, room_version: undefined }

export const setMembership = (userId: UserId, row: MembershipRow): Write => ({
  op: 'upsert',
  table: 'membership',
  row: { id: [userId, row.room_id], user_id: userId, ...absent, ...row },
})

export const setForgotten = (userId: UserId, roomId: RoomId): Write => ({
  op: 'upsert',
  table: 'membership',
  row: { id: [userId, roomId], forgotten: true },
})

export type MembershipChangeRow = { membership: string; event_id: EventId; seq: RoomSeq; position: StreamPosition }

/** Oldest first. */
export async function readMembershipChanges(
  db: Reader,
  roomId: RoomId,
  userId: UserId,
): Promise<MembershipChangeRow[]> {
  const [rows] = await db.query<[MembershipChangeRow[]]>(
    'SELECT membership, event_id, seq, position FROM membership_change:[$room, $user, NONE]..[$room, $user, ..]',
    { room: roomId, user: userId },
  )
  return rows
}

export const insertMembershipChange = (roomId: RoomId, userId: UserId, row: MembershipChangeRow): Write => ({
  op: 'insert',
  table: 'membership_change',
  row: { id: [roomId, userId, row.position], ...row },
})
