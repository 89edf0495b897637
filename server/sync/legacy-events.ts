/**
 * The ways to follow rooms that were there before /sync, of which looking into a room that anybody may read is still done in no
 * other: a copy of a room or of all rooms, and what happens from then on.
 *
 * They stand on /sync and /messages, and give their tokens. A request names no device, so that no message to one is taken for
 * delivered that these answers have no place for.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-previews
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { notFound } from '../kernel/errors.js'
import type { DeviceId, EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import type { Change } from '../store/writes.js'
import type { ReadAccountDataOf } from './account-data-changes.js'
import type { ClientEvents } from './client-events.js'
import type { EphemeralStream } from './ephemeral-stream.js'
import { emptyRoomEventFilter } from './filter.js'
import type { ReadEvents } from './read-event.js'
import type { ReadMessages } from './read-messages.js'
import type { ReadState } from './read-state.js'
import type { Sync } from './sync.js'
import { formatSyncToken, readSince } from './sync-token.js'
import type { Visibility } from './visibility.js'

type Reader = { userId: UserId; sid: string }
export type Chunk = { start: string; end: string; chunk: JsonObject[] }

export type LegacyEvents = {
  /** @throws MatrixError 404 for an event that is not there or not to be seen */
  readEventAnywhere(reader: Reader, eventId: EventId): Promise<JsonObject>
  /** @throws MatrixError 403 without access to the room */
  readRoomCopy(reader: Reader, roomId: RoomId, limit: number): Promise<JsonObject & { room_id: RoomId }>
  readCopy(reader: Reader, limit: number, withLeft: boolean): Promise<JsonObject & { end: string }>
  /** What happens in all rooms of the user. @throws MatrixError 400 for what is no token */
  followRooms(reader: Reader, query: FollowQuery): Promise<Chunk>
  /** The same of one room, which the user need not be in. @throws MatrixError 403 without access */
  followRoom(reader: Reader, roomId: RoomId, query: FollowQuery): Promise<Chunk>
}
type FollowQuery = { from: string | undefined; timeoutMs: number; signal: AbortSignal }

type Needs = {
  db: Database
  rooms: Pick<Rooms, 'get' | 'readEvent' | 'membershipsOf' | 'lastPosition'>
  clock: Pick<Clock, 'elapsed' | 'after'>
  stream: EphemeralStream
  visibility: Pick<Visibility, 'checkAccess'>
  sync: Sync
  readEvent: ReadEvents['readEvent']
  readMessages: ReadMessages
  readState: ReadState['readState']
  readAccountDataOf: ReadAccountDataOf
  clientEvents: Pick<ClientEvents, 'ofState'>
  readRoomVisibility(roomId: RoomId): Promise<'public' | 'private'>
}

/** Of one answer. */
const maxEvents = 100
const maxTimeoutMs = 120_000
/** What has a place in a room: the specification lets these answers have nothing else. */
const none = { not_types: ['*'] }
const eventsAlone = {
  ...{ presence: none, account_data: none },
  room: { timeline: { limit: maxEvents }, ephemeral: none, account_data: none },
}
const noDevice = '' as DeviceId

