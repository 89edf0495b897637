/**
 * Which state a client wants of a room: pairs of type and key, with `*` for any, `$ME` for itself and `$LAZY` for the
 * members that the timeline shows.
 */
import { type PduEvent, stateKeyOf } from '../../events/pdu.js'
import type { UserId } from '../../kernel/identifiers.js'
import type { Room, Rooms } from '../../rooms/room.js'
import type { RequiredState } from './request.js'

const memberType = 'm.room.member'
const lazy = '$LAZY'

export type WantedState = {
  /** As `type\0key`, each once. */
  pairs: ReadonlySet<string>
  isLazy: boolean
  matches(type: string, key: string): boolean
}

/** By the list of a request, which is one user's and asks for many rooms. */
const known = new WeakMap<RequiredState, WantedState>()

export function readRequiredState(required: RequiredState, userId: UserId): WantedState {
  const read = known.get(required) ?? readPairs(required, userId)
  known.set(required, read)
  return read
}

function readPairs(required: RequiredState, userId: UserId): WantedState {
  const pairs = new Set(required.map(([type, key]) => `${type}\0${key === '$ME' ? userId : key}`))
  const isLazy = pairs.has(`${memberType}\0${lazy}`)
  return {
    pairs,
    isLazy,
    matches: (type, key) => matchesPairs(pairs, type, key),
  }
}

/** Whether one of the pairs (`type\0key`) asks for it. */
export const matchesPairs = (pairs: ReadonlySet<string>, type: string, key: string): boolean =>
  key !== lazy && [`${type}\0${key}`, `${type}\0*`, `*\0${key}`, '*\0*'].some((pair) => pairs.has(pair))

/** The current state that is wanted, but for lazy members. */
export async function readWantedState(
  rooms: Pick<Rooms, 'readMember' | 'readMembers'>,
  room: Room,
  wanted: WantedState,
): Promise<PduEvent[]> {
  const events: PduEvent[] = []
  for (const event of room.state.values())
    if (wanted.matches(event.pdu.type, event.pdu.state_key ?? '')) events.push(event)
  if (wanted.pairs.has(`${memberType}\0*`) || wanted.pairs.has('*\0*'))
    return [...events, ...(await rooms.readMembers(room))]
  for (const pair of wanted.pairs) {
    const [type, key = ''] = pair.split('\0')
    if ((type !== memberType && type !== '*') || !key.startsWith('@')) continue
    const member = await rooms.readMember(room, key as UserId)
    if (member) events.push(member)
  }
  return events
}

/** Member events of these users. */
export async function readMembersOf(
  rooms: Pick<Rooms, 'readCurrent'>,
  room: Room,
  userIds: readonly string[],
): Promise<PduEvent[]> {
  if (userIds.length === 0) return []
  const keys = userIds.map((userId) => stateKeyOf(memberType, userId))
  const current = await rooms.readCurrent(room, keys)
  return keys.flatMap((key) => current.get(key) ?? [])
}
