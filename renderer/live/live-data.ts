/**
 * Everything the interface reads, over one live connection.
 *
 * Live queries of one channel, at most eight: room list, account data, presence, typing everywhere,
 * and for the open room events, members, typing, receipts. Pages that show no room close it and
 * have four to use (`connection.watch`).
 */
import type { RoomEventRow, RoomSummaryRow } from '../../server/api/live/rows.js'
import type { ClearEvents } from '../encryption/clear-events.js'
import { withClearRows } from '../encryption/clear-rows.js'
import { type PreviewOf, withClearSummaries } from '../encryption/clear-summaries.js'
import type { MatrixClient } from '../platform/matrix/client.js'
import { type AccountData, startAccountData } from './account-data.js'
import type { LiveConnection } from './connection.js'
import { type FollowedPresence, makePresence } from './presence.js'
import { makeRoomReceipts, type ReceiptsOfRoom } from './receipts.js'
import { makeRoomTimeline, type RoomTimeline, rangeQuery } from './room-events.js'
import { type MembersOfRoom, makeRoomMembers, type RoomMembers } from './room-members.js'
import { type RoomSummaries, startRoomSummaries } from './room-summaries.js'
import type { Store } from './store.js'
import { makeRoomTyping, startTypingEverywhere, type Typing, type TypingOfRoom } from './typing.js'

export type RoomData = {
  roomId: string
  timeline: RoomTimeline
  members: MembersOfRoom
  typing: TypingOfRoom
  receipts: ReceiptsOfRoom
}

export type LiveData = {
  connection: LiveConnection
  summaries: Store<RoomSummaries>
  accountData: Store<AccountData>
  presence: FollowedPresence
  typing: Store<Typing>
  /** Opens a room's live queries and closes those of the room before; undefined closes only. */
  openRoom(roomId: string | undefined): RoomData | undefined
  /** Of the room that is open now. */
  openMembers(roomId: string): RoomMembers | undefined
  /** The room list as the server says it, at once. */
  lines: Store<RoomSummaries>
}

/** What makes encrypted events readable. */
export type Decryption = { events: ClearEvents; loadPreviewOf(): Promise<PreviewOf> }

/** Rooms whose loaded rows are kept, so that going back to one shows it at once. */
const keptRooms = 20

export function makeLiveData(
  connection: LiveConnection,
  matrix: MatrixClient,
  userId: string,
  decryption: Decryption,
): LiveData {
  const lines = startRoomSummaries(connection, userId)
  const summaries = withClearSummaries({
    raw: lines,
    clear: decryption.events,
    loadPreviewOf: decryption.loadPreviewOf,
    userId,
    async readRange(roomId, from, to) {
      const [rows] = await connection.query(rangeQuery, { room_id: roomId, from, to })
      return rows as RoomEventRow[]
    },
  })
  const accountData = startAccountData(connection, userId)
  const typing = startTypingEverywhere(connection, { userId, accountData })
  const presence = makePresence(connection)
  const rooms = new Map<string, RoomData>() // in order of last use
  let present: RoomData | undefined

  const readSummary = (roomId: string): RoomSummaryRow | undefined => lines.get().rooms?.get(roomId)

  function makeRoom(roomId: string): RoomData {
    const timeline = makeRoomTimeline(roomId, {
      connection,
      readSummary,
      onSummary: lines.subscribe,
      readMessages: matrix.readMessages,
      readTokenBefore: matrix.readTokenBefore,
    })
    return {
      roomId,
      timeline: { ...timeline, store: withClearRows(timeline.store, decryption.events, roomId, userId) },
      members: makeRoomMembers(roomId, connection, {
        read: () => readSummary(roomId)?.joined_count ?? 0,
        onChange: lines.subscribe,
      }),
      typing: makeRoomTyping(roomId, connection, { userId, accountData }),
      receipts: makeRoomReceipts(roomId, connection),
    }
  }

  const parts = (room: RoomData) => [room.timeline, room.members, room.typing, room.receipts]

  return {
    connection,
    summaries,
    lines,
    accountData,
    presence,
    typing,
    openRoom(roomId) {
      if (present?.roomId === roomId) return present
      if (present) for (const part of parts(present)) part.close()
      present = undefined
      if (roomId === undefined) return undefined
      const room = rooms.get(roomId) ?? makeRoom(roomId)
      rooms.delete(roomId)
      rooms.set(roomId, room)
      for (const oldest of rooms.keys()) {
        if (rooms.size <= keptRooms) break
        rooms.delete(oldest)
      }
      present = room
      for (const part of parts(room)) part.open()
      return room
    },
    openMembers: (roomId) => (present?.roomId === roomId ? present.members.store.get() : undefined),
  }
}
