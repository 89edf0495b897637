/**
 * Member events that another server filled in and signed: send_join, send_leave, send_knock.
 *
 * They pass the same checks as any PDU; what is accepted is passed on to the other servers of the room.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
 */

import { type JsonObject, type PduEvent, stateKeyOf } from '../events/pdu.js'
import { hashAndSignPdu, type SigningKey } from '../events/signatures.js'
import { forbidden, invalidParam, MatrixError } from '../kernel/errors.js'
import { type EventId, parseUserId, type RoomId, type ServerName, serverNameOf } from '../kernel/identifiers.js'
import { copySpelled } from '../kernel/spelled-numbers.js'
import type { AcceptPdu } from '../rooms/accept-pdu.js'
import { strippedOf } from '../rooms/outside-membership.js'
import { isJoined, type Room, type Rooms } from '../rooms/room.js'
import { checkMemberEvent, findAuthoriser } from './make-membership.js'
import { forWire, type ReadHistory, toWire } from './read-history.js'
import type { RoomForServer } from './room-for-server.js'
import type { ServerShares } from './server-shares.js'
import type { StateAnswers } from './state-answers.js'
import { refusalOf, type VerifyPdus } from './verify-pdus.js'

type Request = { origin: ServerName; roomId: RoomId; eventId: EventId; event: JsonObject }

/** The body of the answer to send_join v2. */
export type JoinAnswer = {
  origin: ServerName
  /** In pieces: both are as long as the room is large. */
  state: AsyncIterable<JsonObject[]>
  auth_chain: AsyncIterable<JsonObject[]>
  event: Record<string, unknown>
  members_omitted: boolean
  servers_in_room: ServerName[]
}

export type SendMembership = {
  receiveJoin(request: Request, signal: AbortSignal): Promise<JoinAnswer>
  receiveLeave(request: Request): Promise<void>
  /** @returns stripped state of the room */
  receiveKnock(request: Request): Promise<JsonObject[]>
}

type Needs = {
  serverName: ServerName
  signingKey: SigningKey
  rooms: Pick<Rooms, 'get' | 'readCurrent' | 'readEvents' | 'readMember' | 'readServers'>
  roomForServer: RoomForServer
  acceptPdu: AcceptPdu
  verifyPdus: VerifyPdus
  stateAnswers: Pick<StateAnswers, 'readStateBefore'>
  shares: ServerShares
  readPieces: ReadHistory['readPieces']
}

export function makeSendMembership(needs: Needs): SendMembership {
  async function check({ origin, roomId, eventId, event: value }: Request, membership: string, sign = false) {
    const { readOpenRoom, readRoomToLeave } = needs.roomForServer
    const room = await (membership === 'leave' ? readRoomToLeave : readOpenRoom)(origin, roomId)
    const signed = sign ? await withAuthorisation(needs, room, value) : value
    const [verdict] = await needs.verifyPdus([signed], room.rules)
    if (!verdict?.ok) throw refusalOf(verdict)
    if (verdict.isRedacted) throw invalidParam('The content hash of the event is wrong.')
    checkMemberEvent(verdict.event, { roomId, origin, membership, eventId })
    return { room, event: verdict.event }
  }

  async function accept(room: Room, event: PduEvent, origin: ServerName): Promise<void> {
    const servers = [...(await needs.rooms.readServers(room)).keys()]
    const destinations = servers.filter((server) => server !== origin && server !== needs.serverName)
    const acceptance = await needs.acceptPdu(room.roomId, event, { destinations })
    if (acceptance.status === 'missing')
      throw invalidParam('The event refers to events that this server does not know.')
    if (acceptance.status === 'rejected' || acceptance.status === 'soft_failed')
      throw forbidden(`The event is not allowed: ${acceptance.reason}`)
  }

  return {
    async receiveJoin(request, signal) {
      const { room, event } = await check(request, 'join', true)
      const serversBefore = [...(await needs.rooms.readServers(room)).keys()]
      await accept(room, event, request.origin)
      const asker = { origin: request.origin, signal }
      const ids = await needs.shares.goOn(asker, () => needs.stateAnswers.readStateBefore(needs.rooms, room, event))
      if (!ids) throw new Error(`the state before ${event.eventId}, which was just accepted, is not known`)
      return {
        origin: needs.serverName,
        state: needs.readPieces(asker, ids.state),
        auth_chain: needs.readPieces(asker, ids.authChain),
        event: copySpelled(forWire(event.pdu)),
        members_omitted: false,
        servers_in_room: serversBefore,
      }
    },
    async receiveLeave(request) {
      const { room, event } = await check(request, 'leave')
      await accept(room, event, request.origin)
    },
    async receiveKnock(request) {
      const { room, event } = await check(request, 'knock')
      await accept(room, event, request.origin)
      return strippedState(room)
    },
  }
}

/** A join that a user of ours authorises gets our signature, provided that this server would authorise it. */
async function withAuthorisation(needs: Needs, room: Room, value: JsonObject): Promise<JsonObject> {
  const { serverName, signingKey } = needs
  const content = value.content as JsonObject | undefined
  const authoriser = parseUserId(content?.join_authorised_via_users_server)
  if (!authoriser || serverNameOf(authoriser) !== serverName || !room.rules.restricted) return value
  if (!isJoined(room, authoriser) || room.powerLevels.userLevel(authoriser) < room.powerLevels.invite)
    throw new MatrixError(400, 'M_UNABLE_TO_GRANT_JOIN', 'That user of this server may not let others in.')
  const sender = parseUserId(value.sender)
  if (!sender) throw invalidParam('The event has no sender.')
  await findAuthoriser(needs, room, sender) // the conditions may have ceased to hold since make_join
  try {
    // The hash is the sender's own: signing must not replace a wrong one by a right one.
    const signed = hashAndSignPdu(value as Parameters<typeof hashAndSignPdu>[0], room.rules, serverName, signingKey)
    return { ...signed, hashes: value.hashes }
  } catch {
    throw invalidParam('The event cannot be signed.')
  }
}

/** What somebody outside is shown of a room. Spec: client-server-api, "Stripped state". */
const strippedTypes = [
  'm.room.create',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.avatar',
  'm.room.name',
  'm.room.encryption',
  'm.room.topic',
]

/** Whole PDUs, as invites carry them since v1.16 of the spec; clients are shown the stripped form. */
export const outsideState = (room: Room): PduEvent[] =>
  strippedTypes.flatMap((type) => room.state.get(stateKeyOf(type, '')) ?? [])

const strippedState = (room: Room): JsonObject[] => toWire(outsideState(room))

export const toStripped = (events: readonly JsonObject[]): JsonObject[] => events.map(strippedOf)
