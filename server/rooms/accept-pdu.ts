/**
 * Takes a verified PDU of another server into a room, in one line: gather what is needed to judge it, judge it, give
 * it its place, commit.
 *
 * Only gathering reads and waits; judging (judge-pdu.ts) and placing (place-event.ts) are pure. An event on top of the
 * room is judged by the current state alone; one that forks from it waits until the room has landed on the disk,
 * gets a state of its own, and moves the current state to that of the new extremities, resolved.
 *
 * Format, signatures and hash (steps 1 to 3 of the spec) are the caller's, as is fetching what is missing.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
import { authEventKeys } from '../events/auth-rules/index.js'
import { canonicalJson } from '../events/canonical-json.js'
import { authEventIds, type PduEvent, prevEventIds, type StateMap, stateKeyOf } from '../events/pdu.js'
import { type PowerLevels, readPowerLevels } from '../events/power-levels.js'
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import type { BuildStep } from './build-step.js'
import { groundOf } from './extremities.js'
import { gatherIsRelated, gatherParent } from './gather-relations.js'
import { type Entries, judgePdu } from './judge-pdu.js'
import {
  extremitiesWith,
  type Merged,
  nodeOf,
  type Origin,
  type OwnState,
  ownStateOf,
  type Placement,
  placeAside,
  placeOnTop,
} from './place-event.js'
import { applyTo, awaitedRedaction, decideRedaction, targetOf, waitingOf } from './redactions.js'
import type { Extremity, Snapshot } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import { idsOf, isOnTop } from './snapshot.js'
import { readStateBefore, resolve } from './state-before.js'
import type { StateNode } from './state-nodes.js'
import type { RoomTx } from './write-room.js'

export type Acceptance =
  | { status: 'accepted' | 'known' }
  | { status: 'soft_failed' | 'rejected'; reason: string }
  /** Nothing was stored: fetch these events (auth events, or prev events with their state) and try again. */
  | { status: 'missing'; authEvents: EventId[]; prevEvents: EventId[] }

export type AcceptPduOptions = {
  /** The state before the event as another server told it (verified, its events stored), where its prev events are not known. */
  stateBefore?: StateMap
  /** Servers to pass it on to: for what another server asked us to send (joins, leaves, knocks). */
  destinations?: ServerName[]
}

/** @throws MatrixError never; Error for a room this server is not in, or when the commit fails */
export type AcceptPdu = (roomId: RoomId, event: PduEvent, options?: AcceptPduOptions) => Promise<Acceptance>

export function makeAcceptPdu(rooms: RoomsForWriting, buildStep: BuildStep, now: () => number): AcceptPdu {
  return (roomId, event, options = {}) =>
    rooms.write(roomId, async (tx) => {
      const room = tx.tip
      if (!room) throw new Error(`a PDU for ${roomId}, which this server does not know`)
      const [known] = await tx.readEvents([event.eventId]) // "known" must mean durable: the caller acknowledges it
      if (known && known.status !== 'outlier') return { status: 'known' }
      const { authEvents, missing } = await gatherAuthEvents(tx, room, event)
      if (missing.length > 0) return { status: 'missing', authEvents: missing, prevEvents: [] }

      const evidence =
        isOnTop(room, event) && !options.stateBefore ? onTop(room) : await gatherAside(tx, room, event, options)
      if ('missing' in evidence) return { status: 'missing', authEvents: [], prevEvents: evidence.missing }
      const judgement = judgePdu(room, event, { authEvents, ...evidence })

      const isAccepted = judgement.status === 'accepted'
      const origin = isAccepted
        ? await gatherOrigin(rooms, tx, room, event, evidence.before, options, now())
        : undefined
      const shown = origin?.event ?? event
      const json = origin?.json ?? canonicalJson(event.pdu, { strict: room.rules.strictCanonicalJson })
      const placement =
        origin && evidence.isOnTop
          ? placeOnTop(room, shown, json, origin.origin)
          : await aside(rooms, tx, room, shown, json, evidence, judgement, origin?.origin)
      tx.stage(placement.next, buildStep(placement.next, placement.placed), event.eventId)
      return judgement
    })
}

