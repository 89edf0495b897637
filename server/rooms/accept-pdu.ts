/**
 * Takes a verified PDU of another server into a room: steps 4 to 6 of the checks on receipt, state
 * resolution where the room forks, and the commit.
 *
 * 1. Known already: nothing to do. 2. Auth rules against its own auth events: reject. 3. Auth rules
 * against the state before it: reject. 4. Auth rules against the current state: soft-fail. 5. The new current
 * state is that of the new extremities, resolved. 6. Commit.
 *
 * Format, signatures and hash (steps 1 to 3 of the spec) are the caller's, as is fetching what is missing.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
import { authEventKeys, checkAgainstState, checkAuthRules, type Verdict } from '../events/auth-rules/index.js'
import { canonicalJson } from '../events/canonical-json.js'
import { authEventIds, isState, type PduEvent, type StateMap, stateKeyOf } from '../events/pdu.js'
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import { addRedaction, applyTo, decideAwaitingRedaction, decideRedaction } from './apply-redaction.js'
import { type CommitEvents, StaleRoomError } from './commit-events.js'
import { fieldsOf, idsOf, type Placed, placeOnTop, setExtremities, setStateEntry, takeNode } from './place-event.js'
import type { Room } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import { readStateBefore, resolve } from './state-before.js'
import { buildStateNode } from './state-nodes.js'

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

export function makeAcceptPdu(rooms: RoomsForWriting, commitEvents: CommitEvents): AcceptPdu {
  async function acceptOnce(roomId: RoomId, event: PduEvent, options: AcceptPduOptions): Promise<Acceptance> {
    const { acceptance, durable } = await rooms.lock(roomId, async () => {
      const room = await rooms.get(roomId)
      if (!room) throw new Error(`a PDU for ${roomId}, which this server does not know`)
      const outcome = await place(rooms, room, event, options).catch(async (error: unknown) => {
        // It may have moved on by half. What is on its way must be there before the room is read afresh.
        await rooms.landedIn(roomId)
        rooms.drop(room)
        throw error
      })
      if (!outcome.placed) return { acceptance: outcome.acceptance, durable: undefined }
      const durable = commitEvents(room, [outcome.placed])
      durable.catch(() => undefined) // awaited outside the lock
      return { acceptance: outcome.acceptance, durable }
    })
    await durable
    if (acceptance.status === 'accepted') await redactAwaiting(roomId, event)
    return acceptance
  }

  /** A redaction that came before its target is applied now. */
  async function redactAwaiting(roomId: RoomId, { eventId }: PduEvent): Promise<void> {
    const target = await rooms.readEvent(eventId)
    if (!target || !(await rooms.readAwaitingRedaction(target))) return
    await rooms.lock(roomId, async () => {
      const room = await rooms.get(roomId)
      const redactedBy = room && (await decideAwaitingRedaction(rooms, room, target))
      if (!redactedBy) return
      const redaction = applyTo(room, target, redactedBy)
      if (redaction.stateKey) setStateEntry(room, redaction.stateKey, redaction.redacted)
      await rooms.db.commit((grant) => {
        const unit = { writes: [], changes: [], result: undefined }
        addRedaction(rooms, room, redaction, grant, unit)
        return unit
      })
    })
  }

  return async (roomId, event, options = {}) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await acceptOnce(roomId, event, options)
      } catch (error) {
        if (!(error instanceof StaleRoomError) || attempt === 3) throw error
      }
    }
  }
}

type Outcome = { acceptance: Acceptance; placed?: Placed }

async function place(rooms: RoomsForWriting, room: Room, event: PduEvent, options: AcceptPduOptions): Promise<Outcome> {
  await rooms.landed(event.eventId) // "known" must mean durable: the caller acknowledges it
  const known = await rooms.readEvent(event.eventId)
  if (room.extremities.some(({ eventId }) => eventId === event.eventId) || (known && known.status !== 'outlier'))
    return { acceptance: { status: 'known' } }

  const authIds = authEventIds(event.pdu)
  const authEvents = await readAuthEvents(rooms, room, authIds)
  const found = new Set(authEvents.map(({ eventId }) => eventId))
  const missing = authIds.filter((id) => !found.has(id))
  if (missing.length > 0) return { acceptance: { status: 'missing', authEvents: missing, prevEvents: [] } }
  const byAuthEvents = checkAuthRules(event, authEvents, room.rules, { createEvent: room.createEvent })

  if (!options.stateBefore && isOnTop(room, event) && byAuthEvents.allowed)
    return placeOnCurrentState(rooms, room, event, options)

  const before = options.stateBefore
    ? { missing: [] as [], state: options.stateBefore, node: undefined }
    : await readStateBefore(rooms, room, event)
  if (!('state' in before)) return { acceptance: { status: 'missing', authEvents: [], prevEvents: before.missing } }
  const verdict = byAuthEvents.allowed ? await checkOn(rooms, room, event, before.state) : byAuthEvents
  return placeAside(rooms, room, event, before.state, before.node, verdict, options)
}

