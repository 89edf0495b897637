/**
 * Finds users by a part of their name or ID, among those whom the asking user may know: members of rooms they are in and
 * of rooms that are open to anybody (themselves too), and where the configuration says so everybody of this server.
 *
 * Whom a user may know is gathered once and kept for a while, with texts made ready to be compared, because a search
 * comes with every key that is pressed: each then is one pass over strings in memory.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch
 */

import { LRUCache } from 'lru-cache'
import type { PduEvent } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { localpartOf, parseMxcUri, type RoomId, type UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'
import { readUserCards } from '../store/user-store.js'

export type FoundUser = { userId: UserId; displayName?: string; avatarUrl?: string }

/** Best first. `isLimited`: there are more than `limit`. */
export type SearchUsers = (
  userId: UserId,
  term: string,
  limit: number,
) => Promise<{ users: FoundUser[]; isLimited: boolean }>

type Needs = {
  db: Pick<Database, 'query' | 'onCommitted'>
  clock: Clock
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'readMembers'>
  readOpenRooms: () => Promise<ReadonlySet<RoomId>>
  /** `user_directory.all_local_users` */
  allLocalUsers: boolean
}

type Person = FoundUser & {
  /** What is searched: localpart, name and whole ID, folded. */
  localpart: string
  name: string
  id: string
}
type Circle = { people: Person[]; madeAt: number; ofVersion: number }

/** In milliseconds; what concerns the asking user shows at once. */
const keptMs = { whileQuiet: 10 * 60_000, whileOthersMove: 5_000 } as const
const limits = { circles: 50, accounts: 20_000 } as const

export function makeSearchUsers({ db, clock, rooms, readOpenRooms, allLocalUsers }: Needs): SearchUsers {
  const circles = new LRUCache<UserId, Promise<Circle>>({ max: limits.circles })
  /** Raised by whatever may change whom anybody knows, or under which name. */
  let version = 0

  const follow: ByKind = {
    event({ type, stateKey }) {
      if (type !== 'm.room.member' || !stateKey) return
      version++
      circles.delete(stateKey as UserId)
    },
    state: () => void version++,
    profile: () => circles.clear(),
    ...{ redaction: ignore, membership: ignore, receipt: ignore, account_data: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore },
  }
  db.onCommitted('memory', (changes) => {
    for (const change of changes) treat(follow, change)
  })

  async function gather(userId: UserId): Promise<Circle> {
    const [ofVersion, madeAt] = [version, clock.now()]
    const cards = new Map<UserId, Person>()
    for (const row of await readUserCards(db, limits.accounts))
      cards.set(row.user_id, toPerson(row.user_id, row.displayname, row.avatar_url))
    const people = new Map(allLocalUsers ? cards : [])
    const own = await rooms.membershipsOf(userId)
    const joined = [...own.values()].filter(({ membership }) => membership === 'join').map(({ roomId }) => roomId)
    for (const roomId of new Set([...joined, ...(await readOpenRooms())])) {
      const room = await rooms.get(roomId)
      if (room) addMembers(people, await rooms.readMembers(room), cards)
    }
    return { people: [...people.values()], madeAt, ofVersion }
  }

  async function circleOf(userId: UserId): Promise<Circle> {
    const known = circles.get(userId)
    if (known) {
      const circle = await known
      const age = clock.now() - circle.madeAt
      if (age < (circle.ofVersion === version ? keptMs.whileQuiet : keptMs.whileOthersMove)) return circle
    }
    const gathering = gather(userId)
    circles.set(userId, gathering)
    gathering.catch(() => circles.delete(userId))
    return gathering
  }

  return async (userId, term, limit) => {
    const words = fold(term).split(/\s+/u).filter(Boolean)
    if (words.length === 0) return { users: [], isLimited: false }
    const found: { person: Person; rank: number }[] = []
    for (const person of (await circleOf(userId)).people) {
      const rank = rankOf(person, words)
      if (rank !== undefined) found.push({ person, rank })
    }
    found.sort((a, b) => a.rank - b.rank || compare(a.person.id, b.person.id))
    const users = found.slice(0, limit).map(({ person: { userId, displayName, avatarUrl } }) => ({
      userId,
      ...(displayName !== undefined && { displayName }),
      ...(avatarUrl !== undefined && { avatarUrl }),
    }))
    return { users, isLimited: found.length > limit }
  }
}

/** @param cards people of this server, who go by the name of their profile */
function addMembers(
  people: Map<UserId, Person>,
  members: readonly PduEvent[],
  cards: ReadonlyMap<UserId, Person>,
): void {
  for (const { pdu } of members) {
    const userId = pdu.state_key as UserId
    const { membership, displayname, avatar_url } = pdu.content
    if (membership !== 'join' || people.has(userId)) continue
    people.set(userId, cards.get(userId) ?? toPerson(userId, displayname, avatar_url))
  }
}

function toPerson(userId: UserId, name: unknown, avatar: unknown): Person {
  const displayName = typeof name === 'string' && name !== '' ? name : undefined
  return {
    userId,
    ...(displayName !== undefined && { displayName }),
    ...(parseMxcUri(avatar) && { avatarUrl: avatar as string }),
    localpart: fold(localpartOf(userId)),
    name: fold(displayName ?? ''),
    id: fold(userId),
  }
}

/** Without case and accents: who types "joerg" or "jorg" is not asked for the dots. */
const fold = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()

/** Smaller is better; undefined where a word is nowhere in it. Names of whom no profile is known come last. */
function rankOf({ localpart, name, id, displayName, avatarUrl }: Person, words: readonly string[]): number | undefined {
  if (!words.every((word) => name.includes(word) || id.includes(word))) return undefined
  const whole = words.join(' ')
  const hasProfile = displayName !== undefined || avatarUrl !== undefined ? 0 : 1
  if (localpart === whole || name === whole || id === whole) return hasProfile
  if (localpart.startsWith(whole) || name.startsWith(whole)) return 2 + hasProfile
  if (words.every((word) => ` ${name}`.includes(` ${word}`))) return 4 + hasProfile
  return 6 + hasProfile
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
