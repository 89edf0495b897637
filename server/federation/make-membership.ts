/**
 * Templates of member events for users of other servers: make_join, make_leave, make_knock.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#restricted-rooms
 */
import { checkAgainstState } from '../events/auth-rules/index.js'
import { isJsonObject, type JsonObject, type PduEvent, stateKeyOf, type UnsignedPdu } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { forbidden, invalidParam, MatrixError } from '../kernel/errors.js'
import {
  parseEventId,
  parseRoomId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../kernel/identifiers.js'
import type { draftEvent } from '../rooms/build-event.js'
import { isHere, type Room, type Rooms } from '../rooms/room.js'
import type { RoomForServer } from './room-for-server.js'

export type MembershipTemplate = { event: UnsignedPdu; room_version: string }
export type MakeMembership = (request: {
  origin: ServerName
  roomId: RoomId
  userId: UserId
  membership: 'join' | 'leave' | 'knock'
  /** Room versions that the origin knows; not asked for on leaving. */
  versions?: readonly string[]
}) => Promise<MembershipTemplate>

type Needs = {
  serverName: ServerName
  clock: Clock
  rooms: Pick<Rooms, 'get' | 'readCurrent' | 'readMember'>
  roomForServer: RoomForServer
  draftEvent: typeof draftEvent
}

export function makeMakeMembership(needs: Needs): MakeMembership {
  return async function makeMembership({ origin, roomId, userId, membership, versions }) {
    if (serverNameOf(userId) !== origin) throw forbidden('That user is not of your server.')
    const { readOpenRoom, readRoomToLeave } = needs.roomForServer
    const room = await (membership === 'leave' ? readRoomToLeave : readOpenRoom)(origin, roomId)
    if (versions && !versions.includes(room.version))
      throw new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', 'Your server does not know the version of that room.', {
        room_version: room.version,
      })
    const authoriser = membership === 'join' ? await findAuthoriser(needs, room, userId) : undefined
    const content: JsonObject = { membership, ...(authoriser && { join_authorised_via_users_server: authoriser }) }
    const draft = { type: 'm.room.member', stateKey: userId, sender: userId, content }
    const { unsigned: event, current } = await needs.draftEvent(needs.rooms, room, draft, needs.clock.now())
    const verdict = checkAgainstState(
      asEvent(room, event),
      (type, key) => current.get(stateKeyOf(type, key)),
      room.rules,
    )
    if (!verdict.allowed) throw forbidden(`That user may not do that: ${verdict.reason}`)
    return { event, room_version: room.version }
  }
}

const templateId = parseEventId('$template')!

const asEvent = (room: Room, event: UnsignedPdu): PduEvent => ({
  eventId: templateId,
  roomId: room.roomId,
  pdu: { ...event, hashes: { sha256: '' }, signatures: {} },
})

/**
 * A user of ours who may let the joining one in; undefined where the room asks for none. Throws where the
 * user fails the room's conditions, or this server cannot tell.
 */
export async function findAuthoriser(
  needs: Pick<Needs, 'rooms' | 'serverName'>,
  room: Room,
  userId: UserId,
): Promise<UserId | undefined> {
  const rule = room.state.get(stateKeyOf('m.room.join_rules', ''))?.pdu.content
  const isRestricted =
    (rule?.join_rule === 'restricted' && room.rules.restricted) ||
    (rule?.join_rule === 'knock_restricted' && room.rules.knockRestricted)
  const membership = (await needs.rooms.readMember(room, userId))?.pdu.content.membership
  if (!isRestricted || membership === 'join' || membership === 'invite') return undefined
  await checkConditions(needs, rule, userId)
  const { powerLevels } = room
  for (const [candidate, held] of room.localMembers)
    if (held === 'join' && powerLevels.userLevel(candidate) >= powerLevels.invite) return candidate
  throw new MatrixError(400, 'M_UNABLE_TO_GRANT_JOIN', 'No user of this server may let others in; ask another server.')
}

async function checkConditions(
  { rooms }: Pick<Needs, 'rooms'>,
  rule: JsonObject | undefined,
  userId: UserId,
): Promise<void> {
  let isKnownHere = false
  let isKnownElsewhere = false
  for (const condition of Array.isArray(rule?.allow) ? (rule.allow as unknown[]) : []) {
    if (!isJsonObject(condition) || condition.type !== 'm.room_membership') continue
    const roomId = parseRoomId(condition.room_id)
    const room = roomId && (await rooms.get(roomId))
    if (!room || !isHere(room)) {
      isKnownElsewhere ||= roomId !== undefined
      continue
    }
    if ((await rooms.readMember(room, userId))?.pdu.content.membership === 'join') return
    isKnownHere = true
  }
  // Where the rule names no room at all, no other server could tell more.
  if (isKnownHere || !isKnownElsewhere) throw forbidden('That user is in none of the rooms whose members may join.')
  throw new MatrixError(400, 'M_UNABLE_TO_AUTHORISE_JOIN', 'This server is in none of the rooms that would tell.')
}

/** What another server filled in, checked before anything is signed or accepted. Throws `M_INVALID_PARAM`. */
export function checkMemberEvent(
  event: PduEvent,
  expected: { roomId: RoomId; origin: ServerName; membership: string; eventId?: string },
): void {
  const { pdu } = event
  if (expected.eventId !== undefined && event.eventId !== expected.eventId)
    throw invalidParam('The event ID of the path is not that of the event.')
  if (event.roomId !== expected.roomId) throw invalidParam('The event is of another room.')
  if (pdu.type !== 'm.room.member' || pdu.content.membership !== expected.membership)
    throw invalidParam(`The event is not an m.room.member of membership ${expected.membership}.`)
  if (serverNameOf(pdu.sender) !== expected.origin) throw invalidParam('The sender is not of your server.')
  if (expected.membership !== 'invite' && pdu.state_key !== pdu.sender)
    throw invalidParam('The state key is not the sender.')
}
