/**
 * Puts the parts of /sync and reading together: what `server/index.ts` and tests call once.
 *
 * The order of the listeners matters: the memory of rooms is moved on by its own, registered before; what /sync
 * reads follows here, and the notifier comes last, since who is woken looks at once.
 */
import type { Clock } from '../kernel/clock.js'
import type { DeviceId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { PresenceRow } from '../kernel/live-rows.js'
import type { Logger } from '../kernel/logger.js'
import type { Room, Rooms } from '../rooms/room.js'
import { readPresenceRows } from '../store/presence-store.js'
import type { Database } from '../store/reader.js'
import { makeReadAccountDataOf, type ReadAccountDataOf } from './account-data-changes.js'
import { makeAggregations } from './aggregations.js'
import { type ClientEvents, makeClientEvents } from './client-events.js'
import { makeReadDeviceLists, type ReadDeviceLists } from './device-lists.js'
import { makeReadEphemeral } from './ephemeral.js'
import { makeEphemeralStream } from './ephemeral-stream.js'
import type { ReadFilter } from './filter.js'
import { makeReadStrippedState } from './invited-room.js'
import { makeBuildJoinedRoom } from './joined-room.js'
import { makeReadKeyChanges, type ReadKeyChanges } from './key-changes.js'
import { makeReadKeyCounts, type ReadKeyCounts } from './key-counts.js'
import { makeLazyMembers } from './lazy-members.js'
import { makeBuildLeftRoom } from './left-room.js'
import { type LegacyEvents, makeLegacyEvents } from './legacy-events.js'
import type { SendEdu } from './outgoing-edus.js'
import { makePresence, type Presence } from './presence.js'
import { makeReadPresence } from './presence-section.js'
import { makeReadEvents, type ReadEvents } from './read-event.js'
import { makeReadEventByTime, type QueryEventByTime, type ReadEventByTime } from './read-event-by-time.js'
import { makeSetFullyRead, type SetFullyRead } from './read-markers.js'
import { type Backfill, makeReadMessages, makeReadPage, type ReadMessages } from './read-messages.js'
import { makeReadNotifications, type ReadNotifications } from './read-notifications.js'
import { makeReadPresenceOf, type ReadPresenceOf } from './read-presence-of.js'
import { makeReadReading, type ReadReading } from './read-reading.js'
import { makeReadRelationsOf, type ReadRelationsOf } from './read-relations.js'
import { makeReadSenders } from './read-senders.js'
import { makeReadState, type ReadState } from './read-state.js'
import { makeReadThreads, type ReadThreads } from './read-threads.js'
import { makeReceipts, type Receipts } from './receipts.js'
import { makeReadSummary, type RoomSummary } from './room-summary.js'
import { makeBumpStamps } from './sliding/bump-stamp.js'
import { makeBuildExtensions } from './sliding/extensions.js'
import { makeBuildRoom } from './sliding/room-section.js'
import { makeSlidingSync, type SlidingSync } from './sliding/sliding-sync.js'
import { makeStateDeltas } from './state-delta.js'
import { makeReadMovesSince } from './state-moves.js'
import { makeStreamNotifier, type StreamNotifier } from './stream-notifier.js'
import { makeSync, type Sync } from './sync.js'
import { makeReadThreadOf, type ReadThreadOf } from './thread-of.js'
import { makeReadTimelineWindow } from './timeline-window.js'
import { makeToDeviceInbox, type ToDeviceInbox } from './to-device-inbox.js'
import { makeTyping, type Typing } from './typing.js'
import { makeUnreadCounts, type UnreadCounts } from './unread-counts.js'
import { makeReadJudge, type ReadJudge } from './unread-judge.js'
import { makeVisibility, type Visibility } from './visibility.js'

export type SyncingNeeds = {
  db: Database
  rooms: Rooms
  clock: Clock
  log: Logger
  serverName: ServerName
  /** Writers of the live tables; they must not wait for the write. */
  writeTyping(row: { room_id: RoomId; user_id: UserId; expires_at: number }): void
  deleteTyping(roomId: RoomId, userId: UserId): void
  writePresence(row: PresenceRow): void
  deletePresence(userId: UserId): void
  /** Users whose messages are for those alone who were there. */
  isErased(userId: UserId): boolean
  /** Absent where the server does not federate. */
  sendEdu?: SendEdu | undefined
  backfill?: Backfill | undefined
  queryEventByTime?: QueryEventByTime | undefined
  /** A device has seen what this database has not: it is an older copy. */
  onPutBack(device: { userId: UserId; deviceId: DeviceId }): Promise<void>
  readRoomVisibility(roomId: RoomId): Promise<'public' | 'private'>
  readFilter: ReadFilter
  readPushRules(userId: UserId): Promise<object>
  changeAccountData(
    userId: UserId,
    roomId: RoomId | undefined,
    type: string,
    change: (content: Record<string, unknown> | undefined) => Record<string, unknown>,
  ): Promise<void>
}

/** What endpoints use, by the names in their `Needs`. */
export type ReadingOperations = LegacyEvents & {
  sync: Sync
  slidingSync: SlidingSync
  readMessages: ReadMessages
  readEventContext: ReadEvents['readContext']
  readOneEvent: ReadEvents['readEvent']
  readEventByTime: ReadEventByTime
  readRoomState: ReadState['readState']
  readRoomStateEvent: ReadState['readStateEvent']
  readMembers: ReadState['readMembers']
  readJoinedMembers: ReadState['readJoinedMembers']
  setTyping: Typing['set']
  setReceipt: Receipts['set']
  setFullyRead: SetFullyRead
  setPresence: Presence['set']
  readPresenceOf: ReadPresenceOf
  readRelationsOf: ReadRelationsOf
  readThreads: ReadThreads
  readKeyChanges: ReadKeyChanges
  readNotifications: ReadNotifications
}

export type Syncing = {
  operations: ReadingOperations
  typing: Typing
  receipts: Receipts
  presence: Presence
  unreadCounts: UnreadCounts
  visibility: Visibility
  notifier: StreamNotifier
  inbox: ToDeviceInbox
  readKeyCounts: ReadKeyCounts
  readDeviceLists: ReadDeviceLists
  /** What push and search ask. */
  readAccountDataOf: ReadAccountDataOf
  clientEvents: ClientEvents
  readJudge: ReadJudge
  readReading: ReadReading
  readThreadOf: ReadThreadOf
  readSummary(room: Room, userId: UserId): Promise<RoomSummary>
  /** Reads what the last run knew of presence. */
  restore(): Promise<void>
  /** Ends the waiting requests and all timers. */
  close(): void
}

export function buildSyncing(needs: SyncingNeeds): Syncing {
  const { db, rooms, clock, sendEdu } = needs
  const stream = makeEphemeralStream()
  const notifier = makeStreamNotifier(needs)
  const readAccountDataOf = makeReadAccountDataOf({ db })
  const receipts = makeReceipts({ db, rooms, clock })
  const typing = makeTyping({ ...needs, stream, wakeRoom: notifier.wakeRoom, sendEdu })
  const { wakeSharing } = notifier
  const wakeRooms = (roomIds: readonly RoomId[]) => roomIds.forEach(notifier.wakeRoom)
  const presence = makePresence({ ...needs, stream, wakeSharing, wakeRooms, sendEdu })
  const unreadCounts = makeUnreadCounts({ db, rooms, receipts, readAccountDataOf, clock, log: needs.log })
  const inbox = makeToDeviceInbox({ db, log: needs.log })
  const readDeviceLists = makeReadDeviceLists({ db, rooms })
  const readKeyCounts = makeReadKeyCounts({ db })
  const stop = [
    db.onCommitted('memory', typing.onCommitted),
    db.onCommitted('notify', presence.onCommitted),
    db.onCommitted('notify', notifier.onCommitted),
  ]

  const visibility = makeVisibility({ rooms, isErased: needs.isErased })
  const aggregations = makeAggregations({ db, rooms, visibility, readAccountDataOf })
  const clientEvents = makeClientEvents({ rooms, clock, aggregations })
  const readSenders = makeReadSenders({ rooms })
  const readPage = makeReadPage({ rooms, visibility, clock, backfill: needs.backfill })
  const readSummary = makeReadSummary({ rooms })
  const readReading = makeReadReading({ rooms, receipts })
  const readThreadOf = makeReadThreadOf(rooms)
  const readJudge = makeReadJudge({ readAccountDataOf, rooms })
  const reading = { rooms, visibility, readPage, clientEvents, readAccountDataOf, readSenders }
  const section = {
    rooms,
    visibility,
    clientEvents,
    readTimelineWindow: makeReadTimelineWindow({ rooms, visibility }),
    stateDeltas: makeStateDeltas({ rooms }),
    readMovesSince: makeReadMovesSince(db),
  }
  const buildLeftRoom = makeBuildLeftRoom(section)
  const readStrippedState = makeReadStrippedState({ rooms })
  const readEphemeral = makeReadEphemeral({ receipts, typing, stream })
  const bumpStamps = makeBumpStamps()
  const slidingSync = makeSlidingSync({
    ...{ db, rooms, clock, stream, notifier, presence, receipts, readAccountDataOf, bumpStamps },
    buildRoom: makeBuildRoom({ ...section, readSummary, unreadCounts, buildLeftRoom, readStrippedState, bumpStamps }),
    buildExtensions: makeBuildExtensions({
      ...{ inbox, readKeyCounts, readDeviceLists, readEphemeral, typing, receipts },
      readPushRules: needs.readPushRules,
    }),
  })
  const sync = makeSync({
    db,
    rooms,
    clock,
    stream,
    notifier,
    presence,
    typing,
    receipts,
    lazyMembers: makeLazyMembers(),
    ...{ inbox, readDeviceLists, readKeyCounts },
    onPutBack: needs.onPutBack,
    readFilter: needs.readFilter,
    readAccountDataOf,
    readPushRules: needs.readPushRules,
    readPresence: makeReadPresence({ presence, rooms }),
    buildJoinedRoom: makeBuildJoinedRoom({
      ...section,
      readEphemeral,
      readSummary,
      unreadCounts,
    }),
    buildLeftRoom,
    readStrippedState,
  })
  const events = makeReadEvents(reading)
  const state = makeReadState(reading)
  const readMessages = makeReadMessages(reading)
  const { onCommitted: wakePeeking, ...legacyEvents } = makeLegacyEvents({
    ...{ ...reading, db, stream, sync, readMessages, readEvent: events.readEvent, readState: state.readState },
    ...{ clock, readRoomVisibility: needs.readRoomVisibility },
  })
  stop.push(db.onCommitted('notify', wakePeeking))
  return {
    operations: {
      sync,
      slidingSync,
      ...legacyEvents,
      readMessages,
      readEventContext: events.readContext,
      readOneEvent: events.readEvent,
      readEventByTime: makeReadEventByTime({ ...needs, ...reading }),
      readRoomState: state.readState,
      readRoomStateEvent: state.readStateEvent,
      readMembers: state.readMembers,
      readJoinedMembers: state.readJoinedMembers,
      setTyping: typing.set,
      setReceipt: receipts.set,
      setFullyRead: makeSetFullyRead({ rooms, readAccountDataOf, changeAccountData: needs.changeAccountData }),
      setPresence: presence.set,
      readPresenceOf: makeReadPresenceOf({ presence, rooms }),
      readRelationsOf: makeReadRelationsOf({ ...reading, db, findVisible: events.findVisible }),
      readThreads: makeReadThreads({ ...reading, db, findVisible: events.findVisible }),
      readKeyChanges: makeReadKeyChanges({ db, readDeviceLists }),
      readNotifications: makeReadNotifications({ ...reading, db, readJudge, readReading, readThreadOf }),
    },
    typing,
    receipts,
    presence,
    unreadCounts,
    visibility,
    notifier,
    inbox,
    readKeyCounts,
    readDeviceLists,
    ...{ readJudge, readReading, readThreadOf, readSummary, readAccountDataOf, clientEvents },
    restore: async () => presence.restore(await readPresenceRows(db)),
    close() {
      for (const each of stop) each()
      unreadCounts.close()
      notifier.close()
      typing.close()
      presence.close()
    },
  }
}
