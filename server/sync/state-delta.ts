/**
 * The `state` and `state_after` of a room in /sync: what a client needs besides the timeline to know
 * the state of the room at the timeline's start, or at its end.
 *
 * Without `since` that is a whole state; else what may have changed in between: the keys that events of the
 * window touch, those that state resolution moved, and, across a gap, those in which two state nodes differ.
 * What a key holds is asked of the room's state, never of the timeline: an accepted event may have lost the
 * resolution. The common case reads nothing.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
import { type PduEvent, type StateMap, stateKeyOf } from '../events/pdu.js'
import type { EventId } from '../kernel/identifiers.js'
import type { Room, Rooms, TimelineEvent } from '../rooms/room.js'
import type { TimelineWindow } from './timeline-window.js'

/** The state of the room where the section ends. */
export type StateEnd = {
  /** Node of that state. */
  node: number
  /** Its events but for members, where they are in memory: the current state. */
  current: ReadonlyMap<string, PduEvent> | undefined
}

export type StateQuery = {
  room: Room
  window: TimelineWindow
  end: StateEnd
  /** Seq of the last event the client has; undefined: the whole state is wanted. */
  after: number | undefined
  /** Keys in which the current state moved otherwise than by events of the timeline. */
  moved: ReadonlySet<string>
  /** Of a whole state that is the current one, only the members that the timeline touches: the caller adds whom it wants. */
  omitsMembers: boolean
}

/** By state key. */
export type StateEvents = Map<string, PduEvent>

export type StateDeltas = {
  /** The window without the events that would leave a client with another state than the room's (see `readBefore`). */
  startBehindOutdated(query: StateQuery): Promise<TimelineWindow>
  /**
   * State as of the timeline's start that the client does not have. Where the timeline does not show what a key
   * holds now, a client would not learn of it otherwise: then it is what holds at the end.
   */
  readBefore(query: StateQuery): Promise<StateEvents>
  /** State as of the timeline's end that the client does not have, the timeline's own state events included. */
  readAfter(query: StateQuery): Promise<StateEvents>
}

type Needs = {
  rooms: Pick<
    Rooms,
    | 'readEvents'
    | 'readStateNode'
    | 'readStateEntriesAt'
    | 'readDifferingKeys'
    | 'readTimeline'
    | 'readCurrent'
    | 'readMembers'
  >
}

export function makeStateDeltas({ rooms }: Needs): StateDeltas {
  async function readWhole({ room, end, omitsMembers }: StateQuery): Promise<StateEvents> {
    if (!end.current) return readEntries(await rooms.readStateNode(room.roomId, end.node))
    const state = new Map(end.current)
    if (omitsMembers) return state
    for (const [key, member] of byStateKey(await rooms.readMembers(room))) state.set(key, member)
    return state
  }

  async function readEntries(entries: StateMap): Promise<StateEvents> {
    return byStateKey(await rooms.readEvents([...entries.values()]))
  }

  /** What these keys hold where the section ends; a key that holds nothing is left out. */
  async function readHeld(query: StateQuery, keys: ReadonlySet<string>): Promise<StateEvents> {
    const { room, window, end } = query
    const held: StateEvents = new Map()
    const entries = end.current
      ? await rooms.readCurrent(room, [...keys])
      : await rooms.readStateEntriesAt(room.roomId, end.node, [...keys])
    for (const key of keys) {
      const event = entries.get(key)
      if (event) held.set(key, event)
    }
    if (!end.current || room.maxSeq <= window.lastSeq) return held
    // The room may have moved on since the section's end was settled: what came later is told later.
    const last = lastByKey(window.scanned)
    for (const later of room.recent) {
      const key = later.seq > window.lastSeq ? keyOf(later) : undefined
      if (key === undefined || held.get(key)?.eventId !== later.eventId) continue
      const before = last.get(key)
      if (before) held.set(key, before)
    }
    return held
  }

  /** Keys that may hold something else than the client knows. */
  async function readTouched({ room, window, end, after, moved }: StateQuery): Promise<Set<string>> {
    const touched = new Set([...moved, ...lastByKey(window.scanned).keys()])
    if (after === undefined || !window.limited || window.startSeq <= after + 1) return touched
    const [event] = await rooms.readTimeline(room.roomId, after, after)
    const differing = event
      ? await rooms.readDifferingKeys(room.roomId, event.node, end.node)
      : (await rooms.readStateNode(room.roomId, end.node)).keys()
    for (const key of differing) touched.add(key)
    return touched
  }

  /** What the keys that the timeline leads to their present value held before it. */
  async function readBeforeTimeline(window: TimelineWindow, keys: ReadonlySet<string>): Promise<StateEvents> {
    const replaced = new Map<string, EventId>()
    const seen = new Set<string>()
    for (const event of window.scanned) {
      const key = keyOf(event)
      if (key === undefined || seen.has(key) || !keys.has(key)) continue
      seen.add(key)
      if (event.replaces) replaced.set(key, event.replaces)
    }
    return replaced.size === 0 ? new Map() : readEntries(replaced)
  }

  return {
    async startBehindOutdated(query) {
      const { window } = query
      const shown = lastByKey(window.events.map(({ event }) => event))
      const held = await readHeld(query, new Set(shown.keys()))
      let startSeq = window.startSeq
      for (const [key, event] of shown) {
        const holds = held.get(key)
        if (holds && holds.eventId !== event.eventId) startSeq = Math.max(startSeq, event.seq + 1)
      }
      if (startSeq === window.startSeq) return window
      return {
        ...window,
        events: window.events.filter(({ event }) => event.seq >= startSeq),
        scanned: window.scanned.filter(({ seq }) => seq >= startSeq),
        startSeq,
        limited: true,
      }
    },

    async readBefore(query) {
      const { window, after } = query
      const touched = await readTouched(query)
      const held = await readHeld(query, touched)
      const shown = lastByKey(window.events.map(({ event }) => event))
      const led = new Set([...shown].flatMap(([key, { eventId }]) => (held.get(key)?.eventId === eventId ? [key] : [])))
      const before = await readBeforeTimeline(window, led)
      const state = after === undefined ? await readWhole(query) : new Map(held)
      for (const key of led) {
        const event = before.get(key)
        // Within a stretch the client follows, it has what held before the timeline already.
        if (event && (after === undefined || window.limited)) state.set(key, event)
        else state.delete(key)
      }
      return state
    },

    async readAfter(query) {
      if (query.after === undefined) return readWhole(query)
      return readHeld(query, await readTouched(query))
    },
  }
}

const keyOf = ({ pdu }: PduEvent): string | undefined =>
  pdu.state_key === undefined ? undefined : stateKeyOf(pdu.type, pdu.state_key)

function lastByKey(events: readonly TimelineEvent[]): Map<string, TimelineEvent> {
  const last = new Map<string, TimelineEvent>()
  for (const event of events) {
    const key = keyOf(event)
    if (key !== undefined) last.set(key, event)
  }
  return last
}

function byStateKey(events: readonly PduEvent[]): StateEvents {
  const state: StateEvents = new Map()
  for (const event of events) {
    const key = keyOf(event)
    if (key !== undefined) state.set(key, event)
  }
  return state
}
