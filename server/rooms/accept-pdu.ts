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
import { authEventIds, isState, type PduEvent, prevEventIds, type StateMap, stateKeyOf } from '../events/pdu.js'
import { type PowerLevels, readPowerLevels } from '../events/power-levels.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { BuildStep } from './build-step.js'
import { readGround } from './extremities.js'
import { gatherIsRelated, gatherParent } from './gather-relations.js'
import { type Judgement, judgePdu } from './judge-pdu.js'
import {
  type Aside,
  extremitiesWith,
  keyOf,
  type Merged,
  type Origin,
  type OwnState,
  ownStateOf,
  type Placement,
  placeAside,
  placeOnTop,
} from './place-event.js'
import { applyTo, awaitedRedaction, decideRedaction, targetOf, waitingOf } from './redactions.js'
import type { Entries, Extremity, Snapshot } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import { isOnTop, userOfKey } from './snapshot.js'
import { currentBase, readStateBefore, readViews, resolveViews, viewOf } from './state-before.js'
import { type NodeView, noView, type View } from './state-view.js'
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
      const current = await tx.readCurrent(keysFor(room, event))
      const { authEvents, missing } = await gatherAuthEvents(tx, room, event, current)
      if (missing.length > 0) return { status: 'missing', authEvents: missing, prevEvents: [] }

      const evidence =
        isOnTop(room, event) && !options.stateBefore
          ? onTop(current)
          : await gatherAside(tx, room, event, current, options)
      if ('missing' in evidence) return { status: 'missing', authEvents: [], prevEvents: evidence.missing }
      const judgement = judgePdu(room, event, { authEvents, ...evidence })

      const isAccepted = judgement.status === 'accepted'
      const {
        event: shown,
        json,
        origin,
      } = isAccepted
        ? await gatherOrigin(rooms, tx, room, event, evidence.before, options, now())
        : { event, json: jsonOf(event, room), origin: unshown }
      const users = [keyOf(event), ...(origin.redaction ? [keyOf(origin.redaction.redacted)] : [])]
      let placement: Placement
      if (isAccepted && evidence.before === evidence.current) {
        placement = placeOnTop(room, shown, json, origin, await tx.readCensus(usersOf(users)))
      } else {
        const { view, parents } = await evidence.state()
        const aside = await gatherPlace(rooms, tx, room, shown, { view, parents, current, judgement })
        const census = await tx.readCensus(usersOf([...users, ...(aside.merged?.view.keys() ?? [])]))
        placement = placeAside(room, shown, json, aside, origin, census)
      }
      tx.stage(placement.next, buildStep(placement.next, placement.placed), event.eventId)
      return judgement
    })
}

const unshown: Origin = { isLocal: false, destinations: [] }

const jsonOf = (event: PduEvent, room: Snapshot) => canonicalJson(event.pdu, { strict: room.rules.strictCanonicalJson })

const usersOf = (keys: readonly string[]): UserId[] => keys.flatMap((key) => userOfKey(key) ?? [])

/** Entries of a state that the event is judged by, and its own. */
const keysFor = (room: Snapshot, event: PduEvent): string[] => [
  stateKeyOf('m.room.create', ''),
  stateKeyOf('m.room.power_levels', ''),
  ...authEventKeys(event.pdu, room.rules).map(([type, key]) => stateKeyOf(type, key)),
  ...(isState(event.pdu) ? [keyOf(event)] : []),
]

type Gathered = {
  before: Entries
  /** The same where the event is on top of the room. */
  current: Entries
  /** The state before, and nodes that say it or something near it. */
  state: () => Promise<{ view: View; parents: readonly NodeView[] }>
}

async function gatherAuthEvents(tx: RoomTx, room: Snapshot, event: PduEvent, current: Entries) {
  const ids = authEventIds(event.pdu)
  const found = new Map<EventId, PduEvent>()
  for (const [type, key] of authEventKeys(event.pdu, room.rules)) {
    const entry = current.get(stateKeyOf(type, key))
    if (entry) found.set(entry.eventId, entry)
  }
  for (const each of await tx.readEvents(ids.filter((id) => !found.has(id)))) found.set(each.eventId, each)
  return {
    authEvents: ids.flatMap((id) => found.get(id) ?? []), // an ID that is named twice comes twice: the auth rules refuse that
    missing: ids.filter((id) => !found.has(id)),
  }
}

const onTop = (current: Entries): Gathered => ({
  before: current,
  current,
  state: async () => ({ view: noView, parents: [] }),
})

