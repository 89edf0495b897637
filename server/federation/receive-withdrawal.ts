/**
 * PDUs of rooms this server is not in. One kind means something to it: the end of an invite or knock
 * of one of its users, sent by a server that knows of it.
 *
 * The room's state is not known here, so the auth rules cannot be asked. Instead:
 *  - the event is signed by its sender's server, and that server is known to be in the room: the one that the
 *    invite came from or that was knocked at, or one whose users set the state which that one showed us;
 *    A moderator of a server that nothing has told us of cannot be told from a stranger: that knock stays until it is taken back;
 *  - it names the very invite or knock that is held, among its auth events. One that comes late, after
 *    a newer invite, ends nothing.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */

import { authEventIds, type PduEvent } from '../events/pdu.js'
import { roomVersionRules } from '../events/room-versions.js'
import { parseUserId, type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { SetOutsideMembership } from '../rooms/outside-membership.js'
import type { RoomMembership, Rooms } from '../rooms/room.js'
import type { PduResults } from './receive-pdus.js'
import type { VerifyPdus } from './verify-pdus.js'

export type ReceiveWithdrawal = (origin: ServerName, roomId: RoomId, pdus: readonly unknown[]) => Promise<PduResults>

type Needs = {
  serverName: ServerName
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'readServers'>
  verifyPdus: VerifyPdus
  setOutsideMembership: SetOutsideMembership
  log: Logger
}

export function makeReceiveWithdrawal(needs: Needs): ReceiveWithdrawal {
  async function receiveOne(origin: ServerName, roomId: RoomId, pdu: unknown, results: PduResults): Promise<void> {
    const target = parseUserId((pdu as { state_key?: unknown } | null)?.state_key)
    const isOurs = target !== undefined && serverNameOf(target) === needs.serverName
    const held = isOurs ? (await needs.rooms.membershipsOf(target)).get(roomId) : undefined
    if (!target || !held || !['invite', 'knock'].includes(held.membership)) return
    const room = await needs.rooms.get(roomId)
    const rules = roomVersionRules(room?.version ?? held.roomVersion ?? '')
    if (!rules) return
    const [verdict] = await needs.verifyPdus([pdu], rules)
    if (!verdict?.ok) {
      needs.log.info({ origin, roomId, reason: verdict?.reason }, 'the withdrawal of an invite was refused')
      return
    }
    const { event } = verdict
    const servers = new Set([...serversKnown(held), ...(room ? (await needs.rooms.readServers(room)).keys() : [])])
    const reason = faultIn(event, roomId, target, held, servers)
    results[event.eventId] = reason === undefined ? {} : { error: reason }
    if (reason !== undefined) return
    await needs.setOutsideMembership(
      target,
      {
        roomId,
        membership: event.pdu.content.membership === 'ban' ? 'ban' : 'leave',
        eventId: event.eventId,
        sender: event.pdu.sender,
      },
      { isExpected: (now) => now?.eventId === held.eventId, event: { event, rules } },
    )
  }

  return async (origin, roomId, pdus) => {
    const results: PduResults = {}
    for (const pdu of pdus) await receiveOne(origin, roomId, pdu, results)
    return results
  }
}

/** Servers that are in the room, as far as the invite or knock tells. */
function serversKnown({ membership, sender, via, stripped = [] }: RoomMembership): ServerName[] {
  const setters = stripped.flatMap(({ type, sender: setter }) =>
    type === 'm.room.member' ? [] : (parseUserId(setter) ?? []),
  )
  const servers = [...setters, ...(membership === 'invite' ? [sender] : [])].map(serverNameOf)
  return via ? [via, ...servers] : servers
}

function faultIn(
  { pdu, roomId: itsRoom }: PduEvent,
  roomId: RoomId,
  target: UserId,
  held: RoomMembership,
  servers: ReadonlySet<ServerName>,
): string | undefined {
  if (itsRoom !== roomId) return 'the event is of another room'
  if (pdu.type !== 'm.room.member' || pdu.state_key !== target) return 'this server is not in the room'
  const isEnd = pdu.content.membership === 'leave' || pdu.content.membership === 'ban'
  if (!isEnd) return 'this server is not in the room'
  if (pdu.sender !== target && !servers.has(serverNameOf(pdu.sender)))
    return 'the sender is of no server that is known to be in the room'
  return authEventIds(pdu).includes(held.eventId) ? undefined : 'it does not end the membership that is held here'
}
