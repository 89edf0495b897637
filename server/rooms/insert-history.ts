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
import type { RoomId } from '../kernel/identifiers.js'
import { insertTimelineRow, setEvent } from '../store/event-store.js'
import type { Change, Write } from '../store/writes.js'
import { addRedaction, relationWrites } from './build-step.js'
import { gatherHistoryRedactions } from './history-redactions.js'
import { beginsHistory } from './load-room.js'
import type { StoredEvent } from './room.js'
import type { RoomsForWriting } from './rooms.js'

/**
 * @param events verified and allowed by their own auth events, newest first
 * @returns how many were new
 */
export type InsertHistory = (roomId: RoomId, events: readonly PduEvent[]) => Promise<number>

/** Marks that nothing older can be had. */
export type CompleteHistory = (roomId: RoomId) => Promise<void>

export function makeInsertHistory(rooms: RoomsForWriting, now: () => number): InsertHistory {
  return (roomId, events) =>
    rooms.write(roomId, async (tx) => {
      await tx.landed()
      const room = tx.durable
      if (!room) return 0
      const known = new Map(
        (await tx.readEvents(events.map(({ eventId }) => eventId))).map((event) => [event.eventId, event]),
      )
      const fresh = events.filter(({ eventId }) => {
        const status = known.get(eventId)?.status
        return status === undefined || status === 'outlier'
      })
      if (fresh.length === 0) return 0
      const oldest = await rooms.readTimeline(roomId, room.minSeq, room.minSeq)
      const node = oldest[0]?.node ?? room.node
      const plan = await gatherHistoryRedactions(tx, room, fresh, room.powerLevels, now())
      const historyComplete = room.historyComplete || fresh.some(beginsHistory)
      tx.stage({ ...plan.next, historyComplete }, (grant, timeline) => {
        const writes: Write[] = [...plan.writes]
        const changes: Change[] = []
        const remembers: (() => void)[] = []
        let { minSeq } = timeline
        for (const event of fresh) {
          const redaction = plan.redacted.get(event.eventId)
          const shown: StoredEvent = redaction?.redacted ?? { ...event, status: 'accepted' }
          const json = redaction?.json ?? canonicalJson(event.pdu, { strict: room.rules.strictCanonicalJson })
          if (plan.hidden.has(event.eventId)) {
            writes.push(setEvent(event.eventId, { ...columns(shown, json), node }))
            remembers.push(() => rooms.rememberEvent({ ...shown, node }, json.length))
            continue
          }
          const position = grant.position()
          const seq = grant.backfillSeq(roomId)
          minSeq = seq
          writes.push(
            setEvent(event.eventId, { ...columns(shown, json), seq, position, node }),
            insertTimelineRow(roomId, seq, event.eventId, position),
            ...relationWrites(event, seq),
          )
          changes.push({
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
          })
          remembers.push(() => rooms.rememberEvent({ ...shown, seq, position, node }, json.length))
        }
        const draft = { writes, changes, remembers, timeline: { ...timeline, minSeq } }
        for (const redaction of plan.known) addRedaction(rooms, plan.next, redaction, grant, draft)
        return draft
      })
      return fresh.length
    })
}

export const makeCompleteHistory =
  (rooms: RoomsForWriting): CompleteHistory =>
  (roomId) =>
    rooms.write(roomId, async (tx) => {
      if (!tx.tip || tx.tip.historyComplete) return
      tx.stage({ ...tx.tip, historyComplete: true }, (_, timeline) => ({ writes: [], changes: [], timeline }))
    })

function columns({ roomId, pdu, redactedBy }: StoredEvent, json: string) {
  return {
    room_id: roomId,
    sender: pdu.sender,
    type: pdu.type,
    ...(pdu.state_key === undefined ? {} : { state_key: pdu.state_key }),
    depth: pdu.depth,
    origin_server_ts: pdu.origin_server_ts,
    status: 'accepted' as const,
    pdu: json,
    ...(redactedBy ? { redacted_by: redactedBy } : {}),
  }
}
