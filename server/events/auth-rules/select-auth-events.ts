/**
 * Auth events: which entries of the state an event must name as the grounds for its being allowed,
 * and rule `auth-events`, which refuses an event that names others.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection
 */
import { isJsonObject, type Pdu, type PduEvent, type StateKeyTuple, stateKeyOf } from '../pdu.js'
import type { RoomVersionRules } from '../room-versions.js'
import { allow, reject, type Verdict } from './verdict.js'

/** What of an event decides which auth events it takes; enough of an event that is still being made. */
export type AuthEventSubject = Pick<Pdu, 'type' | 'sender' | 'state_key' | 'content'>

/** The state entries to name as auth events, as far as the room has them. Each once; none for a create event. */
export function authEventKeys(event: AuthEventSubject, rules: RoomVersionRules): StateKeyTuple[] {
  if (event.type === 'm.room.create') return []
  const keys: StateKeyTuple[] = rules.roomIdIsCreateHash ? [] : [['m.room.create', '']]
  keys.push(['m.room.power_levels', ''], ['m.room.member', event.sender])
  if (event.type === 'm.room.member' && event.state_key !== undefined)
    pushMemberKeys(event.state_key, event, rules, keys)
  return keys
}

function pushMemberKeys(
  target: string,
  { sender, content }: AuthEventSubject,
  rules: RoomVersionRules,
  keys: StateKeyTuple[],
): void {
  const { membership, third_party_invite: invite, join_authorised_via_users_server: authoriser } = content
  if (target !== sender) keys.push(['m.room.member', target])
  if (membership === 'join' || membership === 'invite' || (membership === 'knock' && rules.knock))
    keys.push(['m.room.join_rules', ''])
  if (membership === 'invite' && isJsonObject(invite) && isJsonObject(invite.signed)) {
    const { token } = invite.signed
    if (typeof token === 'string') keys.push(['m.room.third_party_invite', token])
  }
  const isNew = typeof authoriser === 'string' && authoriser !== target && authoriser !== sender
  if (membership === 'join' && rules.restricted && isNew) keys.push(['m.room.member', authoriser])
}

/** Rule `auth-events`: state independent. */
export function checkAuthEvents(event: PduEvent, authEvents: readonly PduEvent[], rules: RoomVersionRules): Verdict {
  const wanted = new Set(authEventKeys(event.pdu, rules).map(([type, stateKey]) => stateKeyOf(type, stateKey)))
  const seen = new Set<string>()
  for (const { pdu, rejected, roomId } of authEvents) {
    const key = pdu.state_key === undefined ? undefined : stateKeyOf(pdu.type, pdu.state_key)
    if (key === undefined || !wanted.has(key))
      return reject('auth-events', `${pdu.type} is no auth event of this event`)
    if (seen.has(key)) return reject('auth-events', `two auth events for one ${pdu.type}`)
    if (rejected) return reject('auth-events', `the auth event ${pdu.type} was rejected`)
    if (roomId !== event.roomId) return reject('auth-events', `the auth event ${pdu.type} is of another room`)
    seen.add(key)
  }
  if (!rules.roomIdIsCreateHash && !seen.has(stateKeyOf('m.room.create', '')))
    return reject('auth-events', 'no create event among the auth events')
  return allow
}
