/**
 * Read receipts: public, private and threaded, held in memory per room once a room's were asked for.
 *
 * A receipt only moves forward in the timeline; what would move it back is taken and ignored, as other servers do,
 * since two devices of one user need not agree. Receipts of other servers are told as they come.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#receipts
 */

import type { ReceiptEdu } from '../events/edu.js'
import { relationOf } from '../events/relations.js'
import type { Clock } from '../kernel/clock.js'
import { forbidden, invalidParam, notFound } from '../kernel/errors.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import { type Loaded, VersionedCache } from '../kernel/versioned-cache.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { Rooms, StoredEvent } from '../rooms/room.js'
import { checkRoomPermission } from '../rooms/room-permission.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'
import { type ReceiptRow, type ReceiptType, readReceipts, setReceipt } from '../store/receipt-store.js'
import type { Change, StreamPosition } from '../store/writes.js'
import { makeReadThreadOf } from './thread-of.js'

export type Receipts = {
  /**
   * A local user has read up to an event.
   *
   * @throws MatrixError 403 not in the room; 404 no such event in it; 400 `M_INVALID_PARAM` a thread the event is not in
   */
  set(receipt: LocalReceipt): Promise<void>
  /** Of another server's user; ignored unless they are in the room. */
  receive(edus: readonly ReceiptEdu[]): Promise<void>
  /** Loads what is not in memory, in as few queries as it takes. */
  load(roomIds: readonly RoomId[]): Promise<void>
  /** Receipts of a room that the user may see, set after `since`. */
  readFor(userId: UserId, roomId: RoomId, since: number): Promise<ReceiptRow[]>
  /**
   * Position of a room's newest receipt; undefined where none has come since the start and the room is not in memory:
   * then it is from before.
   */
  lastPosition(roomId: RoomId): number | undefined
  /** A user's own receipts in a room, of both types and all threads. */
  readOwn(userId: UserId, roomId: RoomId): Promise<ReceiptRow[]>
  /** The same without waiting; undefined where the room's receipts are not in memory. */
  peekOwn(userId: UserId, roomId: RoomId): ReceiptRow[] | undefined
}

export type LocalReceipt = {
  userId: UserId
  roomId: RoomId
  receiptType: ReceiptType
  eventId: EventId
  threadId?: string | undefined
}

type OfRoom = {
  /** By user, then by type and thread. */
  users: Map<UserId, Map<string, ReceiptRow>>
  lastPosition: number
  count: number
}

const maxBytes = 32 * 1024 * 1024
const bytesOf = ({ count }: OfRoom) => 200 + count * 400

type Needs = { db: Database; rooms: Pick<Rooms, 'get' | 'readEvent' | 'readMember'>; clock: Pick<Clock, 'now'> }

