/** What every user's line of a room has in common: names and counts from its state, and who it is named after. */
import { LRUCache } from 'lru-cache'
import { type PduEvent, stateKeyOf } from '../../events/pdu.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { Room, Rooms } from '../../rooms/room.js'
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
  heroes: Candidates
}

/** The six earliest of those joined or invited, and of those who left: one of them may be the reader. */
export type Candidates = { present: readonly PduEvent[]; gone: readonly PduEvent[] }

/** What facts are read from: a room, or a room as it once was. */
export type FactsSource = Pick<Room, 'state' | 'joinedCount' | 'invitedCount'>

/** The entries of a state that facts are read from, but for members. */
export const factKeys: readonly string[] = [
  ...['m.room.name', 'm.room.canonical_alias', 'm.room.topic', 'm.room.avatar'],
  ...['m.room.join_rules', 'm.room.create', 'm.room.encryption'],
].map((type) => stateKeyOf(type, ''))

export function factsOf(room: FactsSource, heroes: Candidates): RoomFacts {
  return {
    name: readText(room, 'm.room.name', 'name'),
    alias: readText(room, 'm.room.canonical_alias', 'alias'),
    topic: readText(room, 'm.room.topic', 'topic'),
    avatarUrl: readText(room, 'm.room.avatar', 'url'),
    joinRule: readText(room, 'm.room.join_rules', 'join_rule') ?? 'invite',
    roomType: readText(room, 'm.room.create', 'type'),
    isEncrypted: room.state.has(stateKeyOf('m.room.encryption', '')),
    joinedCount: room.joinedCount,
    invitedCount: room.invitedCount,
    heroes,
  }
}

/** Heroes are at most five. */
const wantedHeroes = 5
/** A larger room with a name of its own is named after nobody, and its thousands are not read for it. */
const namedAfterUpTo = 50
/** A larger room without a name goes by some of our own users. */
const maxStateRead = 2_000
export const nobody: Candidates = { present: [], gone: [] }

export type ReadCandidates = {
  read(room: Room): Promise<Candidates>
  /** A member moved; undefined: any of them may have. */
  forget(roomId: RoomId, userId: UserId | undefined): void
}

/** Reads who a room is named after, once; later joins do not come before the earliest. */
export function makeReadCandidates(rooms: Pick<Rooms, 'readMember' | 'readMembers'>): ReadCandidates {
  const known = new LRUCache<RoomId, Candidates>({ max: 5_000 })
  /** Raised by every change: what was read across one may be old already. */
  let changes = 0

  async function localMembersOf(room: Room): Promise<PduEvent[]> {
    const present: PduEvent[] = []
    for (const [userId, membership] of room.localMembers) {
      if (membership !== 'join' && membership !== 'invite') continue
      const event = await rooms.readMember(room, userId)
      if (event) present.push(event)
      if (present.length > wantedHeroes) break
    }
    return present
  }

  return {
    async read(room) {
      const hasName = readText(room, 'm.room.name', 'name') ?? readText(room, 'm.room.canonical_alias', 'alias')
      if (hasName && room.joinedCount + room.invitedCount > namedAfterUpTo) return nobody
      const cached = known.get(room.roomId)
      if (cached) return cached
      const before = changes
      const found = candidatesOf(await (room.stateSize > maxStateRead ? localMembersOf(room) : rooms.readMembers(room)))
      if (before === changes) known.set(room.roomId, found)
      return found
    },
    forget(roomId, userId) {
      changes++
      const cached = known.peek(roomId)
      if (!cached) return
      const isFull = cached.present.length > wantedHeroes
      const isOneOf = [...cached.present, ...cached.gone].some(({ pdu }) => pdu.state_key === userId)
      if (!isFull || isOneOf || userId === undefined) known.delete(roomId)
    },
  }
}

export function candidatesOf(members: Iterable<PduEvent>): Candidates {
  const present: PduEvent[] = []
  const gone: PduEvent[] = []
  for (const event of members) {
    const { membership } = event.pdu.content
    keepEarliest(membership === 'join' || membership === 'invite' ? present : gone, event)
  }
  return { present, gone }
}

/** The heroes a user's room is named after: the others who are there, or those who were. */
export function heroesFor({ heroes: { present, gone } }: Pick<RoomFacts, 'heroes'>, userId: UserId): Hero[] {
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

function readText({ state }: Pick<Room, 'state'>, type: string, member: string): string | undefined {
  const value = state.get(stateKeyOf(type, ''))?.pdu.content[member]
  return typeof value === 'string' && value !== '' ? value : undefined
}
