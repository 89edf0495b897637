/**
 * Why another homeserver could not be asked, or what it said instead of yes.
 *
 * The reason is a fixed word, so that the dashboard, the backoff and the tests can tell the causes
 * apart; the message names the server and never quotes what it sent beyond its error code.
 */
import { type ErrorCode, MatrixError } from '../kernel/errors.js'

export type FederationFailure =
  | 'not-allowed' // our own allow and deny lists
  | 'backing-off' // it failed before and its time has not come
  | 'name' // the server name leads nowhere (DNS, well-known)
  | 'private-address'
  | 'connect' // refused, unreachable
  | 'certificate'
  | 'timeout'
  | 'too-large'
  | 'bad-answer' // not JSON, nested too deep, not of the promised shape
  | 'refused' // an HTTP status other than 2xx
  | 'aborted'

export class FederationError extends Error {
  override readonly name = 'FederationError'

  constructor(
    readonly destination: string,
    readonly failure: FederationFailure,
    detail: string,
    /** With `refused`: what it answered. */
    readonly answer?: { status: number; errcode?: string; error?: string; body?: Record<string, unknown> },
  ) {
    super(`${destination}: ${detail}`)
  }

  /** Whether the fault lies with the destination's health (and counts for backoff), not with this one request. */
  get isOutage(): boolean {
    if (this.failure === 'refused') return this.answer!.status >= 500 || this.answer!.status === 429
    return !['not-allowed', 'backing-off', 'aborted'].includes(this.failure)
  }
}

/**
 * Codes that say something of what the user wants, not of how one server asked another: those speak of
 * tokens and paths that are no client's.
 */
const passedOn = new Set<string>([
  'M_FORBIDDEN',
  'M_NOT_FOUND',
  'M_BAD_JSON',
  'M_BAD_STATE',
  'M_INVALID_PARAM',
  'M_INVALID_ROOM_STATE',
  'M_UNSUPPORTED_ROOM_VERSION',
  'M_RESOURCE_LIMIT_EXCEEDED',
  'M_TOO_LARGE',
  'M_LIMIT_EXCEEDED',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
] satisfies ErrorCode[])

const isPassedOn = (status: number, errcode: string | undefined): errcode is ErrorCode =>
  errcode !== undefined && passedOn.has(errcode) && status >= 400 && status < 500 && status !== 401

/** What a client of ours gets to see where a request of theirs depended on another server. */
export function toClientError(error: unknown): unknown {
  if (!(error instanceof FederationError)) return error
  const { status, errcode, error: text } = error.answer ?? {}
  if (error.failure === 'not-allowed')
    return new MatrixError(403, 'M_FORBIDDEN', 'This server does not talk to that one', reasonOf(error))
  if (status === 403) return new MatrixError(403, 'M_FORBIDDEN', text ?? 'The other server refused')
  if (status === 404) return new MatrixError(404, 'M_NOT_FOUND', text ?? 'Not found on the other server')
  if (errcode === 'M_INCOMPATIBLE_ROOM_VERSION') {
    const version = error.answer?.body?.room_version
    const extra = typeof version === 'string' ? { room_version: version } : {}
    return new MatrixError(
      400,
      'M_INCOMPATIBLE_ROOM_VERSION',
      'This server does not know the version of that room',
      extra,
    )
  }
  if (status !== undefined && isPassedOn(status, errcode))
    return new MatrixError(status, errcode, text ?? `The other server refused (${errcode})`)
  return new MatrixError(502, 'M_UNKNOWN', `The other server could not be asked (${error.failure})`, reasonOf(error))
}

/** For clients that want to say it in words of their own: which link broke, and whose. */
export const reasonOf = ({ failure, destination }: FederationError) => ({
  'org.hearth.reason': failure,
  'org.hearth.server': destination,
})
