/**
 * Requests over HTTP(S) to places that users name, with a deadline over the whole exchange and a cap on what is read.
 *
 * Redirects are the caller's to follow, one by one: each is a new address.
 */
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { Agent } from 'undici'
import { type LookUp, systemLookUp } from './look-up.js'
import { makeOpenSocket, type OutboundRules } from './open-socket.js'
import { nameTheFailure, OutboundError } from './outbound-error.js'
import { flattenHeaders } from './read-answer.js'

export type OutboundRequest = {
  url: URL
  method: 'GET' | 'POST' | 'PUT'
  headers?: Record<string, string>
  body?: string
  /** Over everything, the last byte of the answer included. */
  timeoutMs: number
  /** Of the answer, after it is unpacked. */
  maxBytes: number
  /** With true, a longer answer is cut there instead of refused. */
  mayCut?: boolean
  signal: AbortSignal
}

export type OutboundAnswer = { status: number; headers: Record<string, string | undefined>; body: Buffer }

export type Outbound = {
  /** @throws OutboundError */
  exchange(request: OutboundRequest): Promise<OutboundAnswer>
  /** Breaks off what is under way. */
  close(): Promise<void>
}

/** Ports below 1024 other than these are no place of web pages: mail servers answer to HTTP, in a way. */
const webPorts = new Set(['', '80', '443'])

/** @throws OutboundError for a URL that is not asked for */
function checkUrl(url: URL): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new OutboundError('name', 'not an address of the web')
  if (url.username !== '' || url.password !== '') throw new OutboundError('name', 'an address with a password in it')
  if (!webPorts.has(url.port) && Number(url.port) < 1024) throw new OutboundError('name', 'no port of web servers')
}

export function makeOutbound({ rules, lookUp = systemLookUp }: { rules: OutboundRules; lookUp?: LookUp }): Outbound {
  const agent = new Agent({
    connect: makeOpenSocket({ lookUp, rules }),
    connections: 4,
    pipelining: 1,
    keepAliveTimeout: 10_000,
    maxHeaderSize: 64 * 1024,
  })

  return {
    async exchange({ url, method, headers, body, timeoutMs, maxBytes, mayCut = false, signal: given }) {
      checkUrl(url)
      const deadline = AbortSignal.timeout(timeoutMs)
      const signal = AbortSignal.any([deadline, given])
      try {
        const answer = await agent.request({
          origin: url.origin,
          path: url.pathname + url.search,
          method,
          headers: { 'accept-encoding': 'gzip, deflate, br', ...headers },
          ...(body !== undefined && { body }),
          headersTimeout: timeoutMs,
          bodyTimeout: timeoutMs,
          signal,
        })
        const flat = flattenHeaders(answer.headers)
        // What the socket says after the last byte that is read is nobody's concern.
        answer.body.on('error', () => {})
        const unpacked = unpack(answer.body, flat['content-encoding'])
        return { status: answer.statusCode, headers: flat, body: await readBytes(unpacked, { maxBytes, mayCut }) }
      } catch (error) {
        throw nameTheFailure(error, { deadline, given })
      }
    },
    close: () => agent.destroy(),
  }
}

const unpackers: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

function unpack(body: Readable, encoding: string | undefined): Readable {
  const name = encoding?.trim().toLowerCase()
  if (name === undefined || name === '' || name === 'identity') return body
  const make = unpackers[name]
  if (!make) throw new OutboundError('answer', 'packed in a way that was not asked for')
  const unpacked = make()
  body.on('error', (error) => unpacked.destroy(error))
  unpacked.on('close', () => body.destroy())
  unpacked.on('error', () => {}) // told to whoever reads; after the last byte that is read nobody does
  return body.pipe(unpacked)
}

async function readBytes(body: Readable, { maxBytes, mayCut }: { maxBytes: number; mayCut: boolean }): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Leaving the loop destroys the stream, and with it the connection: nothing more is read.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const room = maxBytes - bytes
    bytes += chunk.length
    chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
    if (bytes <= maxBytes) continue
    if (!mayCut) throw new OutboundError('too-large', `answered more than ${maxBytes} bytes`)
    break
  }
  return Buffer.concat(chunks)
}
