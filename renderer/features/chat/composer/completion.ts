/**
 * What the composer's one popup offers for the word at the cursor: `@` people, `:` emoji, `#` rooms,
 * `/` commands at the start.
 */
import type { RoomMemberRow, RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { localpartOf } from '../../../platform/matrix/login-session.js'
import { type CommandName, commandNames } from './commands.js'
import { findEmojis } from './emoji.js'

export type Trigger = {
  sigil: '@' | ':' | '#' | '/'
  term: string /** Where the sigil stands. */
  start: number
  end: number
}

export type Suggestion =
  | { kind: 'user'; key: string; userId: string; name: string; avatar: string | undefined; insert: string }
  | { kind: 'emoji'; key: string; name: string; emoji: string; insert: string }
  | { kind: 'room'; key: string; name: string; roomId: string; insert: string }
  | { kind: 'command'; key: string; name: CommandName; insert: string }

const limit = 8

/** The word being written, if it asks for a completion. */
export function findTrigger(text: string, cursor: number): Trigger | undefined {
  const before = text.slice(0, cursor)
  const command = /^\/([a-z]*)$/.exec(before)
  if (command) return { sigil: '/', term: command[1]!, start: 0, end: cursor }
  const word = /(^|[\s(])([@:#])([^\s:@#]*)$/u.exec(before)
  if (!word) return undefined
  const sigil = word[2] as '@' | ':' | '#'
  const term = word[3]!
  if (sigil === ':' && term.length < 2) return undefined // ":)" and times are no emoji
  return { sigil, term, start: cursor - term.length - 1, end: cursor }
}

type Sources = {
  members: Iterable<RoomMemberRow>
  rooms: Iterable<RoomSummaryRow>
  userId: string
  /** Who spoke last, first: more likely to be meant. */
  recent: readonly string[]
}

export function suggest(trigger: Trigger, sources: Sources): Suggestion[] {
  const term = trigger.term.toLocaleLowerCase()
  if (trigger.sigil === ':')
    return findEmojis(term, limit).map(({ name, emoji }) => ({
      kind: 'emoji',
      key: name,
      name,
      emoji,
      insert: `${emoji} `,
    }))
  if (trigger.sigil === '/')
    return commandNames
      .filter((name) => name.startsWith(term))
      .map((name) => ({ kind: 'command', key: name, name, insert: `/${name} ` }))
  if (trigger.sigil === '#') return suggestRooms(term, sources.rooms)
  return suggestUsers(term, sources)
}

function suggestRooms(term: string, rooms: Iterable<RoomSummaryRow>): Suggestion[] {
  const found: Suggestion[] = []
  for (const room of rooms) {
    if (!room.canonical_alias || room.membership !== 'join') continue
    if (!room.canonical_alias.slice(1).toLowerCase().startsWith(term) && !room.name.toLocaleLowerCase().includes(term))
      continue
    found.push({
      kind: 'room',
      key: room.room_id,
      name: room.name,
      roomId: room.room_id,
      insert: `${room.canonical_alias} `,
    })
  }
  return found.slice(0, limit)
}

function suggestUsers(term: string, { members, userId, recent }: Sources): Suggestion[] {
  const scored: { member: RoomMemberRow; score: number }[] = []
  for (const member of members) {
    if (member.user_id === userId || member.membership !== 'join') continue
    const rank = matchRank(member, term)
    if (rank === undefined) continue
    const spoke = recent.indexOf(member.user_id)
    scored.push({ member, score: rank * 1000 + (spoke < 0 ? 999 : spoke) })
  }
  scored.sort((a, b) => a.score - b.score)
  return scored.slice(0, limit).map(({ member }) => {
    const name = member.displayname?.trim() || localpartOf(member.user_id)
    return {
      kind: 'user',
      key: member.user_id,
      userId: member.user_id,
      name,
      avatar: member.avatar_url,
      insert: `@${name} `,
    }
  })
}

function matchRank({ displayname, user_id }: RoomMemberRow, term: string): number | undefined {
  const name = displayname?.toLocaleLowerCase() ?? ''
  const localpart = localpartOf(user_id).toLowerCase()
  if (name.startsWith(term) || localpart.startsWith(term)) return 0
  if (name.split(/\s+/).some((word) => word.startsWith(term))) return 1
  return name.includes(term) || localpart.includes(term) ? 2 : undefined
}
