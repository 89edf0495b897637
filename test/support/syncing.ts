/** /sync and reading on real rooms and a real database, without HTTP; every answer is held against the spec. */
import type { Edu } from '../../server/events/edu.js'
import type { JsonObject } from '../../server/events/pdu.js'
import { type Clock, systemClock } from '../../server/kernel/clock.js'
import type { DeviceId, EventId, RoomId, ServerName, UserId } from '../../server/kernel/identifiers.js'
import type { Database } from '../../server/store/reader.js'
import { buildSyncing, type SyncingNeeds } from '../../server/sync/build-syncing.js'
import { readRoomEventFilter } from '../../server/sync/filter.js'
import type { MessagesQuery } from '../../server/sync/read-messages.js'
import { makeAccountData } from '../../server/users/account-data.js'
import { silentLogger } from './database.js'
import { makeTestRooms } from './rooms.js'
import { expectToFitSpec } from './spec-check.js'

export type SyncEvent = {
  type: string
  event_id: EventId
  sender: UserId
  state_key?: string
  content: Record<string, unknown>
  unsigned: Record<string, unknown>
}
export type RoomAnswer = {
  timeline: { events: SyncEvent[]; limited: boolean; prev_batch: string }
  state: { events: SyncEvent[] }
  state_after: { events: SyncEvent[] }
  ephemeral: { events: { type: string; content: Record<string, unknown> }[] }
  account_data: { events: { type: string; content: Record<string, unknown> }[] }
  summary?: { 'm.heroes'?: string[]; 'm.joined_member_count'?: number; 'm.invited_member_count'?: number }
  unread_notifications: { notification_count: number; highlight_count: number }
  unread_thread_notifications?: Record<string, { notification_count: number; highlight_count: number }>
}
export type Answer = {
  next_batch: string
  rooms?: {
    join?: Record<string, RoomAnswer>
    leave?: Record<string, RoomAnswer>
    invite?: Record<string, { invite_state: { events: SyncEvent[] } }>
    knock?: Record<string, { knock_state: { events: SyncEvent[] } }>
  }
  presence?: { events: { sender: string; content: Record<string, unknown> }[] }
  account_data?: { events: { type: string; content: Record<string, unknown> }[] }
  to_device?: { events: { type: string; sender: string; content: Record<string, unknown> }[] }
  device_lists?: { changed: string[]; left: string[] }
}

export type SyncOptions = {
  since?: string
  filter?: object | string
  fullState?: boolean
  timeoutMs?: number
  useStateAfter?: boolean
  setPresence?: 'online' | 'offline' | 'unavailable'
  signal?: AbortSignal
}

export const never = new AbortController().signal

export type TestSyncing = Awaited<ReturnType<typeof makeTestSyncing>>

export async function makeTestSyncing(
  db: Database,
  more: Partial<SyncingNeeds> & { clock?: Clock } = {},
  maxRoomsInMemory?: number,
) {
  const hs = await makeTestRooms(db, undefined, maxRoomsInMemory)
  const accountData = makeAccountData({ db })
  const edus: { to: ServerName[]; edu: Edu }[] = []
  const typingRows: string[] = []
  const presenceRows: JsonObject[] = []
  const forgottenPresence: UserId[] = []
  const putBack: { userId: UserId; deviceId: DeviceId }[] = []
  const syncing = buildSyncing({
    db,
    rooms: hs.rooms,
    clock: systemClock,
    log: silentLogger,
    serverName: hs.signer.serverName,
    isErased: () => false,
    writeTyping: (row) => void typingRows.push(`+ ${row.user_id}`),
    deleteTyping: (_roomId, userId) => void typingRows.push(`- ${userId}`),
    writePresence: (row) => void presenceRows.push({ ...row }),
    deletePresence: (userId) => void forgottenPresence.push(userId),
    sendEdu: (to, edu) => void edus.push({ to: [...to], edu }),
    readFilter: accountData.readFilter,
    readPushRules: async () => ({ override: [] }),
    changeAccountData: accountData.changeAccountData,
    readRoomVisibility: async () => 'private',
    onPutBack: async (device) => void putBack.push(device),
    ...more,
  })
  const { operations } = syncing

  /** A device of a user. */
  function device(userId: UserId, deviceId = 'DEV') {
    const sid = `${userId} ${deviceId}`
    const reader = (roomId: RoomId) => ({ userId, sid, roomId })
    return {
      userId,
      sid,
      async sync(options: SyncOptions = {}): Promise<Answer> {
        const { filter, since } = options
        const answer = await operations.sync({
          userId,
          deviceId: deviceId as DeviceId,
          sid,
          since,
          filter: typeof filter === 'object' ? JSON.stringify(filter) : filter,
          fullState: options.fullState ?? false,
          setPresence: options.setPresence ?? 'offline',
          timeoutMs: options.timeoutMs ?? 0,
          useStateAfter: options.useStateAfter ?? false,
          signal: options.signal ?? never,
        })
        expectToFitSpec('cs:sync', answer)
        return answer as unknown as Answer
      },
      async messages(roomId: RoomId, query: Partial<Omit<MessagesQuery, 'filter'>> & { filter?: object } = {}) {
        const page = await operations.readMessages({
          ...reader(roomId),
          direction: 'b',
          limit: 10,
          ...query,
          filter: readRoomEventFilter(query.filter),
        })
        expectToFitSpec('cs:getRoomEvents', page)
        return page as { start: string; end?: string; chunk: SyncEvent[]; state?: SyncEvent[] }
      },
      async context(roomId: RoomId, eventId: EventId, limit = 10, filter: object = {}) {
        const found = await operations.readEventContext({
          ...reader(roomId),
          eventId,
          limit,
          filter: readRoomEventFilter(filter),
        })
        expectToFitSpec('cs:getEventContext', found)
        return found as unknown as Record<'start' | 'end', string> & {
          event: SyncEvent
          events_before: SyncEvent[]
          events_after: SyncEvent[]
          state: SyncEvent[]
        }
      },
      async event(roomId: RoomId, eventId: EventId) {
        const event = await operations.readOneEvent({ ...reader(roomId), eventId })
        expectToFitSpec('cs:getOneRoomEvent', event)
        return event as unknown as SyncEvent
      },
      async state(roomId: RoomId) {
        const events = await operations.readRoomState(reader(roomId))
        expectToFitSpec('cs:getRoomState', events)
        return events as unknown as SyncEvent[]
      },
      async members(roomId: RoomId, query: { at?: string; membership?: string; notMembership?: string } = {}) {
        const chunk = await operations.readMembers({ ...reader(roomId), ...query })
        expectToFitSpec('cs:getMembersByRoom', { chunk })
        return chunk as unknown as SyncEvent[]
      },
      stateEvent: (roomId: RoomId, type: string, stateKey = '') =>
        operations.readRoomStateEvent(reader(roomId), type, stateKey),
    }
  }
  return { ...hs, ...syncing, putBack, accountData, device, edus, typingRows, presenceRows, forgottenPresence }
}

/** Bodies of the messages, in order. */
export const bodies = (events: readonly SyncEvent[]) =>
  events.filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)

export const only = (answer: Answer): RoomAnswer => {
  const sections = Object.values(answer.rooms?.join ?? {})
  if (sections.length !== 1) throw new Error(`expected one joined room, got ${sections.length}`)
  return sections[0] as RoomAnswer
}

/** `type|state_key` of state events, sorted. */
export const keysOf = (events: readonly SyncEvent[]) =>
  events.map(({ type, state_key }) => `${type}|${state_key}`).sort()
