/**
 * Membership of users in rooms: join, invite, leave, kick, ban, unban, knock and forget.
 *
 * Each sends one member event where this server is in the room, and goes through another server
 * (`Remote`) where it is not.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-membership
 */
import { type EventReference, isJsonObject, type JsonObject, type PduEvent, stateKeyOf } from '../events/pdu.js'
import { type RoomVersionRules, roomVersionRules } from '../events/room-versions.js'
import { forbidden, MatrixError, notFound } from '../kernel/errors.js'
import {
  parseRoomId,
  type RoomId,
  type ServerName,
  serverNameIn,
  serverNameOf,
  type UserId,
} from '../kernel/identifiers.js'
import { setForgotten } from '../store/membership-store.js'
import { setUntoldLeave } from '../store/untold-leave-store.js'
import { type EventDraft, type Signer, signEvent } from './build-event.js'
import { checkGuestAccess, joinOptions } from './guest-access.js'
import type { SetOutsideMembership } from './outside-membership.js'
import { isHere, isJoined, type Room, type RoomMembership } from './room.js'
import { checkRoomPermission } from './room-permission.js'
import type { RoomsForWriting } from './rooms.js'
import type { SendEvent } from './send-event.js'

/** What needs other servers; each throws `M_NOT_FOUND` or `M_FORBIDDEN` where federation is off. */
export type Remote = {
  joinRoom(request: { roomId: RoomId; userId: UserId; via: ServerName[]; content: JsonObject }): Promise<void>
  knockRoom(request: { roomId: RoomId; userId: UserId; via: ServerName[]; content: JsonObject }): Promise<void>
  /**
   * Leaves a room or rejects an invite or knock that came over federation.
   *
   * @returns the event that another server took, or the servers that are to be told later: those that were not reached
   */
  leaveRoom(request: {
    roomId: RoomId
    userId: UserId
    via: ServerName[]
    content: JsonObject
  }): Promise<{ took?: { event: PduEvent; rules: RoomVersionRules }; untold: ServerName[] }>
  /** Has the invite event signed by the target's server before it is sent into the room. */
  inviteUser(request: { roomId: RoomId; sender: UserId; target: UserId; content: JsonObject }): Promise<void>
}

export type MemberOperationNeeds = {
  rooms: RoomsForWriting
  sendEvent: SendEvent
  signer: Signer
  remote: Remote
  memberProfile: (userId: UserId) => Promise<JsonObject>
  setOutsideMembership: SetOutsideMembership
}

export type MembershipRequest = { roomId: RoomId; sender: UserId; reason?: string }
export type TargetRequest = MembershipRequest & { target: UserId; isDirect?: boolean }
export type JoinRequest = MembershipRequest & {
  via?: ServerName[]
  thirdPartySigned?: JsonObject
  isGuest?: boolean
  /** Members of the request that the spec has no meaning for: they go into the member event. */
  custom?: JsonObject
}

export type MemberOperations = {
  joinRoom(request: JoinRequest): Promise<RoomId>
  inviteUser(request: TargetRequest): Promise<void>
  leaveRoom(request: MembershipRequest): Promise<void>
  kickUser(request: TargetRequest): Promise<void>
  banUser(request: TargetRequest): Promise<void>
  unbanUser(request: TargetRequest): Promise<void>
  knockRoom(request: JoinRequest): Promise<RoomId>
  forgetRoom(request: MembershipRequest): Promise<void>
  /** Sends the user's profile anew into every room they are joined to; rooms that refuse it are passed over. */
  updateProfileInRooms(userId: UserId): Promise<void>
}

const reasonOf = (reason: string | undefined): JsonObject => (reason === undefined ? {} : { reason })

