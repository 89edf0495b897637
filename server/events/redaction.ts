/**
 * Redaction: what is left of an event when its content is withdrawn.
 *
 * The redacted form is also what signatures and event IDs are made from, so an event can be redacted
 * without either becoming wrong.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#redactions
 */

import type { EventId, UserId } from '../kernel/identifiers.js'
import { parseEventId, serverNameOf } from '../kernel/identifiers.js'
import { carrySpellings } from '../kernel/spelled-numbers.js'
import type { JsonObject, Pdu, PduEvent } from './pdu.js'
import { isJsonObject } from './pdu.js'
import type { PowerLevels } from './power-levels.js'
import type { RoomVersionRules } from './room-versions.js'

/** The event with only the members that its room version protects. `unsigned` is gone, `signatures` and `hashes` stay. */
export function redactPdu<T extends JsonObject = Pdu>(pdu: T, rules: RoomVersionRules): T {
  const redacted: Record<string, unknown> = {}
  for (const key of rules.redaction.topLevel) if (Object.hasOwn(pdu, key)) redacted[key] = pdu[key]
  redacted.content = redactContent(pdu, rules)
  return carrySpellings(pdu, redacted) as T // a PDU's required members are all protected
}

function redactContent(pdu: JsonObject, rules: RoomVersionRules): JsonObject {
  const type = String(pdu.type)
  const kept = Object.hasOwn(rules.redaction.content, type) ? rules.redaction.content[type] : undefined
  const content = isJsonObject(pdu.content) ? pdu.content : {}
  if (kept === 'all') return content
  const left: Record<string, unknown> = {}
  for (const path of kept ?? []) keepMember(content, path, left)
  return carrySpellings(content, left)
}

function keepMember(content: JsonObject, path: string, left: Record<string, unknown>): void {
  const [key, inner] = path.split('.') as [string, string?]
  if (!Object.hasOwn(content, key)) return
  const member = content[key]
  if (inner === undefined) left[key] = member
  // An object without the inner member stays as an empty object: so do other servers, and it is hashed.
  else if (isJsonObject(member)) left[key] = Object.hasOwn(member, inner) ? { [inner]: member[inner] } : {}
}

/** ID of the event that a redaction names, undefined where it names none. */
export function redactedEventId(redaction: Pdu, rules: RoomVersionRules): EventId | undefined {
  return parseEventId(rules.redactsLocation === 'content' ? redaction.content.redacts : redaction.redacts)
}

/**
 * Whether a redaction that the auth rules allowed may be applied to its target: the sender has the
 * redact level, or both senders are on one server. Both facts are kept apart (an event can be
 * allowed and yet not be applied).
 *
 * @param levels power levels of the state before the redaction
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
 */
export function mayApplyRedaction(redaction: PduEvent, target: PduEvent, levels: PowerLevels): boolean {
  if (redaction.roomId !== target.roomId) return false
  const serverOf = (userId: UserId) => serverNameOf(userId)
  return (
    levels.userLevel(redaction.pdu.sender) >= levels.redact ||
    serverOf(redaction.pdu.sender) === serverOf(target.pdu.sender)
  )
}
