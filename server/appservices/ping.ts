/**
 * A service asks whether it can be reached: this server asks it back.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#pinging
 */
import { MatrixError } from '../kernel/errors.js'
import { OutboundError } from '../outbound/outbound-error.js'
import type { AskAppservice } from './appservice-client.js'
import type { Appservice } from './appservices.js'

/** @throws MatrixError 400 `M_URL_NOT_SET`, 502 `M_BAD_STATUS` or `M_CONNECTION_FAILED`, 504 `M_CONNECTION_TIMEOUT` */
export type PingAppservice = (
  service: Appservice,
  transactionId: string | undefined,
  signal: AbortSignal,
) => Promise<{ durationMs: number }>

const timeoutMs = 30_000
const maxBodyChars = 10_000

export function makePing({ ask, elapsed }: { ask: AskAppservice; elapsed: () => number }): PingAppservice {
  return async (service, transactionId, signal) => {
    if (service.url === undefined)
      throw new MatrixError(400, 'M_URL_NOT_SET', 'The registration of the application service has no url.')
    const begun = elapsed()
    const answer = await ask(service, {
      method: 'POST',
      path: '/_matrix/app/v1/ping',
      content: transactionId === undefined ? {} : { transaction_id: transactionId },
      ...{ timeoutMs, signal },
    }).catch((error: unknown) => {
      if (!(error instanceof OutboundError)) throw error
      if (error.failure === 'timeout')
        throw new MatrixError(504, 'M_CONNECTION_TIMEOUT', 'The application service does not answer in time.')
      throw new MatrixError(502, 'M_CONNECTION_FAILED', `The application service cannot be reached: ${error.message}.`)
    })
    if (answer.status < 200 || answer.status > 299)
      throw new MatrixError(502, 'M_BAD_STATUS', `The application service answered ${answer.status}.`, {
        status: answer.status,
        body: answer.text.slice(0, maxBodyChars),
      })
    return { durationMs: Math.round(elapsed() - begun) }
  }
}
