/**
 * Rule `member`: joining, inviting, leaving, kicking, banning, knocking.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v11/#authorisation-rules
 */
import { parseUserId, serverNameOf } from '../../kernel/identifiers.js'
import { type PduEvent, prevEventIds } from '../pdu.js'
import { creatorOf } from '../power-levels.js'
import type { RoomVersionRules } from '../room-versions.js'
import type { AuthState } from './auth-state.js'
import { checkThirdPartyInvite } from './third-party-invite.js'
import { allow, allowIf, reject, type Verdict } from './verdict.js'

export function checkMember(event: PduEvent, state: AuthState): Verdict {
  const { state_key: target, content } = event.pdu
  if (target === undefined) return reject('member', 'a member event has a state key')
  switch (content.membership) {
    case undefined:
      return reject('member', 'content.membership is missing')
    case 'join':
      return checkJoin(event, target, state)
    case 'invite':
      return content.third_party_invite === undefined
        ? checkInvite(event, target, state)
        : checkThirdPartyInvite(event, target, state)
    case 'leave':
      return event.pdu.sender === target ? checkOwnLeave(target, state) : checkKick(event, target, state)
    case 'ban':
      return checkBan(event, target, state)
    case 'knock':
      return state.rules.knock
        ? checkKnock(event, target, state)
        : reject('member', 'this room version has no knocking')
    default:
      return reject('member', 'unknown membership')
  }
}

/**
 * The part of the rule that asks for a signature rather than for state: a user's server that
 * authorises a join (versions 8 and later) must have signed it. That its signature is valid was
 * seen on receipt (`requiredSigners`).
 */
export function checkAuthoriserSignature({ pdu }: PduEvent, rules: RoomVersionRules): Verdict {
  const authoriser = pdu.content.join_authorised_via_users_server
  if (!rules.restricted || pdu.type !== 'm.room.member' || authoriser === undefined) return allow
  const userId = parseUserId(authoriser)
  if (!userId) return reject('member', 'join_authorised_via_users_server is not a user ID')
  const server = serverNameOf(userId)
  return allowIf(Object.hasOwn(pdu.signatures, server), 'member', 'the authorising server has not signed')
}

function checkJoin(event: PduEvent, target: string, state: AuthState): Verdict {
  const { pdu } = event
  const { rules, create } = state
  const prev = prevEventIds(pdu)
  if (prev.length === 1 && prev[0] === create.eventId && target === creatorOf(create, rules)) return allow // (1)
  if (pdu.sender !== target) return reject('member.join', 'nobody can make another user join') // (2)
  const membership = state.membershipOf(target)
  if (membership === 'ban') return reject('member.join', 'the user is banned') // (3)
  const isExpected = membership === 'invite' || membership === 'join'
  const joinRule = state.joinRule()
  if (joinRule === 'public') return allow // (6)
  if (joinRule === 'invite' || (joinRule === 'knock' && rules.knock))
    return allowIf(isExpected, 'member.join', 'the user is not invited') // (4)
  if ((joinRule === 'restricted' && rules.restricted) || (joinRule === 'knock_restricted' && rules.knockRestricted))
    return isExpected ? allow : checkAuthoriser(pdu.content.join_authorised_via_users_server, state) // (5)
  return reject('member.join', 'nobody can join under the join rule') // (7)
}

function checkAuthoriser(authoriser: unknown, state: AuthState): Verdict {
  if (typeof authoriser !== 'string') return reject('member.join', 'the user is neither invited nor authorised')
  if (state.membershipOf(authoriser) !== 'join') return reject('member.join', 'the authorising user is not joined')
  const mayInvite = state.levels.userLevel(authoriser) >= state.levels.invite
  return allowIf(mayInvite, 'member.join', 'the authorising user may not invite')
}

function checkInvite({ pdu }: PduEvent, target: string, state: AuthState): Verdict {
  if (state.membershipOf(pdu.sender) !== 'join') return reject('member.invite', 'the sender is not joined')
  const membership = state.membershipOf(target)
  if (membership === 'join' || membership === 'ban') return reject('member.invite', 'the user is joined or banned')
  const mayInvite = state.levels.userLevel(pdu.sender) >= state.levels.invite
  return allowIf(mayInvite, 'member.invite', 'the sender may not invite')
}

function checkOwnLeave(target: string, state: AuthState): Verdict {
  const membership = state.membershipOf(target)
  const mayLeave = membership === 'invite' || membership === 'join' || (membership === 'knock' && state.rules.knock)
  return allowIf(mayLeave, 'member.leave', 'the user is not in the room')
}

/** A kick; of a banned user, an unban. */
function checkKick({ pdu }: PduEvent, target: string, state: AuthState): Verdict {
  const { levels } = state
  if (state.membershipOf(pdu.sender) !== 'join') return reject('member.leave', 'the sender is not joined')
  const own = levels.userLevel(pdu.sender)
  if (state.membershipOf(target) === 'ban' && own < levels.ban)
    return reject('member.leave', 'the sender may not lift a ban')
  const mayKick = own >= levels.kick && levels.userLevel(target) < own
  return allowIf(mayKick, 'member.leave', 'the sender may not kick the user')
}

function checkBan({ pdu }: PduEvent, target: string, state: AuthState): Verdict {
  const { levels } = state
  if (state.membershipOf(pdu.sender) !== 'join') return reject('member.ban', 'the sender is not joined')
  const own = levels.userLevel(pdu.sender)
  return allowIf(own >= levels.ban && levels.userLevel(target) < own, 'member.ban', 'the sender may not ban the user')
}

function checkKnock({ pdu }: PduEvent, target: string, state: AuthState): Verdict {
  const joinRule = state.joinRule()
  if (joinRule !== 'knock' && !(joinRule === 'knock_restricted' && state.rules.knockRestricted))
    return reject('member.knock', 'the join rule does not let users knock')
  if (pdu.sender !== target) return reject('member.knock', 'nobody can knock for another user')
  const membership = state.membershipOf(target)
  const mayKnock = membership !== 'ban' && membership !== 'invite' && membership !== 'join'
  return allowIf(mayKnock, 'member.knock', 'the user is banned, invited or joined')
}
