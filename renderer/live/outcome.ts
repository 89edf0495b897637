/** How a channel ends, what that says of the connection, and whether to hurry back. */
import { ServerError } from 'surrealdb'
import { isTemporary, MatrixRequestError } from '../platform/matrix/errors.js'
import { ChannelClosedError } from './port-engine.js'

type OfflineReason =
  | 'connecting'
  | 'catchingUp'
  | 'unreachable'
  | 'expired'
  | 'tooSlow'
  | 'limits'
  | 'restarting'
  | 'loggedOut'
  | 'locked'
  | 'refused'

export type LiveState =
  | { kind: 'live' }
  | { kind: 'catching-up'; reason: OfflineReason }
  | { kind: 'offline'; reason: OfflineReason; error?: string }

export type Closed = { code: number; reason: string }

const reasons: Record<number, OfflineReason> = {
  4401: 'expired',
  4403: 'loggedOut',
  4408: 'tooSlow',
  4429: 'limits',
  1012: 'restarting',
  4423: 'locked', // of ours: no channel says it, the request for a token does
}

export class ChannelLostError extends Error {
  constructor(readonly closed: Closed) {
    super(`the live channel closed: ${closed.code}`)
  }
}

/** Of one life of a channel: how it was lost, or an error that trying again may not mend. */
export type Outcome = (Closed & { wasOpen?: boolean }) | { fatal: string }

/** Whether the server may take us the next moment: not where it said no, or asked for patience. */
export const isWorthHurry = (outcome: Outcome): boolean =>
  !('fatal' in outcome) && !['limits', 'locked', 'tooSlow'].includes(reasonOf(outcome))

export function outcomeOf(error: unknown): Outcome {
  if (error instanceof MatrixRequestError && error.errcode === 'M_USER_LOCKED') return { code: 4423, reason: '' }
  if (error instanceof ChannelLostError) return error.closed
  if (error instanceof ChannelClosedError || isTemporary(error)) return { code: 1006, reason: '' }
  if (error instanceof Error && error.message.includes('live channel')) return { code: 1006, reason: '' }
  return { fatal: error instanceof Error ? error.message : String(error) }
}

export const reasonOf = ({ code }: Closed): OfflineReason => reasons[code] ?? 'unreachable'

/** Whether a statement was refused for now: the user's share of the server is used up. */
export const isAskedForPatience = (error: unknown): boolean =>
  error instanceof ServerError && reasons[error.code] === 'limits'