export function makeMemberOperations(needs: MemberOperationNeeds): MemberOperations {
  const { rooms, sendEvent, signer, remote, memberProfile } = needs
  const member = (sender: UserId, target: UserId, content: JsonObject): EventDraft => ({
    type: 'm.room.member',
    stateKey: target,
    sender,
    content,
  })
  /**
   * Whether a room's state here is the truth: somebody of ours is in it, or nobody at all. Whoever is invited to a room
   * that all have left can still decline, and nobody elsewhere could be asked.
   */
  const isOurs = (room: Room | undefined): boolean => room !== undefined && (room.joinedCount === 0 || isHere(room))

  async function membershipIn(roomId: RoomId, userId: UserId): Promise<RoomMembership | undefined> {
    return (await rooms.membershipsOf(userId)).get(roomId)
  }

  async function serversToAsk(roomId: RoomId, userId: UserId, via: ServerName[] = []): Promise<ServerName[]> {
    const invite = await membershipIn(roomId, userId)
    const candidates = [...via, invite?.via, ...(invite ? [serverNameOf(invite.sender)] : []), serverNameIn(roomId)]
    return [...new Set(candidates)].filter((server): server is ServerName => !!server && server !== signer.serverName)
  }

  const serversIn = async (room: Room | undefined) => (room ? [...(await rooms.readServers(room)).keys()] : [])

  /** The leave of a room that nobody could be told of: clients are shown it all the same. */
  function leaveAlone(held: RoomMembership, room: Room | undefined, sender: UserId, content: JsonObject) {
    const { roomId, eventId, roomVersion } = held
    const rules = room?.rules ?? roomVersionRules(roomVersion ?? '')
    if (!rules) return undefined
    const references: EventReference[] = [rules.hasReferencePairs ? [eventId, {}] : eventId]
    const unsigned = {
      ...{ room_id: roomId, type: 'm.room.member', sender, state_key: sender, content },
      ...{ origin_server_ts: signer.now(), depth: 1, prev_events: references, auth_events: references },
    }
    return { event: signEvent(unsigned, rules, signer).event, rules }
  }

  /** The auth rules judge the event; this one is asked before anything is done for it, at other servers too. */
  async function checkMay(action: 'invite' | 'kick' | 'ban', { roomId, sender }: TargetRequest): Promise<void> {
    const room = await rooms.get(roomId)
    if (room && !checkRoomPermission(room, sender, action) && isOurs(room))
      throw forbidden(`You may not ${action} in this room`)
  }

  async function setMembership(request: TargetRequest, membership: string, content: JsonObject = {}): Promise<void> {
    const { roomId, sender, target, reason } = request
    await sendEvent(roomId, member(sender, target, { membership, ...content, ...reasonOf(reason) }))
  }

  return {
    async joinRoom({ roomId, sender, reason, via, isGuest, custom }) {
      const room = await rooms.get(roomId)
      const here = isOurs(room) ? room : undefined
      // Of a room elsewhere only an invite tells that its people want this guest; what the room says is seen once inside.
      if (isGuest && (here || (await membershipIn(roomId, sender))?.membership !== 'invite')) checkGuestAccess(here)
      const content = { ...custom, membership: 'join', ...(await memberProfile(sender)), ...reasonOf(reason) }
      const authoriser = here && (await findAuthoriser(needs, here, sender))
      if (here && authoriser !== 'elsewhere') {
        // Joining again must not undo what the member event says by now (a per-room profile, for instance).
        if (here.localMembers.get(sender) === 'join') return roomId
        const authorised = authoriser ? { join_authorised_via_users_server: authoriser } : {}
        await sendEvent(roomId, member(sender, sender, { ...content, ...authorised }), joinOptions(isGuest))
        return roomId
      }
      const servers = await serversToAsk(roomId, sender, [...(via ?? []), ...(await serversIn(room))])
      if (servers.length === 0)
        throw new MatrixError(404, 'M_NOT_FOUND', 'No server is known that could let you into this room', {
          'org.hearth.reason': 'no-server',
        })
      await remote.joinRoom({ roomId, userId: sender, via: servers, content })
      if (!isGuest) return roomId
      try {
        checkGuestAccess(await rooms.get(roomId))
        return roomId
      } catch (error) {
        await setMembership({ roomId, sender, target: sender }, 'leave')
        throw error
      }
    },

    async inviteUser(request) {
      const { roomId, sender, target, reason, isDirect } = request
      await checkMay('invite', request)
      const profile = serverNameOf(target) === signer.serverName ? await memberProfile(target) : {}
      const content: JsonObject = {
        membership: 'invite',
        ...profile,
        ...(isDirect ? { is_direct: true } : {}),
        ...reasonOf(reason),
      }
      if (serverNameOf(target) === signer.serverName) await sendEvent(roomId, member(sender, target, content))
      else await remote.inviteUser({ roomId, sender, target, content })
    },

    async leaveRoom({ roomId, sender, reason }) {
      const current = await membershipIn(roomId, sender)
      if (!current) throw notFound('You are not in this room')
      if (current.membership === 'leave') return
      const room = await rooms.get(roomId)
      if (isOurs(room)) return setMembership({ roomId, sender, target: sender, reason }, 'leave')
      if (current.membership === 'ban') throw forbidden('You are banned from this room')
      const via = await serversToAsk(roomId, sender, await serversIn(room))
      const content = { membership: 'leave', ...reasonOf(reason) }
      const { took, untold } = await remote.leaveRoom({ roomId, userId: sender, via, content })
      const left = took ?? leaveAlone(current, room, sender, content)
      const eventId = left?.event.eventId ?? current.eventId
      const later = {
        user_id: sender,
        room_id: roomId,
        event_id: eventId,
        via: untold,
        content: JSON.stringify(content),
      }
      await needs.setOutsideMembership(
        sender,
        { roomId, membership: 'leave', eventId, sender },
        {
          isExpected: (held) => held?.eventId === current.eventId,
          ...(left && { event: left }),
          ...(untold.length > 0 && { writes: [setUntoldLeave(later)] }),
        },
      )
    },

    async kickUser(request) {
      await checkMay('kick', request)
      const room = await rooms.get(request.roomId)
      const held = room && (await rooms.readMember(room, request.target))
      const membership = held?.pdu.content.membership
      if (membership === undefined || membership === 'leave' || membership === 'ban')
        throw forbidden('That user is not in the room')
      await setMembership(request, 'leave')
    },

    async banUser(request) {
      await checkMay('ban', request)
      await setMembership(request, 'ban')
    },

    async unbanUser(request) {
      await checkMay('ban', request)
      const room = await rooms.get(request.roomId)
      const held = room && (await rooms.readMember(room, request.target))
      if (held?.pdu.content.membership !== 'ban') throw new MatrixError(403, 'M_BAD_STATE', 'That user is not banned')
      await setMembership(request, 'leave')
    },

    async knockRoom({ roomId, sender, reason, via }) {
      const content: JsonObject = { membership: 'knock', ...(await memberProfile(sender)), ...reasonOf(reason) }
      const room = await rooms.get(roomId)
      if (isOurs(room)) await sendEvent(roomId, member(sender, sender, content))
      else {
        const servers = await serversToAsk(roomId, sender, [...(via ?? []), ...(await serversIn(room))])
        await remote.knockRoom({ roomId, userId: sender, via: servers, content })
      }
      return roomId
    },

    // Under the lock, on what is durable: a join that is on its way must not be taken for gone.
    forgetRoom: ({ roomId, sender }) =>
      rooms.write(roomId, async (tx) => {
        await tx.landed()
        const current = await membershipIn(roomId, sender)
        if (!current) throw notFound('You were never in this room')
        if (current.membership !== 'leave' && current.membership !== 'ban')
          throw new MatrixError(400, 'M_UNKNOWN', 'Leave the room before you forget it')
        const forgotten = { ...current, forgotten: true }
        await rooms.db.commit((grant) => {
          const change = { kind: 'membership' as const, position: grant.position() }
          return {
            writes: [setForgotten(sender, roomId)],
            changes: [{ ...change, roomId, userId: sender, membership: 'forgotten' }],
            result: undefined,
            durable: () => rooms.setMembershipInMemory(sender, forgotten),
          }
        })
      }),

    async updateProfileInRooms(userId) {
      const profile = await memberProfile(userId)
      const joined = [...(await rooms.membershipsOf(userId)).values()].filter(({ membership }) => membership === 'join')
      for (const { roomId } of joined) {
        await sendEvent(roomId, member(userId, userId, { membership: 'join', ...profile })).catch((error: unknown) => {
          if (!(error instanceof MatrixError)) throw error
        })
      }
    },
  }
}

