/**
 * Fills the hole below a segment from its upper end with older events that another server told (backfill).
 *
 * 1. Of what came, that which leads down from the segment's open ends without passing an event that is here; what is
 * beyond that belongs to other holes. 2. Each its state: that before the oldest is told with it, or known here, or taken
 * to be that of the segment's low end; from there it is carried on from event to event. 3. Redactions among them are applied, or
 * wait. 4. They get sequence numbers downwards, the segment its new low end; where nothing is open any more, it is
 * linked with what lies below, or begins with the room. No one is woken for them.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
 */
import { canonicalJson } from '../events/canonical-json.js'
import { isState, type PduEvent, prevEventIds, type StateMap, stateKeyOf } from '../events/pdu.js'
import { type PowerLevels, readPowerLevels } from '../events/power-levels.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import { deleteAbsentEvent, type EventBody, placeEvent, setEvent } from '../store/event-store.js'
import { insertStateNode, type StateNodeRow } from '../store/room-store.js'
import { setSegment } from '../store/segment-store.js'
import type { Change, RoomSeq, Write } from '../store/writes.js'
import { addParent, addRedaction, relationWrites } from './build-step.js'
import { gatherHistoryRelations } from './gather-relations.js'
import { inHistoryOrder, reachedFrom } from './history-order.js'
import { gatherHistoryRedactions } from './history-redactions.js'
import { readKnown, readOpenEnds } from './open-ends.js'
import { keyOf } from './place-event.js'
import type { Room, StoredEvent } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import { type Segment, withHistory } from './segments.js'
import { withSegments } from './snapshot.js'
import { type Base, nodeBase, readStateBefore, viewOf } from './state-before.js'
import { extendNode, type NodeView, nearestNode, noView, type View, weightOf, withEntry } from './state-view.js'
import type { RoomTx } from './write-room.js'

export type History = {
  /** Of the segment whose hole is filled. */
  origin: number
  /** Verified and allowed by their own auth events, in any order. */
  events: readonly PduEvent[]
  /** Events that cannot be taken, or that nobody has, with what they stand on: the way back goes on behind them. */
  passedOver: ReadonlyMap<EventId, readonly EventId[]>
  /** State before the oldest of the events, where it was asked for; its events are known here. */
  stateBefore?: StateMap
}

/** @returns how many were new */
export type InsertHistory = (roomId: RoomId, history: History) => Promise<number>

type Placed = { event: PduEvent; node: number; replaces?: EventId }

export function makeInsertHistory(rooms: RoomsForWriting, now: () => number): InsertHistory {
  return (roomId, history) =>
    rooms.write(roomId, async (tx) => {
      await tx.landed()
      const room = tx.durable
      const segment = room?.segments.find(({ origin }) => origin === history.origin)
      if (!room || segment?.below !== 'unknown') return 0
      const { fresh, ends } = await gatherFresh(tx, segment, history)
      const state = await gatherState(rooms, tx, room, segment, fresh, history.stateBefore)
      const newestFirst = fresh.toReversed()
      const plan = await gatherHistoryRedactions(tx, room, newestFirst, state.levels, now())
      const shownAs = newestFirst.map((event) => plan.redacted.get(event.eventId)?.redacted ?? event)
      const relations = await gatherHistoryRelations(rooms, tx, room, shownAs)
      const low = segment.low - newestFirst.filter(({ eventId }) => !plan.hidden.has(eventId)).length
      const under = room.segments[room.segments.indexOf(segment) - 1]
      if (under && low <= (under.high ?? 0))
        throw new RangeError(`the hole in ${roomId} has no place for what is in it`)
      const segments = withHistory(room.segments, segment.origin, low, ends)
      const nextNode = Math.max(room.nextNode, ...state.rows.map(({ n }) => n + 1))
      const nodeWeight = state.rows.reduce((sum, row) => sum + weightOf(row), room.nodeWeight)
      tx.stage({ ...plan.next, nextNode, nodeWeight }, (grant, timeline) => {
        const writes: Write[] = [...plan.writes, ...state.rows.map((row) => insertStateNode(roomId, row))]
        const changes: Change[] = []
        const remembers: (() => void)[] = []
        let seq = segment.low
        for (const { event, node, replaces } of state.placed.toReversed()) {
          const redaction = plan.redacted.get(event.eventId)
          const shown: StoredEvent = {
            ...(redaction?.redacted ?? { ...event, status: 'accepted' }),
            node,
            ...(replaces ? { replaces } : {}),
            ...(relations.related.has(event.eventId) ? { related: true } : {}),
          }
          const json = redaction?.json ?? canonicalJson(event.pdu, { strict: room.rules.strictCanonicalJson })
          writes.push(deleteAbsentEvent(roomId, event.eventId))
          if (plan.hidden.has(event.eventId)) {
            writes.push(setEvent(event.eventId, { ...bodyOf(shown, json), room_id: roomId, status: 'accepted' }))
            remembers.push(() => rooms.rememberEvent(shown, json.length))
            continue
          }
          seq -= 1
          const place = { seq: seq as RoomSeq, position: grant.position() }
          writes.push(
            ...placeEvent(event.eventId, { roomId, ...place }, bodyOf(shown, json)),
            ...relationWrites(shown, place.seq),
          )
          changes.push({
            kind: 'event',
            ...place,
            roomId,
            eventId: event.eventId,
            pdu: shown.pdu,
            sender: event.pdu.sender,
            type: event.pdu.type,
            ...(event.pdu.state_key === undefined ? {} : { stateKey: event.pdu.state_key }),
            isCurrentState: false,
            historical: true,
            isLocal: false,
          })
          remembers.push(() => rooms.rememberEvent({ ...shown, ...place }, json.length))
        }
        const filled = segments.find(({ origin }) => origin === segment.origin)
        if (filled) writes.push(setSegment(roomId, filled))
        const draft = { writes, changes, remembers, timeline: withSegments(timeline, segments) }
        for (const parent of relations.parents) addParent(rooms, parent, draft)
        for (const redaction of plan.known) addRedaction(rooms, plan.next, redaction, grant, draft)
        return draft
      })
      return fresh.length
    })
}

