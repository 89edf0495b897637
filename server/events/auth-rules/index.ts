/**
 * The auth rules: whether an event is allowed.
 *
 * The spec's list in two parts, because a server asks the second one up to three times per event:
 * `checkAuthEventsSelection` needs nothing but the event and its auth events; `checkAgainstState`
 * judges it against a state (that of its auth events, the one before it, the current one).
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#authorisation-rules
 */
import { serverNameOf } from '../../kernel/identifiers.js'
import { createEventIdOf } from '../event-id.js'
import { isState, type PduEvent, stateKeyOf } from '../pdu.js'
import type { RoomVersionRules } from '../room-versions.js'
import { type AuthState, type GetState, readAuthState } from './auth-state.js'
import { checkCreate } from './create.js'
import { checkAuthoriserSignature, checkMember } from './member.js'
import { checkPowerLevels } from './power-levels.js'
import { checkRedaction } from './redaction.js'
import { checkAuthEvents } from './select-auth-events.js'
import { allow, allowIf, reject, type Verdict } from './verdict.js'

export type { GetState } from './auth-state.js'
export { type AuthEventSubject, authEventKeys } from './select-auth-events.js'
export type { RuleName, Verdict } from './verdict.js'

/**
 * All rules against the event's own auth events: step 4 of the checks on receipt.
 *
 * @param authEvents    the events that `auth_events` names; leave out none that is missing, but fail before
 * @param opts.createEvent the room's create event, needed in version 12, whose events do not name it
 */
export function checkAuthRules(
  event: PduEvent,
  authEvents: readonly PduEvent[],
  rules: RoomVersionRules,
  opts: { createEvent?: PduEvent } = {},
): Verdict {
  const selection = checkAuthEventsSelection(event, authEvents, rules)
  if (!selection.allowed || event.pdu.type === 'm.room.create') return selection
  const byKey = new Map(authEvents.map((auth) => [stateKeyOf(auth.pdu.type, auth.pdu.state_key ?? ''), auth]))
  if (rules.roomIdIsCreateHash && opts.createEvent) byKey.set(stateKeyOf('m.room.create', ''), opts.createEvent)
  return checkAgainstState(event, (type, stateKey) => byKey.get(stateKeyOf(type, stateKey)), rules)
}

/** The rules that do not depend on state: create events, the choice of auth events, the authoriser's signature. */
export function checkAuthEventsSelection(
  event: PduEvent,
  authEvents: readonly PduEvent[],
  rules: RoomVersionRules,
): Verdict {
  if (event.pdu.type === 'm.room.create') return checkCreate(event, rules)
  const selection = checkAuthEvents(event, authEvents, rules)
  return selection.allowed ? checkAuthoriserSignature(event, rules) : selection
}

/**
 * The rules that depend on state: steps 5 and 6 of the checks on receipt, and those of state resolution.
 *
 * @param getState state before the event, without rejected events; it must have the create event,
 *                 in version 12 too
 */
export function checkAgainstState(event: PduEvent, getState: GetState, rules: RoomVersionRules): Verdict {
  const { pdu } = event
  if (pdu.type === 'm.room.create') return checkCreate(event, rules)
  const create = getState('m.room.create', '')
  if (!create || create.rejected) return reject('room-id', 'the room has no accepted create event')
  if (rules.roomIdIsCreateHash && create.eventId !== createEventIdOf(event.roomId))
    return reject('room-id', 'the room ID is not that of the create event')
  if (create.pdu.content['m.federate'] === false && serverNameOf(pdu.sender) !== serverNameOf(create.pdu.sender))
    return reject('federate', 'the room is not open to other servers')
  if (pdu.type === 'm.room.aliases' && rules.aliasesSpecialCase)
    return allowIf(pdu.state_key === serverNameOf(pdu.sender), 'aliases', "the state key is not the sender's server")
  const state = readAuthState(create, getState, rules)
  return pdu.type === 'm.room.member' ? checkMember(event, state) : checkOrdinaryEvent(event, state)
}

function checkOrdinaryEvent(event: PduEvent, state: AuthState): Verdict {
  const { pdu } = event
  const { levels, rules } = state
  if (state.membershipOf(pdu.sender) !== 'join') return reject('sender-joined', 'the sender is not joined')
  const own = levels.userLevel(pdu.sender)
  if (pdu.type === 'm.room.third_party_invite')
    return allowIf(own >= levels.invite, 'third-party-invite', 'the sender may not invite')
  const required = levels.levelFor(pdu.type, isState(pdu))
  if (own < required) return reject('required-level', `${pdu.type} needs level ${required}, the sender has ${own}`)
  if (pdu.state_key?.startsWith('@') && pdu.state_key !== pdu.sender)
    return reject('state-key', "the state key is another user's ID")
  if (pdu.type === 'm.room.power_levels') return checkPowerLevels(event, state)
  if (pdu.type === 'm.room.redaction' && rules.redactionInAuthRules) return checkRedaction(event, state)
  return allow
}