async function readAuthEvents(rooms: RoomsForWriting, room: Room, ids: readonly EventId[]): Promise<PduEvent[]> {
  const events = new Map<EventId, PduEvent>([...room.state.values()].map((event) => [event.eventId, event]))
  for (const event of await rooms.readEvents(ids.filter((id) => !events.has(id)))) events.set(event.eventId, event)
  return ids.flatMap((id) => events.get(id) ?? []) // an ID that is named twice comes twice: the auth rules refuse that
}

/** The event names exactly the extremities: the state before it is the current state. */
function isOnTop(room: Room, event: PduEvent): boolean {
  const named = new Set(
    event.pdu.prev_events.map((reference) => (typeof reference === 'string' ? reference : reference[0])),
  )
  return named.size === room.extremities.length && room.extremities.every(({ eventId }) => named.has(eventId))
}

async function placeOnCurrentState(
  rooms: RoomsForWriting,
  room: Room,
  event: PduEvent,
  options: AcceptPduOptions,
): Promise<Outcome> {
  const verdict = checkAgainstState(event, (type, key) => room.state.get(stateKeyOf(type, key)), room.rules)
  if (!verdict.allowed) {
    const placed = { ...asideOf(room, event, verdict.reason, 'rejected'), node: room.node, roomFields: fieldsOf(room) }
    return { acceptance: { status: 'rejected', reason: verdict.reason }, placed }
  }
  const outcome = await decideRedaction(rooms, room, event)
  const json = canonicalJson(event.pdu, { strict: room.rules.strictCanonicalJson })
  const placed = placeOnTop(room, event, json, { isLocal: false, destinations: options.destinations ?? [], ...outcome })
  return { acceptance: { status: 'accepted' }, placed }
}

/** Auth rules against a state given as event IDs. */
export async function checkOn(rooms: RoomsForWriting, room: Room, event: PduEvent, state: StateMap): Promise<Verdict> {
  const current = new Map([...room.state.values()].map((entry) => [entry.eventId, entry]))
  const read = new Map<EventId, PduEvent>()
  const keys = [
    stateKeyOf('m.room.create', ''),
    ...authEventKeys(event.pdu, room.rules).map(([type, key]) => stateKeyOf(type, key)),
  ]
  const wanted = keys.flatMap((key) => state.get(key) ?? [])
  for (const entry of await rooms.readEvents(wanted.filter((id) => !current.has(id)))) read.set(entry.eventId, entry)
  const find = (id: EventId | undefined) => (id === undefined ? undefined : (current.get(id) ?? read.get(id)))
  return checkAgainstState(event, (type, key) => find(state.get(stateKeyOf(type, key))), room.rules)
}

const asideOf = (room: Room, event: PduEvent, reason: string | undefined, status: Placed['status']): Placed => ({
  event,
  json: canonicalJson(event.pdu, { strict: room.rules.strictCanonicalJson }),
  status,
  ...(reason === undefined ? {} : { reason }),
  stateChanges: new Map(),
  isLocal: false,
  destinations: [],
  roomFields: fieldsOf(room),
})

