/**
 * Step 1: the power events, each after the events that gave its sender the power, and among equals
 * the mightier sender first.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v2/#algorithm
 */
import type { EventId } from '../../kernel/identifiers.js'
import { compareCodePoints } from '../canonical-json.js'
import { authEventIds, type PduEvent } from '../pdu.js'
import { readPowerLevels } from '../power-levels.js'
import type { RoomVersionRules } from '../room-versions.js'
import { type FetchEvent, findAuthEvent, findCreateEvent, reachableEvents } from './events.js'

/** Events that can take somebody's power away: power levels, join rules, kicks and bans. */
export function isPowerEvent({ pdu }: PduEvent): boolean {
  if (pdu.type === 'm.room.power_levels' || pdu.type === 'm.room.join_rules') return pdu.state_key === ''
  if (pdu.type !== 'm.room.member' || pdu.state_key === undefined || pdu.state_key === pdu.sender) return false
  return pdu.content.membership === 'leave' || pdu.content.membership === 'ban'
}

/** The power events of a set, and whatever of their auth chains is in the set. */
export function selectPowerEvents(fullConflicted: ReadonlySet<EventId>, fetch: FetchEvent): Set<EventId> {
  const powerEvents: EventId[] = []
  for (const id of fullConflicted) {
    const event = fetch(id)
    if (event && isPowerEvent(event)) powerEvents.push(id)
  }
  const selected = new Set<EventId>()
  for (const id of reachableEvents(powerEvents, fetch)) if (fullConflicted.has(id) && fetch(id)) selected.add(id)
  return selected
}

type Ready = { readonly event: PduEvent; readonly level: number }

/** Reverse topological power order: Kahn's algorithm over the auth edges within the set. */
export function sortByPower(ids: ReadonlySet<EventId>, fetch: FetchEvent, rules: RoomVersionRules): PduEvent[] {
  const waitsFor = new Map<EventId, number>()
  const unlocks = new Map<EventId, PduEvent[]>()
  const ready: Ready[] = []
  for (const id of ids) {
    const event = fetch(id)
    if (!event) continue
    const within = new Set(authEventIds(event.pdu).filter((authId) => ids.has(authId) && fetch(authId)))
    waitsFor.set(id, within.size)
    if (within.size === 0) pushReady(ready, { event, level: senderLevel(event, fetch, rules) })
    for (const authId of within) {
      const unlocked = unlocks.get(authId)
      if (unlocked) unlocked.push(event)
      else unlocks.set(authId, [event])
    }
  }
  const sorted: PduEvent[] = []
  for (let next = popReady(ready); next !== undefined; next = popReady(ready)) {
    sorted.push(next.event)
    for (const event of unlocks.get(next.event.eventId) ?? []) {
      const left = (waitsFor.get(event.eventId) ?? 0) - 1
      waitsFor.set(event.eventId, left)
      if (left === 0) pushReady(ready, { event, level: senderLevel(event, fetch, rules) })
    }
  }
  return sorted
}

/** Power of the sender as the event's own auth events have it. */
function senderLevel(event: PduEvent, fetch: FetchEvent, rules: RoomVersionRules): number {
  const create = findCreateEvent(event, fetch, rules)
  if (!create) return 0
  const content = findAuthEvent(event, 'm.room.power_levels', '', fetch)?.pdu.content
  return readPowerLevels(content, create, rules).userLevel(event.pdu.sender)
}

/** Whether a goes before b: more power, then earlier, then the smaller ID. */
function goesFirst(a: Ready, b: Ready): boolean {
  if (a.level !== b.level) return a.level > b.level
  const byTime = a.event.pdu.origin_server_ts - b.event.pdu.origin_server_ts
  return byTime === 0 ? compareCodePoints(a.event.eventId, b.event.eventId) < 0 : byTime < 0
}

// A binary heap: the first entry goes before all others.

function pushReady(heap: Ready[], entry: Ready): void {
  heap.push(entry)
  let i = heap.length - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!goesFirst(heap[i]!, heap[parent]!)) return
    swap(heap, i, parent)
    i = parent
  }
}

function popReady(heap: Ready[]): Ready | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  heap[0] = last
  let i = 0
  for (;;) {
    const left = 2 * i + 1
    const right = left + 1
    let best = i
    if (left < heap.length && goesFirst(heap[left]!, heap[best]!)) best = left
    if (right < heap.length && goesFirst(heap[right]!, heap[best]!)) best = right
    if (best === i) return first
    swap(heap, i, best)
    i = best
  }
}

function swap(heap: Ready[], i: number, j: number): void {
  const entry = heap[i]!
  heap[i] = heap[j]!
  heap[j] = entry
}
