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
import type { RoomId, UserId } from '../kernel/identifiers.js'
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
  rooms: Pick<Rooms, 'readEvents' | 'readStateEntryAt' | 'readMember'>,
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

  for (const userId of wanted) {
    const key = stateKeyOf('m.room.member', userId)
    if (state.has(key) || (sent.has(userId) && !includeRedundant)) continue
    const event = await readMember(rooms, query, userId, isStateAfter)
    if (event) state.set(key, event)
  }
  for (const event of state.values()) if (isMember(event)) sent.add(event.pdu.state_key ?? '')
  for (const { event } of window.events) if (isMember(event)) sent.add(event.pdu.state_key ?? '')
}

/** A user's member event at the start of the timeline, or at its end. */
async function readMember(
  rooms: Pick<Rooms, 'readEvents' | 'readStateEntryAt' | 'readMember'>,
  { room, window, end }: StateQuery,
  userId: UserId,
  isStateAfter: boolean,
): Promise<PduEvent | undefined> {
  const touching = window.scanned.find((event) => isMember(event) && event.pdu.state_key === userId)
  if (touching && !isStateAfter) return touching.replaces && (await rooms.readEvents([touching.replaces]))[0]
  if (end.current) return rooms.readMember(room, userId)
  return rooms.readStateEntryAt(room.roomId, end.node, 'm.room.member', userId)
}

const isMember = ({ pdu }: PduEvent) => pdu.type === 'm.room.member' && pdu.state_key !== undefined
