/** Read markers: at most one request per second and room, never backwards, and never put off by what follows. */
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import type { TimelineState } from '../../live/timeline-state.js'
import type { MatrixClient } from '../../platform/matrix/client.js'

const everyMs = 1_000

type Marker = { eventId: string; seq: number; isPrivate: boolean }
type Marked = { sent: number; wanted: Marker | undefined }
/** By client, so that what one account has read says nothing about the next that signs in. */
const marked = new WeakMap<MatrixClient, Map<string, Marked>>()

/** @param isPrivate tells only the user's own devices */
export function markRead(matrix: MatrixClient, roomId: string, eventId: string, seq: number, isPrivate: boolean): void {
  const rooms = marked.get(matrix) ?? new Map<string, Marked>()
  marked.set(matrix, rooms)
  const room = rooms.get(roomId) ?? { sent: Number.NEGATIVE_INFINITY, wanted: undefined }
  rooms.set(roomId, room)
  if (seq <= Math.max(room.sent, room.wanted?.seq ?? Number.NEGATIVE_INFINITY)) return
  const isPlanned = room.wanted !== undefined
  room.wanted = { eventId, seq, isPrivate }
  if (!isPlanned) setTimeout(() => send(matrix, roomId, room), everyMs)
}

/** Everything in the room, whatever part of it is on the screen. */
export function markAllRead(matrix: MatrixClient, room: RoomSummaryRow, { timeline, hasNewer }: TimelineState): void {
  const last = timeline.rows.at(-1)
  if (!hasNewer && last) markRead(matrix, room.room_id, last.event_id, last.seq, false)
  else if (room.last_event) markRead(matrix, room.room_id, room.last_event.event_id, room.max_seq, false)
}

function send(matrix: MatrixClient, roomId: string, room: Marked): void {
  const { wanted } = room
  if (!wanted) return
  const before = room.sent
  room.wanted = undefined
  room.sent = wanted.seq
  matrix.setReadMarkers(roomId, wanted.eventId, wanted.isPrivate).catch(() => {
    if (room.sent === wanted.seq) room.sent = before // the next message, or the next look at this one, tries again
  })
}