export function makeReceipts({ db, rooms, clock }: Needs): Receipts {
  const readThreadOf = makeReadThreadOf(rooms)
  /** By room and user: a receipt is compared with the one before it, so two of them take turns. */
  const lock = makeKeyedLock()
  const loaded = new VersionedCache<RoomId, OfRoom>('receipts', maxBytes)
  /** Positions of the newest receipts that came since the start, whether their rooms are in memory or not. */
  const newest = new Map<RoomId, number>()
  /** Rows of commits under way, by their change. */
  const durable = new WeakMap<Change, ReceiptRow>()

  const follow: ByKind = {
    receipt(change) {
      const row = durable.get(change)
      if (!row) return
      const { room_id: roomId } = row
      newest.set(roomId, Math.max(newest.get(roomId) ?? 0, row.position))
      const room = loaded.peek(roomId)
      if (!room) return loaded.delete(roomId) // what is being loaded may be of before it
      put(room, row)
      loaded.set(roomId, room, bytesOf(room))
    },
    ...{ event: ignore, state: ignore, redaction: ignore, membership: ignore, account_data: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }
  db.onCommitted('memory', (changes) => {
    for (const change of changes) treat(follow, change)
  })

  async function readRooms(roomIds: readonly RoomId[]): Promise<Loaded<RoomId, OfRoom>[]> {
    const byRoom = new Map<RoomId, OfRoom>(
      roomIds.map((roomId) => [roomId, { users: new Map(), lastPosition: 0, count: 0 }]),
    )
    for (const row of await readReceipts(db, roomIds)) put(byRoom.get(row.room_id), row)
    return [...byRoom].map(([key, value]) => ({ key, value, bytes: bytesOf(value) }))
  }

  const ofRoom = async (roomId: RoomId): Promise<OfRoom> =>
    (await loaded.get(roomId, async () => (await readRooms([roomId]))[0]))!

  function commit(row: Omit<ReceiptRow, 'position'>, isLocal: boolean): Promise<void> {
    return db.commit((grant) => {
      const placed: ReceiptRow = { ...row, position: grant.position() }
      const change: Change = {
        kind: 'receipt',
        position: placed.position,
        roomId: row.room_id,
        userId: row.user_id,
        receiptType: row.receipt_type,
        ...(row.thread_id === undefined ? {} : { threadId: row.thread_id }),
        eventId: row.event_id,
        ts: row.ts,
        isLocal,
      }
      durable.set(change, placed)
      return { writes: [setReceipt(placed)], changes: [change], result: undefined }
    })
  }

  async function isForward(row: Omit<ReceiptRow, 'position'>): Promise<boolean> {
    const before = (await ofRoom(row.room_id)).users.get(row.user_id)?.get(keyOf(row))
    if (!before) return true
    if (before.event_id === row.event_id) return false
    if (row.seq === undefined) return row.ts > before.ts
    const seq = before.seq ?? (await rooms.readEvent(before.event_id))?.seq
    return seq === undefined || row.seq > seq
  }

  const setForward = (row: Omit<ReceiptRow, 'position'>, isLocal: boolean): Promise<void> =>
    lock(`${row.room_id} ${row.user_id}`, async () => {
      if (await isForward(row)) await commit(row, isLocal)
    })

  async function checkThread(event: StoredEvent, threadId: string): Promise<void> {
    if (threadId === '') throw invalidParam('thread_id is empty')
    // A root may be read in its own thread and in the main one, and what relates to it with it.
    if (threadId === event.eventId || threadId === relationOf(event.pdu)?.eventId) return
    if ((await readThreadOf(event)) !== threadId) throw invalidParam('The event is not in that thread')
  }

  return {
    async set({ userId, roomId, receiptType, eventId, threadId }) {
      const room = await rooms.get(roomId)
      if (!room || !checkRoomPermission(room, userId, 'read')) throw forbidden('You are not in this room')
      const event = await rooms.readEvent(eventId)
      if (!event || event.roomId !== roomId || event.seq === undefined) throw notFound('No such event in this room')
      if (threadId !== undefined) await checkThread(event, threadId)
      const row = {
        room_id: roomId,
        receipt_type: receiptType,
        user_id: userId,
        ...(threadId === undefined ? {} : { thread_id: threadId }),
        event_id: eventId,
        ts: clock.now(),
        seq: event.seq,
      }
      await setForward(row, true)
    },
    async receive(edus) {
      for (const { roomId, userId, receiptType, eventId, ts, threadId } of edus) {
        const room = await rooms.get(roomId)
        const member = room && (await rooms.readMember(room, userId))
        if (member?.pdu.content.membership !== 'join') continue
        const event = await rooms.readEvent(eventId)
        const row = {
          room_id: roomId,
          receipt_type: receiptType,
          user_id: userId,
          ...(threadId === undefined ? {} : { thread_id: threadId }),
          event_id: eventId,
          ts,
          ...(event?.seq !== undefined && event.roomId === roomId ? { seq: event.seq } : {}),
        }
        await setForward(row, false)
      }
    },
    async load(roomIds) {
      await loaded.getMany(roomIds, readRooms)
    },
    async readFor(userId, roomId, since) {
      const room = await ofRoom(roomId)
      if (room.lastPosition <= since) return []
      return [...room.users.values()].flatMap((rows) =>
        [...rows.values()].filter(
          (row) => row.position > since && (row.receipt_type !== 'm.read.private' || row.user_id === userId),
        ),
      )
    },
    lastPosition: (roomId) => newest.get(roomId) ?? loaded.peek(roomId)?.lastPosition,
    readOwn: async (userId, roomId) => ownIn(await ofRoom(roomId), userId),
    peekOwn(userId, roomId) {
      const room = loaded.peek(roomId)
      return room && ownIn(room, userId)
    },
  }
}

const ownIn = ({ users }: OfRoom, userId: UserId): ReceiptRow[] => [...(users.get(userId)?.values() ?? [])]

const keyOf = (row: Pick<ReceiptRow, 'receipt_type' | 'thread_id'>) => `${row.receipt_type} ${row.thread_id ?? ''}`

function put(room: OfRoom | undefined, row: ReceiptRow): void {
  if (!room) return
  const rows = room.users.get(row.user_id) ?? new Map<string, ReceiptRow>()
  room.users.set(row.user_id, rows)
  const before = rows.get(keyOf(row))
  if (before && before.position > row.position) return
  rows.set(keyOf(row), row)
  if (!before) room.count++
  room.lastPosition = Math.max(room.lastPosition, row.position as StreamPosition)
}

/** The content of one `m.receipt` event. */
export function receiptContent(rows: readonly ReceiptRow[]): Record<string, Record<string, Record<string, object>>> {
  const content: Record<string, Record<string, Record<string, object>>> = {}
  for (const { event_id, receipt_type, user_id, thread_id, ts } of rows) {
    content[event_id] ??= {}
    const ofEvent = content[event_id]
    ofEvent[receipt_type] ??= {}
    const ofType = ofEvent[receipt_type]
    // One event, type and user can hold one receipt: the unthreaded one says the most.
    if (thread_id === undefined || !ofType[user_id])
      ofType[user_id] = thread_id === undefined ? { ts } : { ts, thread_id }
  }
  return content
}
