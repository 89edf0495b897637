/**
 * The client listener at one more address: a server of its own that hands requests to the routes of the first.
 *
 * It can be closed while the rest goes on, and whoever asks it to may be its own guest: it stops listening at once, ends what
 * is idle or live, and lets requests in hand finish. A request must name this machine by one of its own names: a page anywhere
 * can make a name of its own lead here.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import { hostNameOf } from '../kernel/host-name.js'
import { answerClientError } from './client-error.js'
import type { Connections } from './connections.js'
import type { Visitors } from './visitors.js'

export type HomeListenerOptions = {
  address: string
  port: number
  isHome(host: string): boolean
  handle(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  connections: Pick<Connections, 'guard'>
  visitors: Visitors
  headersMs: number
  /** Requests in hand get this long when it is closed. */
  graceMs: number
  clock: Clock
}

export type HomeListener = {
  port: number
  visitors: Visitors['list']
  /** Stops listening. @returns when the last connection is gone */
  close(): Promise<void>
}

/** @throws the system's error where the address or port cannot be had */
export async function openHomeListener(options: HomeListenerOptions): Promise<HomeListener> {
  const { isHome, visitors, clock, headersMs } = options
  const live = new Set<Duplex>()
  const isOurs = ({ headers }: IncomingMessage) => isHome(hostNameOf(headers.host) ?? '')
  const server = createServer(
    { headersTimeout: headersMs, connectionsCheckingInterval: Math.min(5_000, headersMs), requestTimeout: 0 },
    (request, response) => (isOurs(request) ? options.handle(request, response) : refuse(response)),
  )
  server.keepAliveTimeout = 75_000
  server.on('clientError', (error, socket) => answerClientError(error, socket as Socket))
  server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    live.add(socket)
    socket.once('close', () => live.delete(socket))
    options.upgrade(request, socket, head)
  })
  options.connections.guard(server)
  visitors.guard(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.address, () => {
      server.off('error', reject)
      resolve()
    })
  })
  let closing: Promise<void> | undefined

  function close(): Promise<void> {
    const ended = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of live) socket.destroy()
    server.closeIdleConnections()
    const sweep = clock.every(20, () => server.closeIdleConnections())
    const cut = clock.after(options.graceMs, () => server.closeAllConnections())
    return ended.finally(() => {
      sweep.cancel()
      cut.cancel()
    })
  }
  return {
    port: (server.address() as AddressInfo).port,
    visitors: () => visitors.list(),
    close() {
      closing ??= close()
      return closing
    },
  }
}

function refuse(response: ServerResponse): void {
  const { errcode, error } = new MatrixError(421, 'M_UNKNOWN', 'This server is not at that address.').toBody()
  response.writeHead(421, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify({ errcode, error }))
}