type Gathered = {
  isOnTop: boolean
  before: Entries
  current: Entries
  /** The state before as a whole, and nodes that say it or something near it. */
  state: () => Promise<{ map: StateMap; parents: readonly StateNode[] }>
}

async function gatherAuthEvents(tx: RoomTx, room: Snapshot, event: PduEvent) {
  const ids = authEventIds(event.pdu)
  const found = new Map<EventId, PduEvent>()
  for (const [type, key] of authEventKeys(event.pdu, room.rules)) {
    const entry = room.state.get(stateKeyOf(type, key))
    if (entry) found.set(entry.eventId, entry)
  }
  for (const each of await tx.readEvents(ids.filter((id) => !found.has(id)))) found.set(each.eventId, each)
  return {
    authEvents: ids.flatMap((id) => found.get(id) ?? []), // an ID that is named twice comes twice: the auth rules refuse that
    missing: ids.filter((id) => !found.has(id)),
  }
}

function onTop(room: Snapshot): Gathered {
  return {
    isOnTop: true,
    before: room.state,
    current: room.state,
    async state() {
      const map = idsOf(room)
      return { map, parents: [{ ...nodeOf(room), state: map }] }
    },
  }
}

async function gatherAside(
  tx: RoomTx,
  room: Snapshot,
  event: PduEvent,
  { stateBefore }: AcceptPduOptions,
): Promise<Gathered | { missing: EventId[] }> {
  await tx.landed() // nodes, prev events and what was noted of absent ones: all of it is read
  const current = { ...nodeOf(room), state: idsOf(room) }
  const found = stateBefore
    ? { map: stateBefore, parents: [current] }
    : await readStateBefore(tx, room, prevEventIds(event.pdu))
  if ('missing' in found) return found
  const keys = [
    stateKeyOf('m.room.create', ''),
    stateKeyOf('m.room.power_levels', ''),
    ...authEventKeys(event.pdu, room.rules).map(([type, key]) => stateKeyOf(type, key)),
  ]
  const state = { map: found.map, parents: [...found.parents, current] }
  return {
    isOnTop: false,
    before: await readEntries(tx, room, found.map, keys),
    current: room.state,
    state: async () => state,
  }
}

/** Some entries of a state that is given as event IDs. */
async function readEntries(tx: RoomTx, room: Snapshot, state: StateMap, keys: readonly string[]): Promise<Entries> {
  const entries = new Map<string, PduEvent>()
  const wanted = new Map<EventId, string>()
  for (const key of keys) {
    const id = state.get(key)
    const held = room.state.get(key)
    if (held && held.eventId === id) entries.set(key, held)
    else if (id) wanted.set(id, key)
  }
  for (const event of await tx.readEvents([...wanted.keys()])) entries.set(wanted.get(event.eventId) ?? '', event)
  return entries
}

/** How an accepted event is shown: what it redacts, what redacts it. */
async function gatherOrigin(
  rooms: RoomsForWriting,
  tx: RoomTx,
  room: Snapshot,
  event: PduEvent,
  before: Entries,
  { destinations = [] }: AcceptPduOptions,
  now: number,
): Promise<{ event?: PduEvent; json?: string; origin: Origin }> {
  const relatesTo = await gatherParent(tx, event)
  const origin = {
    isLocal: false,
    destinations,
    ...(await gatherRedaction(tx, room, event, before, now)),
    ...(relatesTo ? { relatesTo } : {}),
    isRelated: await gatherIsRelated(rooms, room, event),
  }
  const waited = room.waiting.get(event.eventId)
  if (!waited) return { origin }
  const awaited = awaitedRedaction(room, event)
  const [by] = awaited ? await tx.readEvents([awaited.eventId]) : []
  if (!by) return { origin: { ...origin, awaited: { by, waited } } }
  const { redacted, json } = applyTo(room, { ...event, status: 'accepted' }, by.eventId)
  const { eventId, roomId, pdu } = redacted
  return { event: { eventId, roomId, pdu }, json, origin: { ...origin, awaited: { by, waited } } }
}

