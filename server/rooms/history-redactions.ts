/**
 * What redacts what in a stretch of older events that is about to be taken in.
 *
 * A stretch comes newest first, and the target of one of its redactions may come with a later stretch: so a redaction
 * is applied to its target where that is here or in the same stretch, waits where it is not, and is hidden where it
 * may not be applied. And what has waited for an event of the stretch is applied to it.
 */
import { isState, type PduEvent } from '../events/pdu.js'
import type { PowerLevels } from '../events/power-levels.js'
import type { EventId } from '../kernel/identifiers.js'
import { deleteWaitingRedaction, insertWaitingRedaction } from '../store/event-store.js'
import type { Write } from '../store/writes.js'
import { keyOf } from './place-event.js'
import {
  type AppliedRedaction,
  applyTo,
  awaitedRedaction,
  decideRedaction,
  isRedaction,
  targetOf,
  waitingOf,
  withoutWaiting,
  withWaiting,
} from './redactions.js'
import type { Snapshot, StoredEvent } from './room.js'
import { entryIn, userOfKey, withState } from './snapshot.js'
import type { RoomTx } from './write-room.js'

export type HistoryRedactions = {
  /** The room with what waits now, and what is redacted of its state. */
  next: Snapshot
  /** Events of the stretch that are taken in redacted. */
  redacted: ReadonlyMap<EventId, AppliedRedaction>
  /** Events that were here before and are redacted now: each is one for `addRedaction` (build-step.ts). */
  known: readonly AppliedRedaction[]
  /** Redactions of the stretch that are accepted but get no place in the timeline. */
  hidden: ReadonlySet<EventId>
  /** Rows of what waits and waits no more. */
  writes: readonly Write[]
}

/**
 * @param events the stretch, newest first
 * @param levels power levels of the state at the stretch
 */
export async function gatherHistoryRedactions(
  tx: Pick<RoomTx, 'readEvents' | 'readCensus'>,
  room: Snapshot,
  events: readonly PduEvent[],
  levels: PowerLevels,
  now: number,
): Promise<HistoryRedactions> {
  const targets = events.flatMap((event) => targetOf(event, room.rules) ?? [])
  const here = new Map((await tx.readEvents(targets)).map((event) => [event.eventId, event]))
  const users = [...here.values()].flatMap((event) => userOfKey(keyOf(event)) ?? [])
  const census = await tx.readCensus(users)
  const stretch = new Map<EventId, StoredEvent>(
    events.map((event) => [event.eventId, { ...event, status: 'accepted' }]),
  )
  const redacted = new Map<EventId, AppliedRedaction>()
  const known: AppliedRedaction[] = []
  const hidden = new Set<EventId>()
  const writes: Write[] = []
  let next = room

  for (const event of [...stretch.values()].reverse()) {
    const waited = next.waiting.get(event.eventId)
    if (waited) {
      const by = awaitedRedaction(next, event)
      if (by) redacted.set(event.eventId, applyTo(room, event, by.eventId))
      next = withoutWaiting(next, event.eventId)
      for (const { eventId } of waited) writes.push(deleteWaitingRedaction(room.roomId, event.eventId, eventId))
    }
    if (!isRedaction(event)) continue
    const targetId = targetOf(event, room.rules)
    const target = targetId && (stretch.get(targetId) ?? here.get(targetId))
    const outcome = decideRedaction(next, event, target, levels)
    if (outcome.kind !== 'applied') hidden.add(event.eventId)
    else if (stretch.has(outcome.redaction.redacted.eventId))
      redacted.set(outcome.redaction.redacted.eventId, outcome.redaction)
    else {
      const { redacted: target } = outcome.redaction
      const key = isState(target.pdu) ? keyOf(target) : undefined
      const isCurrent = key !== undefined && entryIn(next, census, key)?.eventId === target.eventId
      if (isCurrent) next = withState(next, new Map([[key, target]]), census)
      known.push({ ...outcome.redaction, ...(isCurrent ? { stateKey: key } : {}) })
    }
    if (outcome.kind !== 'waits') continue
    const entry = waitingOf(next, event, levels, now)
    const { next: waiting, dropped } = withWaiting(next, outcome.target, entry)
    next = waiting
    const row = { target: outcome.target, redaction: event.eventId, sender: entry.sender }
    writes.push(insertWaitingRedaction(room.roomId, { ...row, is_sure: entry.isSure, ts: now }))
    for (const [of, redaction] of dropped) writes.push(deleteWaitingRedaction(room.roomId, of, redaction))
  }
  return { next, redacted, known, hidden, writes }
}
