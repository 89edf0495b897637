/**
 * The one place where errors become responses.
 *
 * What a client may see is a `MatrixError`; a few errors of the HTTP layer itself are translated;
 * everything else is a bug, logged whole and answered 500 `M_UNKNOWN` without a word of it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
 */
import { invalidParam, MatrixError } from '../kernel/errors.js'
import type { Logger } from '../kernel/logger.js'
import { AuthChallenge } from '../users/user-interactive-auth.js'
import { json, type Reply } from './reply.js'

export const unrecognized = (status: 404 | 405) =>
  new MatrixError(
    status,
    'M_UNRECOGNIZED',
    status === 404 ? 'There is no such endpoint.' : 'That method is not offered here.',
  )

/** Seconds, as `Retry-After` wants them, of an error that says when to come back. */
function retryHeaders(error: MatrixError): Record<string, string> {
  const ms = error.extra.retry_after_ms
  return typeof ms === 'number' ? { 'retry-after': String(Math.ceil(ms / 1000)) } : {}
}

export function toReply(error: unknown, logger: Logger, request: { operationId: string; id: string }): Reply {
  if (error instanceof AuthChallenge) return json(401, error.body)
  const known = error instanceof MatrixError ? error : translate(error)
  if (known) {
    if (known.status >= 500)
      logger.warn({ request: request.id, operation: request.operationId, errcode: known.errcode }, known.message)
    return json(known.status, known.toBody(), retryHeaders(known))
  }
  logger.error({ err: error, request: request.id, operation: request.operationId }, 'a request failed')
  return json(500, new MatrixError(500, 'M_UNKNOWN', 'Something went wrong in the server.').toBody())
}

/** Errors of Fastify and Node that the caller caused. */
function translate(error: unknown): MatrixError | undefined {
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  if (code === 'FST_ERR_BAD_URL') return invalidParam('The path is not validly percent-encoded.')
  if (code === 'FST_ERR_ASYNC_CONSTRAINT') return unrecognized(404)
  // The caller went away while we read; nobody sees this answer.
  if (code === 'ECONNRESET' || code === 'ABORT_ERR')
    return new MatrixError(400, 'M_UNKNOWN', 'The request was cut off.')
  if (code?.startsWith('FST_') && statusCode && statusCode < 500)
    return new MatrixError(statusCode, 'M_UNKNOWN', 'The request is not valid.')
  return undefined
}
