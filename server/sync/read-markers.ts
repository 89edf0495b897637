/**
 * The fully-read marker: room account data that only its user sees, and that only this server sets.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#fully-read-markers
 */
import { forbidden, notFound } from '../kernel/errors.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { Rooms } from '../rooms/room.js'
import { checkRoomPermission } from '../rooms/room-permission.js'
import type { ReadAccountDataOf } from './account-data-changes.js'

/**
 * Moves the marker forward; one that would move back is taken and ignored.
 *
 * @throws MatrixError 403 not in the room; 404 no such event in it
 */
export type SetFullyRead = (userId: UserId, roomId: RoomId, eventId: EventId) => Promise<void>

type Needs = {
  rooms: Pick<Rooms, 'get' | 'readEvent'>
  readAccountDataOf: ReadAccountDataOf
  /** Stores account data, `m.fully_read` included, which clients may not set themselves. */
  changeAccountData(
    userId: UserId,
    roomId: RoomId | undefined,
    type: string,
    change: (content: Record<string, unknown> | undefined) => Record<string, unknown>,
  ): Promise<void>
}

export function makeSetFullyRead({ rooms, readAccountDataOf, changeAccountData }: Needs): SetFullyRead {
  /** A marker is compared with the one before it, so two of them take turns. */
  const lock = makeKeyedLock()
  return (userId, roomId, eventId) => lock(`${userId} ${roomId}`, () => set(userId, roomId, eventId))

  async function set(userId: UserId, roomId: RoomId, eventId: EventId): Promise<void> {
    const room = await rooms.get(roomId)
    if (!room || !checkRoomPermission(room, userId, 'read')) throw forbidden('You are not in this room')
    const event = await rooms.readEvent(eventId)
    if (!event || event.roomId !== roomId || event.seq === undefined) throw notFound('No such event in this room')
    const before = (await readAccountDataOf(userId)).rooms.get(roomId)?.get('m.fully_read')?.content.event_id
    if (before === eventId) return
    const marked = typeof before === 'string' ? await rooms.readEvent(before as EventId) : undefined
    if (marked?.seq !== undefined && marked.seq >= event.seq) return
    await changeAccountData(userId, roomId, 'm.fully_read', () => ({ event_id: eventId }))
  }
}
