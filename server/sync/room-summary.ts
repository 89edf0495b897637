/**
 * The `summary` of a joined room: who it is named after, and how many are in it.
 *
 * Worked out once per state of the room and shared by everybody who syncs.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
import { type PduEvent, stateKeyOf } from '../events/pdu.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Room } from '../rooms/room.js'

export type RoomSummary = {
  heroes: UserId[]
  joinedCount: number
  invitedCount: number
  /** Whether the room has a name or an alias, so that a client needs no heroes. */
  isNamed: boolean
}

type Counted = { joined: number; invited: number; present: UserId[]; gone: UserId[] }

/** Heroes are at most five, and one of them may be the reader. */
const wantedHeroes = 5

export function makeReadSummary(): (room: Room, userId: UserId) => RoomSummary {
  const counted = new WeakMap<Room['state'], Counted>()
  return (room, userId) => {
    let known = counted.get(room.state)
    if (!known) {
      known = countMembers(room)
      counted.set(room.state, known)
    }
    const others = (users: UserId[]) => users.filter((user) => user !== userId).slice(0, wantedHeroes)
    const present = others(known.present)
    return {
      heroes: present.length > 0 ? present : others(known.gone),
      joinedCount: known.joined,
      invitedCount: known.invited,
      isNamed: isSet(room, 'm.room.name', 'name') || isSet(room, 'm.room.canonical_alias', 'alias'),
    }
  }
}

function countMembers(room: Room): Counted {
  const present: PduEvent[] = []
  const gone: PduEvent[] = []
  let invited = 0
  for (const event of room.state.values()) {
    if (event.pdu.type !== 'm.room.member') continue
    const { membership } = event.pdu.content
    if (membership === 'invite') invited++
    if (membership === 'join' || membership === 'invite') keepOldest(present, event)
    else if (membership === 'leave' || membership === 'ban') keepOldest(gone, event)
  }
  const usersOf = (events: PduEvent[]) => events.map(({ pdu }) => pdu.state_key as UserId) // the auth rules let no other key through
  return { joined: room.joined.size, invited, present: usersOf(present), gone: usersOf(gone) }
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
