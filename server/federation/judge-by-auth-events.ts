/**
 * Step 4 of the checks on receipt for a set of events that came together (a join's state, an auth
 * chain): each against its own auth events, those first that the others stand on.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
import { checkAuthRules } from '../events/auth-rules/index.js'
import { authEventIds, type PduEvent } from '../events/pdu.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import { inStandingOrder } from '../events/standing-order.js'
import type { Clock } from '../kernel/clock.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import { makePause } from './verify-pdus.js'

export type Judged = {
  /** Allowed by their auth events; those that others stand on come first. */
  accepted: PduEvent[]
  /** Against the rules, or standing on an event that is: to be remembered as such. */
  rejected: PduEvent[]
  /** Auth events that are neither here nor known, by the event that names them; those events are in neither list. */
  missing: Map<EventId, EventId[]>
}

/**
 * @param events verified, of any order, each once
 * @param known  events stored before, rejected ones marked as such; asked only for what `events` lacks
 */
export async function judgeByAuthEvents(
  events: readonly PduEvent[],
  known: ReadonlyMap<EventId, PduEvent>,
  context: { roomId: RoomId; rules: RoomVersionRules; createEvent: PduEvent | undefined; clock: Clock },
): Promise<Judged> {
  const { roomId, rules, clock } = context
  const own = new Map(events.map((event) => [event.eventId, event]))
  const judged = new Map<EventId, PduEvent>()
  const result: Judged = { accepted: [], rejected: [], missing: new Map() }
  const pause = makePause(clock)

  for (const event of inAuthOrder(events, own)) {
    await pause()
    if (event.roomId !== roomId) continue // of another room: nothing to do with this one
    const ids = authEventIds(event.pdu)
    const auth = ids.map((id) => judged.get(id) ?? (own.has(id) ? undefined : known.get(id)))
    const missing = ids.filter((_id, i) => auth[i] === undefined)
    if (missing.length > 0) {
      result.missing.set(event.eventId, missing)
      continue
    }
    const create = context.createEvent ?? [...judged.values()].find(({ pdu }) => pdu.type === 'm.room.create')
    const verdict = checkAuthRules(event, auth as PduEvent[], rules, create ? { createEvent: create } : {})
    const outcome = verdict.allowed ? event : { ...event, rejected: true }
    judged.set(event.eventId, outcome)
    if (verdict.allowed) result.accepted.push(event)
    else result.rejected.push(outcome)
  }
  return result
}

/**
 * In version 12, where nothing names the create event, it goes first. A cycle leaves its members with an auth event
 * that is not judged yet, which counts as missing.
 */
function inAuthOrder(events: readonly PduEvent[], own: ReadonlyMap<EventId, PduEvent>): PduEvent[] {
  const creates = events.filter(({ pdu }) => pdu.type === 'm.room.create')
  return inStandingOrder([...creates, ...events], own, ({ pdu }) => authEventIds(pdu))
}
