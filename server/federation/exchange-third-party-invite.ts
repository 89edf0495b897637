/**
 * An invite to an address becomes one to a user: an identity server vouches that the address is that user's, and their
 * server asks the one of whoever invited the address. The event is that user's of ours, as the first one was.
 *
 * Whether it is allowed is for the auth rules: the room must have the invite to the address, by the same sender, and its
 * keys must have signed. What is asked here decides whose server this concerns, before anybody else is bothered.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#third-party-invites
 */
import { type JsonObject, stateKeyOf } from '../events/pdu.js'
import { forbidden, invalidParam } from '../kernel/errors.js'
import { type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { SendEvent } from '../rooms/send-event.js'
import type { RemoteMemberships } from './remote-memberships.js'
import type { RoomForServer } from './room-for-server.js'

export type ExchangeThirdPartyInvite = (request: {
  origin: ServerName
  roomId: RoomId
  namedRoom: RoomId
  sender: UserId
  target: UserId
  invite: { display_name?: string; signed: JsonObject & { mxid: UserId; token: string } }
}) => Promise<void>

type Needs = {
  serverName: ServerName
  roomForServer: Pick<RoomForServer, 'readOpenRoom'>
  sendEvent: SendEvent
  inviteUser: RemoteMemberships['inviteUser']
}

export function makeExchangeThirdPartyInvite(needs: Needs): ExchangeThirdPartyInvite {
  return async ({ origin, roomId, namedRoom, sender, target, invite }) => {
    if (namedRoom !== roomId) throw invalidParam('The event is of another room.')
    if (invite.signed.mxid !== target) throw invalidParam('What was signed is for another user.')
    if (serverNameOf(sender) !== needs.serverName) throw invalidParam('Its sender is not of this server.')
    const room = await needs.roomForServer.readOpenRoom(origin, roomId)
    const first = room.state.get(stateKeyOf('m.room.third_party_invite', invite.signed.token))
    if (first?.pdu.sender !== sender) throw forbidden('That user has given no such invite.')
    const { display_name, signed } = invite
    const third_party_invite = { ...(display_name !== undefined && { display_name }), signed }
    if (serverNameOf(target) === needs.serverName) {
      const content = { membership: 'invite', third_party_invite }
      await needs.sendEvent(roomId, { type: 'm.room.member', stateKey: target, sender, content })
    } else await needs.inviteUser({ roomId, sender, target, content: { third_party_invite } })
  }
}
