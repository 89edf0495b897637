/**
 * What a suspended user may say after all: a redaction of what they said themselves. Everything else that speaks is
 * refused before it comes to an operation (`notIfSuspended` of an endpoint).
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#account-suspension
 */
import { userSuspended } from '../kernel/errors.js'
import type { EventId } from '../kernel/identifiers.js'
import type { Requester } from './requester.js'

type Needs = { readEvent(eventId: EventId): Promise<{ pdu: { sender: string } } | undefined> }

/**
 * @param redacts the event that what is to be sent would redact; undefined where it is no redaction
 * @throws MatrixError 403 `M_USER_SUSPENDED`
 */
export type CheckMaySend = (
  requester: Pick<Requester, 'userId' | 'isSuspended'>,
  redacts: EventId | undefined,
) => Promise<void>

export const makeCheckMaySend =
  ({ readEvent }: Needs): CheckMaySend =>
  async ({ userId, isSuspended }, redacts) => {
    if (!isSuspended) return
    const target = redacts && (await readEvent(redacts))
    if (target?.pdu.sender !== userId) throw userSuspended()
  }
