/**
 * Which application services are told of an event: those to whom its room, its sender, its member, the room's canonical
 * aliases or somebody in the room belongs.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#pushing-events
 */
import { isJsonObject, type PduEvent, stateKeyOf } from '../events/pdu.js'
import { parseRoomAlias, type UserId } from '../kernel/identifiers.js'
import type { Snapshot } from '../rooms/room.js'
import type { Appservice, Appservices } from './appservices.js'

type RoomFacts = Pick<Snapshot, 'roomId' | 'localMembers' | 'state'>

export type Interest = {
  /** IDs of the services that are told. */
  interestedIn(room: RoomFacts, event: Pick<PduEvent, 'pdu'>): readonly string[]
  /** The same for what is no event: somebody types, or has read. */
  interestedInRoom(room: RoomFacts): readonly string[]
}

export function makeInterest({ all }: Pick<Appservices, 'all'>): Interest {
  const told = all.filter(({ url }) => url !== undefined)
  /** Which of them have users in the room: walked anew only when a member moves. */
  const present = new WeakMap<RoomFacts['localMembers'], ReadonlySet<Appservice>>()

  function presentIn({ localMembers }: RoomFacts): ReadonlySet<Appservice> {
    const known = present.get(localMembers)
    if (known) return known
    const found = new Set<Appservice>()
    for (const [userId, membership] of localMembers) {
      if (found.size === told.length) break
      if (membership !== 'join') continue
      for (const each of told) if (!found.has(each) && each.isOwnUser(userId)) found.add(each)
    }
    present.set(localMembers, found)
    return found
  }

  const isRooms = (service: Appservice, room: RoomFacts) =>
    service.isOwnRoom(room.roomId) ||
    presentIn(room).has(service) ||
    aliasesOf(room).some((alias) => service.isOwnAlias(alias))

  return {
    interestedIn(room, { pdu }) {
      if (told.length === 0) return []
      const member = pdu.type === 'm.room.member' ? (pdu.state_key as UserId | undefined) : undefined
      const isAboutUser = (service: Appservice) =>
        service.concernsUser(pdu.sender) || (member !== undefined && service.concernsUser(member))
      return told.filter((each) => isAboutUser(each) || isRooms(each, room)).map(({ id }) => id)
    },
    interestedInRoom: (room) => told.filter((each) => isRooms(each, room)).map(({ id }) => id),
  }
}

const canonicalKey = stateKeyOf('m.room.canonical_alias', '')

function aliasesOf({ state }: RoomFacts) {
  const content = state.get(canonicalKey)?.pdu.content
  if (!isJsonObject(content)) return []
  const others = Array.isArray(content.alt_aliases) ? content.alt_aliases : []
  return [content.alias, ...others].map((each) => parseRoomAlias(each)).filter((each) => each !== undefined)
}
