/**
 * Rule `redaction`, room versions 1 and 2 only. Later versions ask when the redaction is applied.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v1/#authorisation-rules
 */
import { serverNameIn } from '../../kernel/identifiers.js'
import type { PduEvent } from '../pdu.js'
import type { AuthState } from './auth-state.js'
import { allow, reject, type Verdict } from './verdict.js'

export function checkRedaction({ eventId, pdu }: PduEvent, { levels }: AuthState): Verdict {
  if (levels.userLevel(pdu.sender) >= levels.redact) return allow
  const own = serverNameIn(eventId)
  if (own !== undefined && serverNameIn(pdu.redacts ?? '') === own) return allow
  return reject('redaction', 'the sender may not redact events of other servers')
}
