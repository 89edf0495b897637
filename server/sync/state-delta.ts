/**
 * The `state` and `state_after` of a room in /sync: what a client needs besides the timeline to know
 * the state of the room at the timeline's start, or at its end.
 *
 * Without `since` that is a whole state; else what changed in between. Keys that the timeline itself
 * touches are worked out from its events and what each of them replaced, so that the common case
 * reads nothing: the state in memory, minus what the timeline brings. Only a gap needs two state nodes
 * to be compared.
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
  /** Its events, where they are in memory: the current state. */
  current: ReadonlyMap<string, PduEvent> | undefined
}

export type StateQuery = {
  room: Room
  window: TimelineWindow
  end: StateEnd
  /** Seq of the last event the client has; undefined: the whole state is wanted. */
  after: number | undefined
  /** The current state moved otherwise than by events of the timeline: compare it as a whole. */
  hasMoved: boolean
}

/** By state key. */
export type StateEvents = Map<string, PduEvent>

export type StateDeltas = {
  /** State as of the timeline's start that the client does not have. */
  readBefore(query: StateQuery): Promise<StateEvents>
  /** State as of the timeline's end that the client does not have, the timeline's own state events included. */
  readAfter(query: StateQuery): Promise<StateEvents>
}

type Needs = { rooms: Pick<Rooms, 'readEvents' | 'readStateNode' | 'readTimeline'> }

export function makeStateDeltas({ rooms }: Needs): StateDeltas {
  async function readState(room: Room, { node, current }: StateEnd): Promise<StateEvents> {
    if (current) return new Map(current)
    return readEntries(await rooms.readStateNode(room.roomId, node))
  }

  async function readEntries(entries: StateMap): Promise<StateEvents> {
    const events = await rooms.readEvents([...entries.values()])
    return byStateKey(events)
  }

  async function nodeAt(room: Room, seq: number): Promise<number | undefined> {
    const [event] = await rooms.readTimeline(room.roomId, seq, seq)
    return event?.node
  }

  /** Entries of the node `to` that the node `from` does not have. */
  async function readDifference(room: Room, from: number | undefined, to: number): Promise<StateEvents> {
    if (from === to) return new Map()
    const [older, newer] = await Promise.all([
      from === undefined ? new Map<string, EventId>() : rooms.readStateNode(room.roomId, from),
      rooms.readStateNode(room.roomId, to),
    ])
    return readEntries(new Map([...newer].filter(([key, eventId]) => older.get(key) !== eventId)))
  }

  /** What changed between the client's last event and the start of the timeline. */
  async function readGap(room: Room, after: number, { startSeq, limited }: TimelineWindow): Promise<StateEvents> {
    if (!limited || startSeq <= after + 1) return new Map()
    const [from, to] = await Promise.all([nodeAt(room, after), nodeAt(room, startSeq - 1)])
    return to === undefined ? new Map() : readDifference(room, from, to)
  }

  /** Puts each key back to what it was before the first event of the timeline that changed it. */
  async function rewind(state: StateEvents, scanned: readonly TimelineEvent[]): Promise<void> {
    const replaced = new Map<string, EventId | undefined>()
    for (const event of scanned) {
      const key = keyOf(event)
      if (key !== undefined && !replaced.has(key)) replaced.set(key, event.replaces)
    }
    if (replaced.size === 0) return
    const older = byStateKey(await rooms.readEvents([...replaced.values()].filter((id) => id !== undefined)))
    for (const key of replaced.keys()) {
      const event = older.get(key)
      if (event) state.set(key, event)
      else state.delete(key)
    }
  }

  /** State events within the window that the timeline does not show: a filter or the visibility took them out. */
  function addHidden(state: StateEvents, { events, scanned }: TimelineWindow): void {
    const shown = new Set(events.map(({ event }) => event.eventId))
    const last = new Map<string, TimelineEvent>()
    for (const event of scanned) {
      const key = keyOf(event)
      if (key !== undefined) last.set(key, event)
    }
    for (const [key, event] of last) if (!shown.has(event.eventId)) state.set(key, event)
  }

  return {
    async readBefore({ room, window, end, after, hasMoved }) {
      if (after !== undefined && !hasMoved) {
        const state = await readGap(room, after, window)
        addHidden(state, window)
        return state
      }
      const state = after === undefined ? await readState(room, end) : await readMoved(room, after, end)
      if (after === undefined) await rewind(state, window.scanned)
      addHidden(state, window)
      const shown = new Set(window.events.map(({ event }) => event.eventId))
      for (const [key, event] of state) if (shown.has(event.eventId)) state.delete(key)
      return state
    },

    async readAfter({ room, window, end, after, hasMoved }) {
      if (after === undefined) return readState(room, end)
      if (hasMoved) return readMoved(room, after, end)
      const state = await readGap(room, after, window)
      for (const event of window.scanned) {
        const key = keyOf(event)
        if (key !== undefined) state.set(key, event)
      }
      return state
    },
  }

  /** Compares whole states; the newer one in memory, since its node may still be on its way to the disk. */
  async function readMoved(room: Room, after: number, end: StateEnd): Promise<StateEvents> {
    const from = await nodeAt(room, after)
    const older = from === undefined ? new Map<string, EventId>() : await rooms.readStateNode(room.roomId, from)
    const newer = await readState(room, end)
    for (const [key, { eventId }] of newer) if (older.get(key) === eventId) newer.delete(key)
    return newer
  }
}

const keyOf = ({ pdu }: PduEvent): string | undefined =>
  pdu.state_key === undefined ? undefined : stateKeyOf(pdu.type, pdu.state_key)

function byStateKey(events: readonly PduEvent[]): StateEvents {
  const state: StateEvents = new Map()
  for (const event of events) {
    const key = keyOf(event)
    if (key !== undefined) state.set(key, event)
  }
  return state
}
