/** Read markers: at most one request per second and room, and never backwards. */
import type { MatrixClient } from '../../platform/matrix/client.js'

const everyMs = 1_000
const sent = new Map<string, number>()
const planned = new Map<string, ReturnType<typeof setTimeout>>()

/** @param isPrivate tells only the user's own devices */
export function markRead(matrix: MatrixClient, roomId: string, eventId: string, seq: number, isPrivate: boolean): void {
  if ((sent.get(roomId) ?? Number.NEGATIVE_INFINITY) >= seq) return
  sent.set(roomId, seq)
  clearTimeout(planned.get(roomId))
  planned.set(
    roomId,
    setTimeout(() => {
      matrix.setReadMarkers(roomId, eventId, isPrivate).catch(() => sent.delete(roomId)) // the next message tries again
    }, everyMs),
  )
}
