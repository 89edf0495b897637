/**
 * PDUs of rooms this server is not in. One kind means something to it: the end of an invite or knock
 * of one of its users, sent by the server that knows of it.
 *
 * The room's state is not known here, so the auth rules cannot be asked. The event must be signed by
 * its sender's server, and that must be the server the invite came from (or, for a knock, the one that
 * was knocked at).
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */

import type { PduEvent } from '../events/pdu.js'
import { roomVersionRules } from '../events/room-versions.js'
import { parseUserId, type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { RoomMembership, Rooms } from '../rooms/room.js'
import type { PduResults } from './receive-pdus.js'
import type { SetRemoteMembership } from './remote-membership.js'
import type { VerifyPdus } from './verify-pdus.js'

export type ReceiveWithdrawal = (origin: ServerName, roomId: RoomId, pdus: readonly unknown[]) => Promise<PduResults>

type Needs = {
  serverName: ServerName
  rooms: Pick<Rooms, 'membershipsOf'>
  verifyPdus: VerifyPdus
  setRemoteMembership: SetRemoteMembership
  log: Logger
}

export function makeReceiveWithdrawal(needs: Needs): ReceiveWithdrawal {
  async function receiveOne(origin: ServerName, roomId: RoomId, pdu: unknown, results: PduResults): Promise<void> {
    const target = parseUserId((pdu as { state_key?: unknown } | null)?.state_key)
    const isOurs = target !== undefined && serverNameOf(target) === needs.serverName
    const membership = isOurs ? (await needs.rooms.membershipsOf(target)).get(roomId) : undefined
    const rules = roomVersionRules(versionIn(membership) ?? '')
    if (!target || !membership || !rules || !['invite', 'knock'].includes(membership.membership)) return
    const [verdict] = await needs.verifyPdus([pdu], rules)
    if (!verdict?.ok) {
      needs.log.info({ origin, roomId, reason: verdict?.reason }, 'the withdrawal of an invite was refused')
      return
    }
    const { event } = verdict
    const reason = faultIn(event, roomId, target, membership)
    results[event.eventId] = reason === undefined ? {} : { error: reason }
    if (reason === undefined)
      await needs.setRemoteMembership(target, {
        roomId,
        membership: event.pdu.content.membership === 'ban' ? 'ban' : 'leave',
        eventId: event.eventId,
        sender: event.pdu.sender,
      })
  }

  return async (origin, roomId, pdus) => {
    const results: PduResults = {}
    for (const pdu of pdus) await receiveOne(origin, roomId, pdu, results)
    return results
  }
}

/** Room version as the stripped create event says it; '1' where it says nothing. */
export function versionIn(membership: RoomMembership | undefined): string | undefined {
  const create = membership?.stripped?.find((event) => event.type === 'm.room.create')
  if (!create) return undefined
  const version = (create.content as { room_version?: unknown } | undefined)?.room_version
  return typeof version === 'string' ? version : '1'
}

function faultIn(
  { pdu, roomId: itsRoom }: PduEvent,
  roomId: RoomId,
  target: UserId,
  row: RoomMembership,
): string | undefined {
  if (itsRoom !== roomId) return 'the event is of another room'
  if (pdu.type !== 'm.room.member' || pdu.state_key !== target) return 'this server is not in the room'
  const isEnd = pdu.content.membership === 'leave' || pdu.content.membership === 'ban'
  if (!isEnd) return 'this server is not in the room'
  const isKnown =
    pdu.sender === target || row.membership === 'knock' || serverNameOf(pdu.sender) === serverNameOf(row.sender)
  return isKnown ? undefined : 'the sender is not of the server that the invite came from'
}