/**
 * Who of this server vouches for a restricted join: undefined where none is needed, 'elsewhere' where
 * only another server can tell.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms
 */
async function findAuthoriser(
  needs: MemberOperationNeeds,
  room: Room,
  userId: UserId,
): Promise<UserId | 'elsewhere' | undefined> {
  const rule = room.state.get(stateKeyOf('m.room.join_rules', ''))?.pdu.content
  const isRestricted =
    (rule?.join_rule === 'restricted' && room.rules.restricted) ||
    (rule?.join_rule === 'knock_restricted' && room.rules.knockRestricted)
  const membership = room.localMembers.get(userId)
  if (!isRestricted || membership === 'join' || membership === 'invite') return undefined
  if (!(await meetsCondition(needs, rule, userId)))
    throw forbidden('You are in none of the rooms whose members may join')
  for (const [candidate, held] of room.localMembers)
    if (held === 'join' && room.powerLevels.userLevel(candidate) >= room.powerLevels.invite) return candidate
  return 'elsewhere'
}

/** Whether the user is joined to one of the rooms that the join rule's `allow` names. */
export async function meetsCondition(
  { rooms }: Pick<MemberOperationNeeds, 'rooms'>,
  rule: JsonObject | undefined,
  userId: UserId,
): Promise<boolean> {
  if (!Array.isArray(rule?.allow)) return false
  for (const condition of rule.allow as unknown[]) {
    if (!isJsonObject(condition) || condition.type !== 'm.room_membership') continue
    const roomId = parseRoomId(condition.room_id)
    const room = roomId && (await rooms.get(roomId))
    if (room && isJoined(room, userId)) return true
  }
  return false
}