export function makeLegacyEvents(needs: Needs): LegacyEvents & { onCommitted(changes: readonly Change[]): void } {
  const { db, clock, stream } = needs
  const waiting = new Map<RoomId, Set<() => void>>()
  const now = () => formatSyncToken({ position: db.position, boot: stream.boot, serial: stream.serial })

  const syncOf = (reader: Reader, more: Partial<Parameters<Sync>[0]>) =>
    needs.sync({
      ...{ ...reader, deviceId: noDevice, since: undefined, filter: undefined, fullState: false, timeoutMs: 0 },
      ...{ setPresence: 'online', useStateAfter: true, signal: new AbortController().signal, ...more },
    }) as Promise<JsonObject>

  async function facts(userId: UserId, roomId: RoomId): Promise<JsonObject> {
    const { rooms: byRoom } = await needs.readAccountDataOf(userId)
    const items = [...(byRoom.get(roomId)?.values() ?? [])].map(({ type, content }) => ({ type, content }))
    return { account_data: items, visibility: await needs.readRoomVisibility(roomId) }
  }

  /** Of one that came over federation there is no whole event. */
  async function readInvitation({ userId, sid }: Reader, roomId: RoomId): Promise<JsonObject[]> {
    const held = (await needs.rooms.membershipsOf(userId)).get(roomId)
    const room = await needs.rooms.get(roomId)
    const event = held && (await needs.rooms.readEvent(held.eventId))
    return room && event ? needs.clientEvents.ofState(room, [event], { userId, sid, omitRoomId: false }) : []
  }

  /** Resolves when something happens in the room, or the time is up. */
  function wait(roomId: RoomId, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiters = waiting.get(roomId) ?? new Set()
      waiting.set(roomId, waiters)
      const end = () => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        waiters.delete(end)
        if (waiters.size === 0) waiting.delete(roomId)
        resolve()
      }
      const timer = clock.after(ms, end)
      signal.addEventListener('abort', end)
      waiters.add(end)
      if (signal.aborted) end()
    })
  }

  async function readNews(reader: Reader, roomId: RoomId, from: string): Promise<Chunk> {
    const to = now()
    const range = { from, to, direction: 'f' as const, limit: maxEvents, filter: emptyRoomEventFilter }
    const { chunk, end = to } = await needs.readMessages({ ...reader, roomId, ...range })
    return { start: from, end, chunk }
  }

  return {
    onCommitted(changes) {
      if (waiting.size === 0) return
      for (const change of changes)
        if ('roomId' in change && change.roomId) for (const wake of [...(waiting.get(change.roomId) ?? [])]) wake()
    },
    async readEventAnywhere(reader, eventId) {
      const roomId = (await needs.rooms.readEvent(eventId))?.roomId
      if (!roomId) throw notFound('There is no such event, or it is not yours to see')
      return needs.readEvent({ ...reader, roomId, eventId })
    },
    async readRoomCopy(reader, roomId, limit) {
      const { membership, kind } = await needs.visibility.checkAccess(reader.userId, roomId)
      const end = now()
      const range = { from: end, direction: 'b' as const, limit, filter: emptyRoomEventFilter }
      const page = await needs.readMessages({ ...reader, roomId, ...range })
      return {
        room_id: roomId,
        ...(membership && membership.membership !== 'knock' && { membership: membership.membership }),
        messages: { start: page.end ?? page.start, end, chunk: page.chunk.reverse() },
        state: kind === 'invited' ? [] : await needs.readState({ ...reader, roomId }),
        ...(await facts(reader.userId, roomId)),
        ...{ presence: [], receipts: [] },
      }
    },
    async readCopy(reader, limit, withLeft) {
      const filter = JSON.stringify({ room: { timeline: { limit }, include_leave: withLeft } })
      const answer = await syncOf(reader, { filter })
      const end = String(answer.next_batch)
      const rooms: JsonObject[] = []
      for (const [roomId, section] of sectionsOf(answer, 'join').concat(sectionsOf(answer, 'leave'))) {
        const timeline = objectOf(section.timeline)
        const held = (await needs.rooms.membershipsOf(reader.userId)).get(roomId)
        rooms.push({
          ...{ room_id: roomId, membership: held?.membership ?? 'leave' },
          messages: { start: timeline.prev_batch ?? end, end, chunk: eventsOf(timeline, roomId) },
          state: eventsOf(section.state_after, roomId),
          ...(await facts(reader.userId, roomId)),
        })
      }
      for (const [roomId] of sectionsOf(answer, 'invite')) {
        const [invite] = await readInvitation(reader, roomId)
        const held = (await needs.rooms.membershipsOf(reader.userId)).get(roomId)
        rooms.push({ room_id: roomId, membership: 'invite', inviter: held?.sender, ...(invite && { invite }) })
      }
      const rest = { presence: eventsOf(answer.presence), account_data: eventsOf(answer.account_data), receipts: [] }
      return { end, rooms, ...rest }
    },
    async followRooms(reader, { from = now(), timeoutMs, signal }) {
      const filter = JSON.stringify(eventsAlone)
      const waitMs = Math.min(timeoutMs, maxTimeoutMs)
      const answer = await syncOf(reader, { since: from, filter, timeoutMs: waitMs, signal })
      const chunk: JsonObject[] = []
      for (const [roomId, section] of sectionsOf(answer, 'join').concat(sectionsOf(answer, 'leave')))
        chunk.push(...eventsOf(section.timeline, roomId))
      for (const [roomId] of sectionsOf(answer, 'invite')) chunk.push(...(await readInvitation(reader, roomId)))
      return { start: from, end: String(answer.next_batch), chunk }
    },
    async followRoom(reader, roomId, { from, timeoutMs, signal }) {
      if (from?.startsWith('s')) readSince(from, db.position)
      const until = clock.elapsed() + Math.min(timeoutMs, maxTimeoutMs)
      for (let start = from ?? now(); ; ) {
        // What comes while it is looked for wakes the wait that follows.
        const seen = needs.rooms.lastPosition(roomId)
        const news = await readNews(reader, roomId, start)
        const leftMs = until - clock.elapsed()
        if (news.chunk.length > 0 || leftMs <= 0 || signal.aborted) return { ...news, start: from ?? news.start }
        start = news.end
        if (needs.rooms.lastPosition(roomId) === seen) await wait(roomId, leftMs, signal)
      }
    },
  }
}

const objectOf = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})

const sectionsOf = (answer: JsonObject, kind: string): [RoomId, JsonObject][] =>
  Object.entries(objectOf(objectOf(answer.rooms)[kind])).map(([roomId, section]) => [
    roomId as RoomId,
    objectOf(section),
  ]) // keys of our own answer

/** @param roomId to be named in each, as /sync names it around them */
function eventsOf(section: unknown, roomId?: RoomId): JsonObject[] {
  const { events } = objectOf(section)
  return Array.isArray(events)
    ? events.filter(isJsonObject).map((event) => (roomId ? { ...event, room_id: roomId } : event))
    : []
}
