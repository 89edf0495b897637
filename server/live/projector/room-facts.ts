/**
 * What every user's line of a room has in common, worked out once per state of the room.
 */
import { type PduEvent, stateKeyOf } from '../../events/pdu.js'
import type { UserId } from '../../kernel/identifiers.js'
import type { Room } from '../../rooms/room.js'
import type { Hero } from './room-name.js'

export type RoomFacts = {
  name: string | undefined
  alias: string | undefined
  topic: string | undefined
  avatarUrl: string | undefined
  joinRule: string
  roomType: string | undefined
  isEncrypted: boolean
  joinedCount: number
  invitedCount: number
  /** The six earliest of those joined or invited, and of those who left: one of them may be the reader. */
  present: readonly PduEvent[]
  gone: readonly PduEvent[]
}

/** Heroes are at most five. */
const wantedHeroes = 5

export function makeReadFacts(): (room: Room) => RoomFacts {
  const known = new WeakMap<Room, { node: number; facts: RoomFacts }>()
  return (room) => {
    const cached = known.get(room)
    if (cached?.node === room.node) return cached.facts
    const facts = readFacts(room)
    known.set(room, { node: room.node, facts })
    return facts
  }
}

function readFacts(room: Room): RoomFacts {
  const present: PduEvent[] = []
  const gone: PduEvent[] = []
  let joinedCount = 0
  let invitedCount = 0
  for (const event of room.state.values()) {
    if (event.pdu.type !== 'm.room.member') continue
    const { membership } = event.pdu.content
    if (membership === 'join') joinedCount++
    if (membership === 'invite') invitedCount++
    keepEarliest(membership === 'join' || membership === 'invite' ? present : gone, event)
  }
  return {
    name: readText(room, 'm.room.name', 'name'),
    alias: readText(room, 'm.room.canonical_alias', 'alias'),
    topic: readText(room, 'm.room.topic', 'topic'),
    avatarUrl: readText(room, 'm.room.avatar', 'url'),
    joinRule: readText(room, 'm.room.join_rules', 'join_rule') ?? 'invite',
    roomType: readText(room, 'm.room.create', 'type'),
    isEncrypted: room.state.has(stateKeyOf('m.room.encryption', '')),
    ...{ joinedCount, invitedCount, present, gone },
  }
}

/** The heroes a user's room is named after: the others who are there, or those who were. */
export function heroesFor({ present, gone }: RoomFacts, userId: UserId): Hero[] {
  const others = (events: readonly PduEvent[]) => events.filter(({ pdu }) => pdu.state_key !== userId)
  const there = others(present)
  return (there.length > 0 ? there : others(gone)).slice(0, wantedHeroes).map(toHero)
}

function toHero({ pdu }: PduEvent): Hero {
  const { displayname, avatar_url } = pdu.content
  return {
    userId: pdu.state_key ?? '',
    displayName: typeof displayname === 'string' && displayname !== '' ? displayname : undefined,
    avatarUrl: typeof avatar_url === 'string' && avatar_url !== '' ? avatar_url : undefined,
  }
}

/** Keeps the earliest, in order; a room's thousands of members are not sorted for six. */
function keepEarliest(kept: PduEvent[], event: PduEvent): void {
  const at = kept.findIndex((other) => isEarlier(event, other))
  if (at >= 0) kept.splice(at, 0, event)
  else kept.push(event)
  if (kept.length > wantedHeroes + 1) kept.pop()
}

const isEarlier = (a: PduEvent, b: PduEvent) =>
  a.pdu.depth < b.pdu.depth || (a.pdu.depth === b.pdu.depth && a.eventId < b.eventId)

function readText(room: Room, type: string, member: string): string | undefined {
  const value = room.state.get(stateKeyOf(type, ''))?.pdu.content[member]
  return typeof value === 'string' && value !== '' ? value : undefined
}
