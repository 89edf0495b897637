/**
 * Invites from other servers: checked, signed, kept with the state that came along, told to the user.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
 */
import { computeEventId, roomIdOfCreate } from '../events/event-id.js'
import { checkPduFormat, isJsonObject, type JsonObject, type PduEvent } from '../events/pdu.js'
import { type RoomVersionRules, roomVersionRules } from '../events/room-versions.js'
import { hashAndSignPdu, type SigningKey } from '../events/signatures.js'
import { forbidden, invalidParam, MatrixError, missingParam } from '../kernel/errors.js'
import {
  type EventId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../kernel/identifiers.js'
import { type SetOutsideMembership, strippedOf } from '../rooms/outside-membership.js'
import { isHere, type Rooms } from '../rooms/room.js'
import { checkMemberEvent } from './make-membership.js'
import { isAllowedByAcl } from './room-for-server.js'
import { refusalOf, type VerifyPdus } from './verify-pdus.js'

/** @returns the event with our signature added */
export type ReceiveInvite = (request: {
  origin: ServerName
  roomId: RoomId
  eventId: EventId
  roomVersion: string
  event: JsonObject
  inviteRoomState: readonly unknown[]
}) => Promise<JsonObject>

type Needs = {
  serverName: ServerName
  signingKey: SigningKey
  rooms: Pick<Rooms, 'get'>
  verifyPdus: VerifyPdus
  setOutsideMembership: SetOutsideMembership
  /** Whether that user of ours exists and can still log in. */
  isActiveUser: (userId: UserId) => Promise<boolean>
}

const maxStateEvents = 100

export function makeReceiveInvite(needs: Needs): ReceiveInvite {
  return async function receiveInvite({ origin, roomId, eventId, roomVersion, event: value, inviteRoomState }) {
    const rules = roomVersionRules(roomVersion)
    if (!rules)
      throw new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', 'This server does not know that room version.', {
        room_version: roomVersion,
      })
    const [verdict] = await needs.verifyPdus([value], rules)
    if (!verdict?.ok) throw refusalOf(verdict)
    if (verdict.isRedacted) throw invalidParam('The content hash of the event is wrong.')
    const { event } = verdict
    checkMemberEvent(event, { roomId, origin, membership: 'invite', eventId })
    const target = parseUserId(event.pdu.state_key)
    if (!target || serverNameOf(target) !== needs.serverName)
      throw invalidParam('The invited user is not of this server.')
    if (!(await needs.isActiveUser(target))) throw forbidden('There is no such user here.')
    const stripped = readInviteState(inviteRoomState, roomId, rules)
    const room = await needs.rooms.get(roomId)
    if (room && !isAllowedByAcl(room, origin)) throw forbidden('Your server is excluded from that room.')
    // Where we are in the room, the event itself follows in a transaction.
    if (!room || !isHere(room)) await keep(needs, { origin, event, target, stripped, roomVersion })
    return hashAndSignPdu(event.pdu, rules, needs.serverName, needs.signingKey)
  }
}

type Kept = { origin: ServerName; event: PduEvent; target: UserId; stripped: JsonObject[]; roomVersion: string }

const keep = (needs: Needs, { origin, event, target, stripped, roomVersion }: Kept): Promise<boolean> =>
  needs.setOutsideMembership(target, {
    roomId: event.roomId,
    membership: 'invite',
    eventId: event.eventId,
    sender: event.pdu.sender,
    via: origin,
    roomVersion,
    stripped: [...stripped.filter((each) => !isMemberOf(each, target)), strippedOf(event.pdu)],
  })

const isMemberOf = (event: JsonObject, target: UserId) => event.type === 'm.room.member' && event.state_key === target

/**
 * Stripped events for clients. In versions whose room ID is the create event's hash, that event must be
 * there and must be the one: it is all that tells what room this is.
 */
export function readInviteState(values: readonly unknown[], roomId: RoomId, rules: RoomVersionRules): JsonObject[] {
  const events = values.slice(0, maxStateEvents).filter(isStrippable)
  if (rules.roomIdIsCreateHash) {
    const create = events.find(({ type }) => type === 'm.room.create')
    if (!create) throw missingParam('invite_room_state lacks the create event.')
    const format = checkPduFormat(create, rules)
    if (!format.ok || roomIdOfCreate(computeEventId(format.pdu, rules)) !== roomId)
      throw invalidParam('The create event of invite_room_state is not that of the room.')
  }
  return events.map(strippedOf)
}

const isStrippable = (value: unknown): value is JsonObject =>
  isJsonObject(value) &&
  typeof value.type === 'string' &&
  typeof value.state_key === 'string' &&
  parseUserId(value.sender) !== undefined &&
  isJsonObject(value.content)
