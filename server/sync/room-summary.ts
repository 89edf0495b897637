/**
 * The `summary` of a joined room: who it is named after, and how many are in it.
 *
 * Worked out once per state of the room and shared by everybody who syncs; of a room with a name nobody is asked for.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
import { LRUCache } from 'lru-cache'
import { type PduEvent, stateKeyOf } from '../events/pdu.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Room, Rooms } from '../rooms/room.js'

export type RoomSummary = {
  heroes: UserId[]
  joinedCount: number
  invitedCount: number
  /** Whether the room has a name or an alias, so that a client needs no heroes. */
  isNamed: boolean
}

type Counted = { node: number; present: UserId[]; gone: UserId[] }

/** Heroes are at most five, and one of them may be the reader. */
const wantedHeroes = 5
/** A larger room without a name goes by some of our own users: its thousands are not read for it. */
const maxMembersRead = 2_000
const roomsKept = 2_000

export type ReadSummary = (room: Room, userId: UserId) => Promise<RoomSummary>

export function makeReadSummary({ rooms }: { rooms: Pick<Rooms, 'readMembers'> }): ReadSummary {
  const counted = new LRUCache<RoomId, Counted>({ max: roomsKept })

  async function count(room: Room): Promise<Counted> {
    const { roomId, node } = room
    const known = counted.get(roomId)
    if (known?.node === node) return known
    const found = room.stateSize > maxMembersRead ? localMembersOf(room) : pickMembers(await rooms.readMembers(room))
    const fresh = { node, ...found }
    counted.set(roomId, fresh)
    return fresh
  }

  return async (room, userId) => {
    const isNamed = isSet(room, 'm.room.name', 'name') || isSet(room, 'm.room.canonical_alias', 'alias')
    const { joinedCount, invitedCount } = room
    if (isNamed) return { heroes: [], joinedCount, invitedCount, isNamed }
    const known = await count(room)
    const others = (users: UserId[]) => users.filter((user) => user !== userId).slice(0, wantedHeroes)
    const present = others(known.present)
    return { heroes: present.length > 0 ? present : others(known.gone), joinedCount, invitedCount, isNamed }
  }
}

function localMembersOf({ localMembers }: Room): Omit<Counted, 'node'> {
  const present: UserId[] = []
  for (const [userId, membership] of localMembers) {
    if (membership === 'join' || membership === 'invite') present.push(userId)
    if (present.length > wantedHeroes) break
  }
  return { present, gone: [] }
}

function pickMembers(members: readonly PduEvent[]): Omit<Counted, 'node'> {
  const present: PduEvent[] = []
  const gone: PduEvent[] = []
  for (const event of members) {
    const { membership } = event.pdu.content
    if (membership === 'join' || membership === 'invite') keepOldest(present, event)
    else if (membership === 'leave' || membership === 'ban') keepOldest(gone, event)
  }
  const usersOf = (events: PduEvent[]) => events.map(({ pdu }) => pdu.state_key as UserId) // the auth rules let no other key through
  return { present: usersOf(present), gone: usersOf(gone) }
}

/** Keeps the earliest of the events, in order; a room's thousands of members are not sorted for six. */
function keepOldest(kept: PduEvent[], event: PduEvent): void {
  const at = kept.findIndex((other) => isEarlier(event, other))
  if (at >= 0) kept.splice(at, 0, event)
  else kept.push(event)
  if (kept.length > wantedHeroes + 1) kept.pop()
}

const isEarlier = (a: PduEvent, b: PduEvent) =>
  a.pdu.depth < b.pdu.depth || (a.pdu.depth === b.pdu.depth && a.eventId < b.eventId)

function isSet(room: Room, type: string, member: string): boolean {
  const value = room.state.get(stateKeyOf(type, ''))?.pdu.content[member]
  return typeof value === 'string' && value !== ''
}
