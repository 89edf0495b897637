/**
 * Keeps events whose place in the room is not known: what others are judged by, and the state that
 * another server told.
 */
import type { PduEvent } from '../events/pdu.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import type { RoomId } from '../kernel/identifiers.js'
import type { RoomsForWriting } from '../rooms/rooms.js'
import { inPieces } from '../store/write-size.js'
import type { Write } from '../store/writes.js'

/** Verified and judged events; those marked `rejected` are kept as such. Known ones are left as they are. */
export type InsertOutliers = (roomId: RoomId, rules: RoomVersionRules, events: readonly PduEvent[]) => Promise<void>

type Needs = {
  rooms: Pick<RoomsForWriting, 'db' | 'write'>
  outlierWrite: (event: PduEvent, rules: RoomVersionRules) => Write
}

export function makeInsertOutliers({ rooms, outlierWrite }: Needs): InsertOutliers {
  return (roomId, rules, events) =>
    // Under the lock: an event that is being accepted meanwhile must not become an outlier again.
    rooms.write(roomId, async (tx) => {
      const fresh = new Map(events.map((event) => [event.eventId, event]))
      for (const { eventId } of await tx.readEvents([...fresh.keys()])) fresh.delete(eventId)
      const writes = [...fresh.values()].map((event) => outlierWrite(event, rules))
      for (const piece of inPieces(writes))
        await rooms.db.commit(() => ({ writes: piece, changes: [], result: undefined }))
    })
}