/** What fills the hole, oldest first, and the ends that are open then. */
async function gatherFresh(tx: RoomTx, segment: Segment, { events, passedOver }: History) {
  const readEvents = (ids: readonly EventId[]) => tx.readEvents(ids)
  const known = await readKnown(
    readEvents,
    events.map(({ eventId }) => eventId),
  )
  const unknown = new Map(
    events.flatMap((event) => (known.has(event.eventId) ? [] : [[event.eventId, event] as const])),
  )
  const passed = new Map(passedOver)
  for (const [id, behind] of known) if (behind !== 'placed') passed.set(id, behind)
  const { reached, open } = reachedFrom(await readOpenEnds(readEvents, segment.ends), unknown, passed)
  return { fresh: inHistoryOrder(reached), ends: await readOpenEnds(readEvents, open) }
}

/** The state node of each event, the rows of those that are new, and the power levels before the oldest. */
async function gatherState(
  rooms: RoomsForWriting,
  tx: RoomTx,
  room: Room,
  { low }: Segment,
  events: readonly PduEvent[],
  told: StateMap | undefined,
): Promise<{ placed: Placed[]; rows: StateNodeRow[]; levels: PowerLevels }> {
  const [lowest] = await rooms.readTimeline(room.roomId, low, low)
  const base = nodeBase(rooms.nodes, room.roomId, lowest?.node ?? room.node)
  const ids = await base.readIds([levelsKey, ...events.flatMap((event) => (isState(event.pdu) ? [keyOf(event)] : []))])
  const [oldest] = events
  const before = oldest && (await viewBefore(tx, room, base, oldest, told))
  const levels = await readLevels(tx, room, before?.has(levelsKey) ? before.get(levelsKey)?.[0] : ids.get(levelsKey))
  if (!before) return { placed: events.map((event) => ({ event, node: base.n })), rows: [], levels }

  const rows: StateNodeRow[] = []
  let nextNode = room.nextNode
  const add = (row: StateNodeRow | undefined) => {
    if (!row) return
    rows.push(row)
    nextNode = row.n + 1
  }
  const first = nearestNode(nextNode, [{ n: base.n, view: noView }], before)
  add(first.row)
  let last: NodeView = { n: first.n, view: before }
  const after = new Map<EventId, NodeView>()
  const placed: Placed[] = []
  for (const event of events) {
    const prev = prevEventIds(event.pdu)
    const under = (prev.length === 1 && prev[0] !== undefined && after.get(prev[0])) || last
    const key = isState(event.pdu) ? keyOf(event) : undefined
    let own = under
    let replaces: EventId | undefined
    if (key !== undefined) {
      replaces = under.view.has(key) ? under.view.get(key)?.[0] : ids.get(key)
      const built = extendNode(nextNode, under.n, new Map([[key, [event.eventId, replaces]]]))
      add(built.row)
      own = { n: built.n, view: withEntry(under.view, key, event.eventId, ids.get(key)) }
    }
    placed.push({ event, node: own.n, ...(replaces ? { replaces } : {}) })
    after.set(event.eventId, own)
    last = own
  }
  return { placed, rows, levels }
}

/** The state before an event: as it was told, or where all that it stands on is here, as under the create event. */
async function viewBefore(
  tx: RoomTx,
  room: Room,
  base: Base,
  event: PduEvent,
  told: StateMap | undefined,
): Promise<View | undefined> {
  const prev = prevEventIds(event.pdu)
  if (told || prev.length === 0) return viewOf(tx, base, told ?? new Map())
  const found = await readStateBefore(tx, room, base, prev)
  return 'view' in found ? found.view : undefined
}

const levelsKey = stateKeyOf('m.room.power_levels', '')

async function readLevels(tx: RoomTx, room: Room, id: EventId | undefined): Promise<PowerLevels> {
  const [event] = id ? await tx.readEvents([id]) : []
  return readPowerLevels(event?.pdu.content, room.createEvent, room.rules)
}

const bodyOf = ({ redactedBy, node, replaces, related }: StoredEvent, json: string): EventBody => ({
  pdu: json,
  ...(node === undefined ? {} : { node }),
  ...(replaces ? { replaces } : {}),
  ...(redactedBy ? { redacted_by: redactedBy } : {}),
  ...(related ? { related } : {}),
})
