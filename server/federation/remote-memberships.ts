/**
 * Leaving and knocking through other servers, and inviting their users.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#leaving-rooms-rejecting-invites
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#knocking-rooms
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room
 */

import { checkAgainstState } from '../events/auth-rules/index.js'
import { isJsonObject, type JsonObject, type PduEvent, stateKeyOf } from '../events/pdu.js'
import { redactPdu } from '../events/redaction.js'
import { verifyJson } from '../events/signatures.js'
import { forbidden, notFound } from '../kernel/errors.js'
import { type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { copySpelled } from '../kernel/spelled-numbers.js'
import type { KeyRing } from '../keys/key-ring.js'
import type { AcceptPdu } from '../rooms/accept-pdu.js'
import type { draftEvent } from '../rooms/build-event.js'
import { type SetOutsideMembership, strippedOf } from '../rooms/outside-membership.js'
import { isHere, type Room, type Rooms } from '../rooms/room.js'
import { pathOf } from './federation-client.js'
import { FederationError, toClientError } from './federation-error.js'
import { forWire, toWire } from './read-history.js'
import { type HandshakeNeeds, makeSignedMember, type SignedTemplate, tryServers } from './remote-handshake.js'
import { outsideState, toStripped } from './send-membership.js'
import { isSilence } from './tell-leaves.js'
import type { VerifyPdus } from './verify-pdus.js'

type MemberRequest = { roomId: RoomId; userId: UserId; via: ServerName[]; content: JsonObject }

export type RemoteMemberships = {
  /** @returns the event that a server took; else the servers that were not reached */
  leaveRoom(request: MemberRequest): Promise<{ took?: SignedTemplate; untold: ServerName[] }>
  /** Makes the leave with that server and sends it there. @throws FederationError */
  sendLeave(via: ServerName, request: Omit<MemberRequest, 'via'>): Promise<SignedTemplate>
  knockRoom(request: MemberRequest): Promise<void>
  inviteUser(request: { roomId: RoomId; sender: UserId; target: UserId; content: JsonObject }): Promise<void>
}

type Needs = HandshakeNeeds & {
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'readCurrent' | 'readMember' | 'readServers'>
  acceptPdu: AcceptPdu
  verifyPdus: VerifyPdus
  keyRing: KeyRing
  setOutsideMembership: SetOutsideMembership
  draftEvent: typeof draftEvent
}

const sendPaths = {
  leave: '/_matrix/federation/v2/send_leave/:roomId/:eventId',
  knock: '/_matrix/federation/v1/send_knock/:roomId/:eventId',
}

export function makeRemoteMemberships(needs: Needs): RemoteMemberships {
  const { client, log } = needs

  async function sendThrough(
    via: ServerName,
    membership: 'leave' | 'knock',
    { roomId, userId, content }: Omit<MemberRequest, 'via'>,
  ) {
    const { event, rules } = await makeSignedMember(needs, via, { roomId, userId, membership, content })
    const answer = await client.request({
      destination: via,
      method: 'PUT',
      path: pathOf(sendPaths[membership], { roomId, eventId: event.eventId }),
      content: copySpelled(event.pdu),
      ignoreBackoff: true,
      timeoutMs: 20_000,
    })
    return { event, rules, answer, via }
  }

  return {
    async leaveRoom(request) {
      const { roomId, userId } = request
      const untold: ServerName[] = []
      try {
        const took = await tryServers(request.via, log, (via) =>
          sendThrough(via, 'leave', request).catch((error: unknown) => {
            if (error instanceof FederationError && isSilence(error)) untold.push(via)
            throw error
          }),
        )
        return { took, untold: [] }
      } catch (error) {
        if (!(error instanceof FederationError)) throw error
        // Nobody has to stay invited because a server is gone: the user is rid of it, the room hears of it later.
        log.warn({ roomId, userId, err: error.message, untold }, 'no server took the leave yet')
        return { untold }
      }
    },

    sendLeave: (via, request) => sendThrough(via, 'leave', request),

    async knockRoom(request) {
      const { roomId, userId } = request
      const before = (await needs.rooms.membershipsOf(userId)).get(roomId)
      try {
        const knock = await tryServers(request.via, log, (via) => sendThrough(via, 'knock', request))
        const { event, rules, answer, via } = knock
        const state = Array.isArray(answer.knock_room_state)
          ? answer.knock_room_state.filter(isJsonObject).slice(0, 100)
          : []
        const row = {
          ...{ roomId, membership: 'knock' as const, eventId: event.eventId, sender: userId, via },
          roomVersion: rules.version,
          stripped: [...toStripped(state), strippedOf(event.pdu)],
        }
        // An invite may answer the knock before the other server has answered us.
        await needs.setOutsideMembership(userId, row, { isExpected: (held) => held?.eventId === before?.eventId })
      } catch (error) {
        throw toClientError(error)
      }
    },

    async inviteUser({ roomId, sender, target, content }) {
      const room = await needs.rooms.get(roomId)
      if (!room || !isHere(room)) throw notFound('This server does not know the room')
      const draft = { type: 'm.room.member', stateKey: target, sender, content: { ...content, membership: 'invite' } }
      const { unsigned, current } = await needs.draftEvent(needs.rooms, room, draft, needs.clock.now())
      const { event } = needs.signEvent(unsigned, room.rules, needs.signer)
      const verdict = checkAgainstState(event, (type, key) => current.get(stateKeyOf(type, key)), room.rules)
      if (!verdict.allowed) throw forbidden(`Not allowed: ${verdict.reason}`)
      const signed = await haveSigned(needs, room, event, target)
      const destinations = [...(await needs.rooms.readServers(room)).keys()].filter(
        (server) => server !== needs.serverName,
      )
      const acceptance = await needs.acceptPdu(roomId, signed, { destinations })
      if (acceptance.status === 'rejected' || acceptance.status === 'soft_failed')
        throw forbidden(`Not allowed any more: ${acceptance.reason}`)
      if (acceptance.status === 'missing') throw new Error(`the invite ${event.eventId} refers to unknown events`)
    },
  }
}

/** The invited server adds its signature; it may refuse. */
async function haveSigned(needs: Needs, room: Room, event: PduEvent, target: UserId): Promise<PduEvent> {
  const destination = serverNameOf(target)
  const inviter = await needs.rooms.readMember(room, event.pdu.sender)
  const state = toWire([...outsideState(room), ...(inviter ? [inviter] : [])])
  const params = { roomId: room.roomId, eventId: event.eventId }
  const put = (path: string, content: JsonObject, isPair = false) =>
    needs.client.request({
      destination,
      method: 'PUT',
      path: pathOf(path, params),
      content,
      isPair,
      ignoreBackoff: true,
      timeoutMs: 20_000,
    })
  const ask = () =>
    put('/_matrix/federation/v2/invite/:roomId/:eventId', {
      room_version: room.version,
      event: copySpelled(event.pdu),
      invite_room_state: state,
    })
  /** Servers that know only v1: rooms of versions 1 and 2. */
  const askOlder = () =>
    put(
      '/_matrix/federation/v1/invite/:roomId/:eventId',
      { ...event.pdu, unsigned: { invite_room_state: state } },
      true,
    )
  try {
    const answer = await ask().catch((error: unknown) => {
      const isOlder = error instanceof FederationError && [400, 404].includes(error.answer?.status ?? 0)
      if (isOlder && room.rules.hasReferencePairs) return askOlder()
      throw error
    })
    return await checkSigned(needs, room, event, destination, answer.event)
  } catch (error) {
    throw toClientError(error)
  }
}

async function checkSigned(
  needs: Needs,
  room: Room,
  event: PduEvent,
  destination: ServerName,
  value: unknown,
): Promise<PduEvent> {
  const [verdict] = await needs.verifyPdus([value], room.rules)
  const signatures = verdict?.ok ? verdict.event.pdu.signatures[destination] : undefined
  const isSame = verdict?.ok && !verdict.isRedacted && verdict.event.eventId === event.eventId
  if (!isSame || !signatures || !(await isSigned(needs, room, verdict.event, destination)))
    throw new FederationError(
      destination,
      'bad-answer',
      'the invite it sent back is not the one that was sent, or not signed',
    )
  // Our own event, with nothing of the answer but that signature.
  const pdu = { ...forWire(event.pdu), signatures: { ...event.pdu.signatures, [destination]: signatures } }
  return { ...event, pdu }
}

async function isSigned({ keyRing }: Needs, room: Room, { pdu }: PduEvent, server: ServerName): Promise<boolean> {
  const keyIds = Object.keys(pdu.signatures[server] ?? {}).slice(0, 5)
  await keyRing.fetch(keyIds.map((keyId) => ({ serverName: server, keyId })))
  return keyIds.some((keyId) => {
    const key = keyRing.find(server, keyId)
    return key !== undefined && verifyJson(redactPdu(pdu, room.rules), server, keyId, key.publicKey)
  })
}