/** Where the room has forked: the event's own state is stored, and the current state is resolved anew. */
async function placeAside(
  rooms: RoomsForWriting,
  room: Room,
  event: PduEvent,
  before: StateMap,
  beforeNode: number | undefined,
  verdict: Verdict,
  options: AcceptPduOptions,
): Promise<Outcome> {
  const key = isState(event.pdu) && verdict.allowed ? stateKeyOf(event.pdu.type, event.pdu.state_key ?? '') : undefined
  const ownState = key === undefined ? before : new Map(before).set(key, event.eventId)
  const parent = beforeNode === undefined ? undefined : await parentOf(rooms, room, beforeNode)
  const newNode =
    parent && key === undefined
      ? undefined
      : buildStateNode(room.nextNode, parent, new Map(key === undefined ? [] : [[key, event.eventId]]), () => ownState)
  const node = newNode?.n ?? beforeNode ?? room.node
  if (newNode) {
    room.nextNode = newNode.n + 1
    rooms.nodes.remember(room.roomId, { n: newNode.n, fullAt: newNode.full_at, state: ownState })
  }
  const aside = { ...(newNode ? { newNode } : {}), node }
  if (!verdict.allowed) {
    const placed = { ...asideOf(room, event, verdict.reason, 'rejected'), ...aside }
    return { acceptance: { status: 'rejected', reason: verdict.reason }, placed }
  }
  const onCurrent = checkAgainstState(event, (type, key) => room.state.get(stateKeyOf(type, key)), room.rules)
  if (!onCurrent.allowed) {
    const placed = { ...asideOf(room, event, onCurrent.reason, 'soft_failed'), ...aside }
    return { acceptance: { status: 'soft_failed', reason: onCurrent.reason }, placed }
  }
  const outcome = await decideRedaction(rooms, room, event)
  const replaced = key === undefined ? undefined : room.state.get(key)?.eventId
  setExtremities(room, event, node)
  const { changes, currentNode } = await moveCurrentState(rooms, room, event, ownState, node)
  if (outcome.redaction?.stateKey) setStateEntry(room, outcome.redaction.stateKey, outcome.redaction.redacted)
  const placed: Placed = {
    ...asideOf(room, event, undefined, 'accepted'),
    ...aside,
    ...outcome,
    stateChanges: changes,
    // Of what the room held for current, so that who asks what held before finds the way back.
    ...(replaced && key !== undefined && changes.get(key) === event ? { replaces: replaced } : {}),
    destinations: options.destinations ?? [],
    ...(currentNode ? { currentNode } : {}),
    roomFields: fieldsOf(room),
  }
  return { acceptance: { status: 'accepted' }, placed }
}

/** Resolves over the extremities, sets what differs in memory, and says what it was. */
async function moveCurrentState(rooms: RoomsForWriting, room: Room, event: PduEvent, ownState: StateMap, node: number) {
  const others = [...new Set(room.extremities.map((extremity) => extremity.node))].filter((n) => n !== node)
  const states = await Promise.all(
    others.map(async (n) => (n === room.node ? idsOf(room) : (await rooms.nodes.read(room.roomId, n)).state)),
  )
  const resolved = others.length === 0 ? ownState : await resolveWith(rooms, room, event, [ownState, ...states])
  const changes = new Map<string, PduEvent | undefined>()
  const wanted: EventId[] = []
  for (const [key, id] of resolved) if (room.state.get(key)?.eventId !== id && id !== event.eventId) wanted.push(id)
  const read = new Map((await rooms.readEvents(wanted)).map((entry) => [entry.eventId, entry]))
  for (const [key, id] of resolved) {
    if (room.state.get(key)?.eventId === id) continue
    const entry = id === event.eventId ? event : read.get(id)
    if (entry) changes.set(key, entry)
  }
  for (const key of room.state.keys()) if (!resolved.has(key)) changes.set(key, undefined)
  const { fullAt } = others.length === 0 ? await parentOf(rooms, room, node) : { fullAt: room.nodeFullAt }
  for (const [key, entry] of changes) setStateEntry(room, key, entry)
  if (others.length === 0) {
    takeNode(room, { n: node, parent: node, full_at: fullAt, entries: {} })
    return { changes, currentNode: undefined }
  }
  if (changes.size === 0) return { changes, currentNode: undefined } // the node of the current state says it already
  const current = idsOf(room)
  const parent = { n: room.node, fullAt, size: current.size }
  const ids = new Map([...changes].map(([key, entry]) => [key, entry?.eventId]))
  const currentNode = buildStateNode(room.nextNode, parent, ids, () => current)
  takeNode(room, currentNode)
  rooms.nodes.remember(room.roomId, { n: currentNode.n, fullAt: currentNode.full_at, state: current })
  return { changes, currentNode }
}

/** A node as the parent of another. */
async function parentOf(rooms: RoomsForWriting, { roomId }: Room, n: number) {
  const { fullAt, state } = await rooms.nodes.read(roomId, n)
  return { n, fullAt, size: state.size }
}

async function resolveWith(rooms: RoomsForWriting, room: Room, event: PduEvent, states: StateMap[]): Promise<StateMap> {
  const withEvent: RoomsForWriting = {
    ...rooms,
    readEvents: async (ids) => {
      const read = await rooms.readEvents(ids.filter((id) => id !== event.eventId))
      return ids.includes(event.eventId) ? [...read, { ...event, status: 'accepted' as const }] : read
    },
  }
  return resolve(withEvent, room, states)
}
