/**
 * Adds older events that another server told (backfill) before the oldest one known here.
 *
 * They get sequence numbers downwards and the state node of the oldest known event: their own state is
 * not asked for, so their visibility is judged by that state. No one is woken for them.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
 */
import { canonicalJson } from '../events/canonical-json.js'
import type { PduEvent } from '../events/pdu.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import { deletePendingRedaction, insertTimelineRow, setEvent } from '../store/event-store.js'
import { setRoom } from '../store/room-store.js'
import type { Change, Write } from '../store/writes.js'
import { type AppliedRedaction, applyTo, decideAwaitingRedaction } from './apply-redaction.js'
import { relationWrites } from './commit-events.js'
import { beginsHistory } from './load-room.js'
import type { Room, StoredEvent } from './room.js'
import type { RoomsForWriting } from './rooms.js'

/**
 * @param events verified and allowed by their own auth events, newest first
 * @returns how many were new
 */
export type InsertHistory = (roomId: RoomId, events: readonly PduEvent[]) => Promise<number>

/** Marks that nothing older can be had. */
export type CompleteHistory = (roomId: RoomId) => Promise<void>

export function makeInsertHistory(rooms: RoomsForWriting): InsertHistory {
  return (roomId, events) =>
    rooms.lock(roomId, async () => {
      const room = await rooms.get(roomId)
      if (!room) return 0
      const known = new Map(
        (await rooms.readEvents(events.map(({ eventId }) => eventId))).map((event) => [event.eventId, event]),
      )
      const fresh = events.filter(({ eventId }) => {
        const status = known.get(eventId)?.status
        return status === undefined || status === 'outlier'
      })
      if (fresh.length === 0) return 0
      const oldest = await rooms.readTimeline(roomId, room.minSeq, room.minSeq)
      const node = oldest[0]?.node ?? room.node
      const isComplete = fresh.some(beginsHistory)
      const redactions = await readRedactions(rooms, room, fresh)
      await rooms.db.commit((grant) => {
        const writes: Write[] = []
        const changes: Change[] = []
        let minSeq = room.minSeq
        for (const event of fresh) {
          const redactedBy = redactions.get(event.eventId)
          const redaction = redactedBy && applyTo(room, { ...event, status: 'accepted' }, redactedBy)
          const position = grant.position()
          const seq = grant.backfillSeq(roomId)
          minSeq = seq
          writes.push(
            setEvent(event.eventId, {
              ...columns(event, redaction, room.rules.strictCanonicalJson),
              seq,
              position,
              node,
            }),
          )
          writes.push(insertTimelineRow(roomId, seq, event.eventId, position), ...relationWrites(event, seq))
          if (redaction) writes.push(deletePendingRedaction(roomId, event.eventId))
          const shown: StoredEvent = redaction ? redaction.redacted : { ...event, status: 'accepted' }
          const change: Change = {
            kind: 'event',
            position,
            roomId,
            eventId: event.eventId,
            seq,
            pdu: shown.pdu,
            sender: event.pdu.sender,
            type: event.pdu.type,
            ...(event.pdu.state_key === undefined ? {} : { stateKey: event.pdu.state_key }),
            isCurrentState: false,
            historical: true,
            isLocal: false,
          }
          changes.push(change)
          rooms.whenDurable(change, () => {
            rooms.rememberEvent({ ...shown, status: 'accepted', seq, position, node })
            room.minSeq = seq
            room.historyComplete ||= isComplete
          })
        }
        writes.push(setRoom(roomId, { min_seq: minSeq, history_complete: room.historyComplete || isComplete }))
        return { writes, changes, result: undefined }
      })
      return fresh.length
    })
}

export const makeCompleteHistory =
  (rooms: RoomsForWriting): CompleteHistory =>
  (roomId) =>
    rooms.lock(roomId, async () => {
      const room = await rooms.get(roomId)
      if (!room || room.historyComplete) return
      await rooms.db.commit(() => ({
        writes: [setRoom(roomId, { history_complete: true })],
        changes: [],
        result: undefined,
      }))
      room.historyComplete = true
    })

async function readRedactions(
  rooms: RoomsForWriting,
  room: Room,
  events: readonly PduEvent[],
): Promise<Map<EventId, EventId>> {
  const found = new Map<EventId, EventId>()
  for (const event of events) {
    const redaction = await decideAwaitingRedaction(rooms, room, event)
    if (redaction) found.set(event.eventId, redaction)
  }
  return found
}

function columns(event: PduEvent, redaction: AppliedRedaction | undefined, strict: boolean) {
  const { pdu } = event
  return {
    room_id: event.roomId,
    sender: pdu.sender,
    type: pdu.type,
    ...(pdu.state_key === undefined ? {} : { state_key: pdu.state_key }),
    depth: pdu.depth,
    origin_server_ts: pdu.origin_server_ts,
    status: 'accepted' as const,
    pdu: redaction?.json ?? canonicalJson(pdu, { strict }),
    ...(redaction ? { redacted_by: redaction.redacted.redactedBy } : {}),
  }
}
