/**
 * Answers what is refused beside the usual way: what Node's parser does not take for a request (no HTTP, headers that
 * are too large, too slow or contradict each other), and bodies that come too slowly. The form is that of every
 * refusal; the connection ends with it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorCode, MatrixError } from '../kernel/errors.js'

type Refusal = { status: number; reason: string; errcode: ErrorCode; says: string }

const refusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: 'Request Header Fields Too Large',
    errcode: 'M_TOO_LARGE',
    says: 'The headers are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: 'Request Timeout',
    errcode: 'M_UNKNOWN',
    says: 'The headers did not come in time.',
  },
}
const notHttp: Refusal = { status: 400, reason: 'Bad Request', errcode: 'M_UNKNOWN', says: 'That is not HTTP.' }

const slowBody: Refusal = {
  status: 408,
  reason: 'Request Timeout',
  errcode: 'M_UNKNOWN',
  says: 'The body came too slowly.',
}

export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  const { code = '' } = error
  // Where the handshake failed nothing can be said: an answer would wait for it for ever.
  if (code === 'ECONNRESET' || /^(?:ERR_TLS|ERR_SSL|EPROTO)/.test(code)) return void socket.destroy()
  end(socket, refusals[code] ?? notHttp)
}

/** Ends a connection whose request does not come to its end. */
export function answerTooSlow(socket: Socket, response: ServerResponse | undefined): void {
  if (response === undefined || response.headersSent) socket.destroy()
  else end(socket, slowBody)
}

function end(socket: Socket, { status, reason, errcode, says }: Refusal): void {
  if (socket.destroyed || !socket.writable) return void socket.destroy()
  const body = JSON.stringify(new MatrixError(status, errcode, says).toBody())
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'access-control-allow-origin: *',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}
