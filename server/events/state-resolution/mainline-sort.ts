/**
 * Step 3: all other events, by how old the power levels are that they were sent under.
 *
 * The mainline is the line of power levels events that leads to the resolved one. An event stands
 * where its own line of power levels meets it: older places first, events that never meet it before
 * all others.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
import type { EventId } from '../../kernel/identifiers.js'
import { compareCodePoints } from '../canonical-json.js'
import type { PduEvent } from '../pdu.js'
import { type FetchEvent, findAuthEvent } from './events.js'

/** @param powerLevelsId the resolved power levels event, undefined where the room has none */
export function sortByMainline(
  events: readonly PduEvent[],
  powerLevelsId: EventId | undefined,
  fetch: FetchEvent,
): PduEvent[] {
  const places = mainlinePlaces(powerLevelsId, fetch)
  const placed = events.map((event) => ({ event, place: placeOf(event, places, fetch) }))
  placed.sort((a, b) => {
    if (a.place !== b.place) return a.place > b.place ? -1 : 1
    const byTime = a.event.pdu.origin_server_ts - b.event.pdu.origin_server_ts
    return byTime === 0 ? compareCodePoints(a.event.eventId, b.event.eventId) : byTime
  })
  return placed.map(({ event }) => event)
}

/** Place of each power levels event of the mainline: 0 is the resolved one, greater is older. */
function mainlinePlaces(powerLevelsId: EventId | undefined, fetch: FetchEvent): Map<EventId, number> {
  const places = new Map<EventId, number>()
  let event = powerLevelsId === undefined ? undefined : fetch(powerLevelsId)
  while (event && !places.has(event.eventId)) {
    places.set(event.eventId, places.size)
    event = findAuthEvent(event, 'm.room.power_levels', '', fetch)
  }
  return places
}

/** Walks to the mainline and remembers the place for every power levels event on the way. */
function placeOf(event: PduEvent, places: Map<EventId, number>, fetch: FetchEvent): number {
  const walked: EventId[] = []
  const seen = new Set<EventId>()
  let place = Number.POSITIVE_INFINITY
  let at = findAuthEvent(event, 'm.room.power_levels', '', fetch)
  while (at && !seen.has(at.eventId)) {
    const known = places.get(at.eventId)
    if (known !== undefined) {
      place = known
      break
    }
    seen.add(at.eventId)
    walked.push(at.eventId)
    at = findAuthEvent(at, 'm.room.power_levels', '', fetch)
  }
  for (const id of walked) places.set(id, place)
  return place
}