/** What becomes of the event as a redaction. */
async function gatherRedaction(
  tx: RoomTx,
  room: Snapshot,
  event: PduEvent,
  before: Entries,
  now: number,
): Promise<Pick<Origin, 'redaction' | 'isHidden' | 'waits'>> {
  const targetId = targetOf(event, room.rules)
  const [target] = targetId ? await tx.readEvents([targetId]) : []
  const levels = levelsIn(room, before)
  const outcome = decideRedaction(room, event, target, levels)
  switch (outcome.kind) {
    case 'none':
      return {}
    case 'applied':
      return { redaction: outcome.redaction }
    case 'hidden':
      return { isHidden: true }
    case 'waits':
      return { isHidden: true, waits: { target: outcome.target, entry: waitingOf(room, event, levels, now) } }
  }
}

function levelsIn(room: Snapshot, entries: Entries): PowerLevels {
  if (entries === room.state) return room.powerLevels
  const event = entries.get(stateKeyOf('m.room.power_levels', ''))
  return readPowerLevels(event?.pdu.content, room.createEvent, room.rules)
}

async function aside(
  rooms: RoomsForWriting,
  tx: RoomTx,
  room: Snapshot,
  event: PduEvent,
  json: string,
  gathered: Gathered,
  judgement: { status: 'accepted' | 'rejected' | 'soft_failed'; reason?: string },
  origin: Origin = { isLocal: false, destinations: [] },
): Promise<Placement> {
  await tx.landed()
  const { map, parents } = await gathered.state()
  const own = ownStateOf(room, event, map, parents, judgement.status !== 'rejected')
  const prev = await tx.readEvents(prevEventIds(event.pdu))
  const behind = await tx.readEvents(prev.flatMap((each) => each.behind ?? []))
  const ground = groundOf(event, [...prev, ...behind])
  const isNamed = await rooms.isAbsent(room.roomId, event.eventId)
  const extremities = extremitiesWith(room, event, { ...judgement, own, ground, isNamed })
  const merged = extremities === room.extremities ? undefined : await gatherMerged(tx, room, event, own, extremities)
  return placeAside(room, event, json, { ...judgement, own, ground, isNamed, extremities, merged }, origin)
}

/** The state over the new extremities, and the events of it that the room does not hold. */
async function gatherMerged(
  tx: RoomTx,
  room: Snapshot,
  event: PduEvent,
  own: OwnState,
  extremities: readonly Extremity[],
): Promise<Merged> {
  const numbers = [...new Set(extremities.map(({ node }) => node))]
  const isOwn = (n: number) => n === own.node.n
  const parents = await Promise.all(numbers.filter((n) => !isOwn(n)).map((n) => tx.readNode(n)))
  const states = [...(numbers.some(isOwn) ? [own.state] : []), ...parents.map(({ state }) => state)]
  const state = states.length === 1 ? states[0]! : await resolve(withEvent(tx, event), room, states)
  const wanted: EventId[] = []
  for (const [key, id] of state) if (room.state.get(key)?.eventId !== id && id !== event.eventId) wanted.push(id)
  return { state, parents, events: new Map((await tx.readEvents(wanted)).map((each) => [each.eventId, each])) }
}

/** Reads as if the event were stored already. */
const withEvent = (tx: RoomTx, event: PduEvent): Pick<RoomTx, 'readEvents'> => ({
  readEvents: async (ids) => {
    const read = await tx.readEvents(ids.filter((id) => id !== event.eventId))
    return ids.includes(event.eventId) ? [...read, { ...event, status: 'accepted' as const }] : read
  },
})
