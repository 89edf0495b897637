/**
 * Sends a state event for a client. Some types are checked beyond the auth rules, or mean an operation of their own.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey
 */
import { badJson, forbidden, invalidParam, notFound } from '../kernel/errors.js'
import {
  type EventId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../kernel/identifiers.js'
import { joinOptions } from './guest-access.js'
import type { MemberOperations } from './member-operations.js'
import { checkCanonicalAlias, type RoomAliases } from './room-aliases.js'
import type { RoomsForWriting } from './rooms.js'
import type { SendEvent } from './send-event.js'

export type SendStateRequest = {
  roomId: RoomId
  sender: UserId
  type: string
  stateKey: string
  content: Record<string, unknown>
  isGuest?: boolean
  /** Of an application service that brings an event from elsewhere. */
  originServerTs?: number
}
export type SendState = (request: SendStateRequest) => Promise<EventId>

export type SendStateNeeds = {
  rooms: RoomsForWriting
  sendEvent: SendEvent
  serverName: ServerName
  resolveAlias: RoomAliases['resolveAlias']
  inviteUser: MemberOperations['inviteUser']
}

/**
 * A join as its user worded it. Who vouches for one that is restricted is for the server to say: its signature
 * would stand for a user who was never asked.
 */
function ownJoin(type: string, stateKey: string, sender: UserId, content: Record<string, unknown>) {
  const { join_authorised_via_users_server: _, ...own } = content
  return { type, stateKey, sender, content: own }
}

/** @throws MatrixError `M_FORBIDDEN`, `M_BAD_JSON`, `M_INVALID_PARAM`, `M_BAD_ALIAS` */
export function makeSendState(needs: SendStateNeeds): SendState {
  return async ({ roomId, sender, type, stateKey, content, isGuest, ...time }) => {
    if (type === 'm.room.create') throw forbidden('A room has one create event')
    if (type === 'm.room.canonical_alias') await checkCanonicalAlias(needs, roomId, content)
    if (type === 'm.room.member') {
      const target = parseUserId(stateKey)
      if (!target) throw invalidParam('The state key of a member event is a user ID')
      if (typeof content.membership !== 'string') throw badJson('content.membership must be a string')
      if (content.membership === 'join')
        return needs.sendEvent(roomId, { ...ownJoin(type, stateKey, sender, content), ...time }, joinOptions(isGuest))
      // An invite to another server needs that server's signature first.
      if (content.membership === 'invite' && serverNameOf(target) !== needs.serverName) {
        await needs.inviteUser({
          roomId,
          sender,
          target,
          reason: typeof content.reason === 'string' ? content.reason : undefined,
        })
        const room = await needs.rooms.get(roomId)
        const sent = room && (await needs.rooms.readMember(room, target))
        if (!sent) throw notFound('The invite did not reach the room')
        return sent.eventId
      }
    }
    return needs.sendEvent(roomId, { type, stateKey, sender, content, ...time })
  }
}
