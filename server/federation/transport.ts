/**
 * HTTPS to other homeservers: one small pool of connections per place, kept open between requests,
 * with a deadline over the whole exchange and a cap on the size of the answer.
 *
 * Redirects are not followed: the federation API has none (media follows its one by itself, and
 * `fetchWellKnown` below follows those of the well-known file).
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#api-standards
 */
import type { Readable } from 'node:stream'
import { LRUCache } from 'lru-cache'
import { type Dispatcher, Pool } from 'undici'
import { flattenHeaders, parseAnswer } from '../outbound/read-answer.js'
import type { OpenSocket } from './connector.js'
import { FederationError } from './federation-error.js'
import type { Target } from './resolve-server-name.js'
import { bracketed, partsOfServerName } from './server-name-parts.js'
import type { WellKnownAnswer } from './well-known.js'

export type Exchange = {
  destination: string
  target: Target
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Path with query string. */
  uri: string
  headers: Record<string, string>
  body?: string
  /** Over everything, the last byte of the answer included. */
  timeoutMs: number
  maxBytes: number
  signal?: AbortSignal
}

export type RawAnswer = { status: number; headers: Record<string, string | undefined>; body: Buffer }

/** An answer whose body is still coming; whoever takes it reads it to the end or destroys it. */
export type StreamAnswer = { status: number; headers: Record<string, string | undefined>; body: Readable }

export type Transport = {
  exchange(request: Exchange): Promise<RawAnswer>
  /** Without a cap on the size: the reader has one. `timeoutMs` is for the headers and for each silence. */
  open(request: Omit<Exchange, 'maxBytes'>): Promise<StreamAnswer>
  /** Breaks off what is under way, and refuses whatever comes after: both fail as `aborted`. */
  close(): Promise<void>
}

const pools = { max: 500, connections: 8, idleMs: 60_000 }

export function makeTransport({ openSocket }: { openSocket: OpenSocket }): Transport {
  // Disposed pools finish what is under way.
  const byTarget = new LRUCache<string, Pool>({ max: pools.max, dispose: (pool) => void pool.close().catch(() => {}) })

  let isClosed = false

  function poolFor(destination: string, target: Target): Pool {
    if (isClosed) throw closing({ destination })
    const key = `${target.host} ${target.port} ${target.hostHeader} ${target.certificateFor}`
    const known = byTarget.get(key)
    if (known) return known
    const pool = new Pool(`https://${bracketed(target.host)}:${target.port}`, {
      connections: pools.connections,
      pipelining: 1,
      keepAliveTimeout: pools.idleMs,
      connect: (_options, callback) => {
        openSocket({ destination, ...target }).then(
          (socket) => callback(null, socket),
          (error: Error) => callback(error, null),
        )
      },
    })
    byTarget.set(key, pool)
    return pool
  }

  return {
    async exchange(request) {
      const deadline = AbortSignal.timeout(request.timeoutMs)
      const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline
      try {
        const answer = await poolFor(request.destination, request.target).request({
          path: request.uri,
          method: request.method,
          headers: { ...request.headers, host: request.target.hostHeader },
          ...(request.body !== undefined && { body: request.body }),
          headersTimeout: request.timeoutMs,
          bodyTimeout: request.timeoutMs,
          signal,
        })
        return {
          status: answer.statusCode,
          headers: flattenHeaders(answer.headers),
          body: await readBody(answer.body, request),
        }
      } catch (error) {
        throw isClosed ? closing(request) : named(error, request.destination, deadline, request.signal)
      }
    },
    async open(request) {
      const never = new AbortController().signal
      try {
        const answer = await poolFor(request.destination, request.target).request({
          path: request.uri,
          method: request.method,
          headers: { ...request.headers, host: request.target.hostHeader },
          headersTimeout: request.timeoutMs,
          bodyTimeout: request.timeoutMs,
          ...(request.signal && { signal: request.signal }),
        })
        return { status: answer.statusCode, headers: flattenHeaders(answer.headers), body: answer.body }
      } catch (error) {
        throw isClosed ? closing(request) : named(error, request.destination, never, request.signal)
      }
    },
    async close() {
      isClosed = true
      await Promise.all([...byTarget.values()].map((pool) => pool.destroy().catch(() => {})))
      byTarget.clear()
    },
  }
}

const closing = ({ destination }: { destination: string }) =>
  new FederationError(destination, 'aborted', 'this server is closing')

async function readBody(body: Dispatcher.ResponseData['body'], { destination, maxBytes }: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    // Leaving the loop destroys the stream and with it the connection: nothing more is read.
    if (bytes > maxBytes) throw new FederationError(destination, 'too-large', `answered more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes)
}

function named(error: unknown, destination: string, deadline: AbortSignal, given?: AbortSignal): FederationError {
  if (error instanceof FederationError) return error
  if (given?.aborted) return new FederationError(destination, 'aborted', 'the request was given up')
  if (deadline.aborted) return new FederationError(destination, 'timeout', 'no whole answer in time')
  const { name, code } = error as Error & { code?: string }
  if (code?.endsWith('_TIMEOUT')) return new FederationError(destination, 'timeout', 'no whole answer in time')
  return new FederationError(destination, 'connect', `the connection failed (${code ?? name})`)
}

const wellKnown = { port: 443, timeoutMs: 10_000, maxBytes: 50 * 1024, maxRedirects: 5 }

/** Reads `https://host/.well-known/matrix/server`; follows at most five redirects, to https only, and none twice. */
export function makeFetchWellKnown({ transport }: { transport: Transport }) {
  return async function fetchWellKnown(host: string): Promise<WellKnownAnswer> {
    let url = new URL(`https://${bracketed(host)}/.well-known/matrix/server`)
    const seen = new Set<string>()
    for (let hops = 0; hops <= wellKnown.maxRedirects; hops++) {
      if (seen.has(url.href)) break
      seen.add(url.href)
      const { status, headers, body } = await get(transport, host, url)
      if (status < 300 || status > 399) return { status, headers, body: parseAnswer(body.toString('utf8')) }
      if (headers.location === undefined || !URL.canParse(headers.location, url)) break
      url = new URL(headers.location, url)
      if (url.protocol !== 'https:') break
    }
    throw new FederationError(host, 'name', 'its well-known file redirects without end or to nowhere')
  }
}

function get(transport: Transport, destination: string, url: URL): Promise<RawAnswer> {
  const parts = partsOfServerName(url.host)
  if (!parts) throw new FederationError(destination, 'name', 'its well-known file redirects to a name that is none')
  return transport.exchange({
    destination,
    target: { host: parts.host, port: parts.port ?? wellKnown.port, hostHeader: url.host, certificateFor: parts.host },
    method: 'GET',
    uri: url.pathname + url.search,
    headers: { accept: 'application/json' },
    timeoutMs: wellKnown.timeoutMs,
    maxBytes: wellKnown.maxBytes,
  })
}