async function gatherAside(
  tx: RoomTx,
  room: Snapshot,
  event: PduEvent,
  current: Entries,
  { stateBefore }: AcceptPduOptions,
): Promise<Gathered | { missing: EventId[] }> {
  await tx.landed() // nodes, prev events and what was noted of absent ones: all of it is read
  const base = currentBase(tx, room)
  const found = stateBefore
    ? { view: await viewOf(tx, base, stateBefore), parents: [] }
    : await readStateBefore(tx, room, base, prevEventIds(event.pdu))
  if ('missing' in found) return found
  const before = await readEntries(tx, found.view, current, keysFor(room, event))
  return { before, current, state: async () => found }
}

/** Some entries of a state that is told as a view on the current one. */
async function readEntries(
  tx: RoomTx,
  view: View,
  current: Entries,
  keys: readonly string[],
): Promise<ReadonlyMap<string, PduEvent>> {
  const entries = new Map<string, PduEvent>()
  const wanted = new Map<EventId, string>()
  for (const key of keys) {
    const held = current.get(key)
    const id = view.has(key) ? view.get(key)?.[0] : held?.eventId
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
): Promise<{ event: PduEvent; json: string; origin: Origin }> {
  const relatesTo = await gatherParent(tx, event)
  const origin = {
    isLocal: false,
    destinations,
    ...(await gatherRedaction(tx, room, event, before, now)),
    ...(relatesTo ? { relatesTo } : {}),
    isRelated: await gatherIsRelated(rooms, room, event),
  }
  const waited = room.waiting.get(event.eventId)
  if (!waited) return { event, json: jsonOf(event, room), origin }
  const awaited = awaitedRedaction(room, event)
  const [by] = awaited ? await tx.readEvents([awaited.eventId]) : []
  if (!by) return { event, json: jsonOf(event, room), origin: { ...origin, awaited: { by, waited } } }
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
  const event = entries.get(stateKeyOf('m.room.power_levels', ''))
  if (event === room.state.get(stateKeyOf('m.room.power_levels', ''))) return room.powerLevels
  return readPowerLevels(event?.pdu.content, room.createEvent, room.rules)
}

/** Where an event that is not on top of the room, or is not accepted, has its place. */
async function gatherPlace(
  rooms: RoomsForWriting,
  tx: RoomTx,
  room: Snapshot,
  event: PduEvent,
  before: { view: View; parents: readonly NodeView[]; current: Entries; judgement: Judgement },
): Promise<Aside> {
  await tx.landed()
  const { view, parents, current, judgement } = before
  const held = isState(event.pdu) ? current.get(keyOf(event))?.eventId : undefined
  const own = ownStateOf(room, event, view, parents, held, judgement.status !== 'rejected')
  const ground = await readGround(event, (ids) => tx.readEvents(ids))
  const isNamed = await rooms.isAbsent(room.roomId, event.eventId)
  const extremities = extremitiesWith(room, event, { ...judgement, own, ground, isNamed })
  const merged = extremities === room.extremities ? undefined : await gatherMerged(tx, room, event, own, extremities)
  return { ...judgement, own, ground, isNamed, extremities, merged }
}

/** The state over the new extremities, and the events of it that the room does not hold. */
async function gatherMerged(
  tx: RoomTx,
  room: Snapshot,
  event: PduEvent,
  own: OwnState,
  extremities: readonly Extremity[],
): Promise<Merged> {
  const base = currentBase(tx, room)
  const numbers = new Set(extremities.map(({ node }) => node))
  const isOwn = numbers.delete(own.node.n)
  const parents = await readViews(tx, base, numbers)
  const views = [...(isOwn ? [own.view] : []), ...parents.map((parent) => parent.view)]
  const view = await resolveViews(withEvent(tx, event), room, base, views)
  const wanted: EventId[] = []
  for (const [is] of view.values()) if (is !== undefined && is !== event.eventId) wanted.push(is)
  return { view, parents, events: new Map((await tx.readEvents(wanted)).map((each) => [each.eventId, each])) }
}

/** Reads as if the event were stored already. */
const withEvent = (tx: RoomTx, event: PduEvent): Pick<RoomTx, 'readEvents' | 'readView' | 'readNode'> => ({
  readView: (from, to) => tx.readView(from, to),
  readNode: (n) => tx.readNode(n),
  readEvents: async (ids) => {
    const read = await tx.readEvents(ids.filter((id) => id !== event.eventId))
    return ids.includes(event.eventId) ? [...read, { ...event, status: 'accepted' as const }] : read
  },
})
