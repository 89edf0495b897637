/**
 * What a Matrix request can come back with besides an answer.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
 */
import { type TextKey, t } from '../../i18n/index.js'

/** The server answered with an error. */
export class MatrixRequestError extends Error {
  override readonly name = 'MatrixRequestError'
  constructor(
    readonly status: number,
    readonly errcode: string,
    message: string,
    /** How long to wait, on 429; undefined when the server did not say. */
    readonly retryAfterMs: number | undefined,
    readonly body: Record<string, unknown>,
  ) {
    super(message)
  }
}

/** The server did not answer at all: no network, server down, or the request was cut. */
export class ServerUnreachableError extends Error {
  override readonly name = 'ServerUnreachableError'
}

/** Says by itself, in the user's language, what went wrong. */
export class ExplainedError extends Error {
  override readonly name = 'ExplainedError'
  constructor(message: string, cause: unknown) {
    super(message, { cause })
  }
}

const explained = new Set<string>([
  'M_FORBIDDEN',
  'M_NOT_FOUND',
  'M_LIMIT_EXCEEDED',
  'M_USER_IN_USE',
  'M_INVALID_USERNAME',
  'M_WEAK_PASSWORD',
  'M_ROOM_IN_USE',
  'M_TOO_LARGE',
  'M_USER_DEACTIVATED',
  'M_USER_LOCKED',
])

/** One sentence for the user; the server's own words where we have none for its code. */
export function explainError(error: unknown): string {
  if (error instanceof ServerUnreachableError) return t('error.offline')
  if (error instanceof ExplainedError) return error.message
  if (error instanceof MatrixRequestError && explained.has(error.errcode)) return t(`error.${error.errcode}` as TextKey)
  return t('error.generic', { error: error instanceof Error ? error.message : String(error) })
}

/** Whether trying again later can help: no answer, a busy server, or its own mistake. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof ServerUnreachableError) return true
  return error instanceof MatrixRequestError && (error.status === 429 || error.status >= 500)
}
