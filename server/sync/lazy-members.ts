/**
 * Lazy-loaded members: of the member events of a room, a client gets those of the people it is about
 * to show, each once per device.
 *
 * What a device was sent is remembered in memory only, and only while it syncs on from the very token it was
 * given: a client that repeats an older `since` did not get our answer, so all counts as unsent again.
 * A change of a member who was sent reaches the client by the timeline or, in a gap, by the state.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
 */
import { LRUCache } from 'lru-cache'
import type { PduEvent } from '../events/pdu.js'
import { stateKeyOf } from '../events/pdu.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import type { StateEvents, StateQuery } from './state-delta.js'

/** What one login session was sent. */
export type SentMembers = {
  ofRoom(roomId: RoomId): Set<string>
  forgetRoom(roomId: RoomId): void
}

export type LazyMembers = {
  /** Of the session that now asks with this `since`. */
  of(sid: string, since: string | undefined): SentMembers
  /** The session was given this token. */
  gave(sid: string, nextBatch: string): void
}

const maxSessions = 2_000
/** Per session, so that a device in many large rooms cannot fill the memory: then all is sent once more. */
const maxMembers = 20_000

export function makeLazyMembers(): LazyMembers {
  type Session = { token: string; rooms: Map<RoomId, Set<string>> }
  const sessions = new LRUCache<string, Session>({ max: maxSessions })
  return {
    of(sid, since) {
      let session = sessions.get(sid)
      if (!session || since === undefined || session.token !== since || sizeOf(session) > maxMembers) {
        session = { token: since ?? '', rooms: new Map() }
        sessions.set(sid, session)
      }
      const { rooms } = session
      return {
        ofRoom(roomId) {
          const known = rooms.get(roomId) ?? new Set<string>()
          rooms.set(roomId, known)
          return known
        },
        forgetRoom: (roomId) => void rooms.delete(roomId),
      }
    },
    gave(sid, nextBatch) {
      const session = sessions.get(sid)
      if (session) session.token = nextBatch
    },
  }
}

function sizeOf({ rooms }: { rooms: Map<RoomId, Set<string>> }): number {
  let size = 0
  for (const members of rooms.values()) size += members.size
  return size
}

export type LazyQuery = {
  query: StateQuery
  /** As the state delta has it, all members included. Changed in place. */
  state: StateEvents
  /** Users whose member events are wanted besides the senders of the timeline. */
  also: readonly UserId[]
  /** Users the device was sent; those that are sent now are added. */
  sent: Set<string>
  includeRedundant: boolean
  /** As of the end rather than the start of the timeline. */
  isStateAfter: boolean
}

/** Reduces the member events of `state` to the ones wanted, and adds those that are missing. */
export async function keepWantedMembers(
  rooms: Pick<Rooms, 'readEvents' | 'readStateEntriesAt'>,
  { query, state, also, sent, includeRedundant, isStateAfter }: LazyQuery,
): Promise<void> {
  const { window } = query
  const wanted = new Set<UserId>([...window.events.map(({ event }) => event.pdu.sender), ...also])
  // In a delta every member event is a change, which the client must learn of.
  if (query.after === undefined)
    for (const [key, event] of state)
      if (
        isMember(event) &&
        !(wanted.has(event.pdu.state_key as UserId) && (includeRedundant || !sent.has(event.pdu.state_key ?? '')))
      )
        state.delete(key)

  const missing = [...wanted].filter(
    (userId) => !state.has(stateKeyOf('m.room.member', userId)) && (includeRedundant || !sent.has(userId)),
  )
  for (const [key, event] of await readMembers(rooms, query, missing, isStateAfter)) state.set(key, event)
  for (const event of state.values()) if (isMember(event)) sent.add(event.pdu.state_key ?? '')
  for (const { event } of window.events) if (isMember(event)) sent.add(event.pdu.state_key ?? '')
}

/** Users' member events at the start of the timeline, or at its end. */
async function readMembers(
  rooms: Pick<Rooms, 'readEvents' | 'readStateEntriesAt'>,
  { room, window, end }: StateQuery,
  userIds: readonly UserId[],
  isStateAfter: boolean,
): Promise<StateEvents> {
  const touched = new Map<string, EventId | undefined>()
  for (const event of isStateAfter ? [] : window.scanned)
    if (isMember(event) && !touched.has(event.pdu.state_key ?? ''))
      touched.set(event.pdu.state_key ?? '', event.replaces)
  const keys = userIds.flatMap((userId) => (touched.has(userId) ? [] : [stateKeyOf('m.room.member', userId)]))
  const found: StateEvents = new Map(await rooms.readStateEntriesAt(room.roomId, end.node, keys))
  const replaced = userIds.flatMap((userId) => touched.get(userId) ?? [])
  for (const event of await rooms.readEvents(replaced))
    found.set(stateKeyOf('m.room.member', event.pdu.state_key ?? ''), event)
  return found
}

const isMember = ({ pdu }: PduEvent) => pdu.type === 'm.room.member' && pdu.state_key !== undefined
