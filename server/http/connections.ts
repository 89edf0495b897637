/**
 * The connections of a listener: how many there may be, and how slow.
 *
 * Each network address has a share of them; when all are taken, the address that holds most gives one up, its oldest.
 * Addresses of trusted proxies stand for many people and have no share of their own.
 *
 * Once a second every connection is looked at. A body must come, and an answer be taken, at a least rate after a time
 * of grace; what is slower is closed, with 408 where nothing was answered yet. Time in which this server itself does
 * not read (a disk that is busy, a body that nobody asked for yet) does not count against the sender. Headers and TLS
 * handshakes have deadlines of Node's own, which `app.ts` sets.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { partyOf } from '../kernel/address.js'
import type { Clock } from '../kernel/clock.js'
import { answerTooSlow } from './client-error.js'

export type ConnectionLimits = {
  perAddress: number
  inAll: number
  /** Requests that one connection may have unanswered: no client we know sends a second before the first answer. */
  pipelined: number
  headersMs: number
  handshakeMs: number
  body: Pace
  answer: Pace
}

/** After `graceMs`, at least so many bytes a second on average. */
export type Pace = { graceMs: number; bytesPerSecond: number }

export type Connections = {
  /** Follows every connection of a server until it is closed. */
  guard(server: Server): void
  /** To be called for each request; it is watched until its body is here. */
  noteRequest(request: IncomingMessage, response: ServerResponse): void
  readonly size: number
  close(): void
}

const sweepEveryMs = 1_000

class Connection {
  /** The last request, while its body may still be coming. */
  request: IncomingMessage | undefined
  response: ServerResponse | undefined
  unanswered = 0
  isUpgraded = false
  #bodySince = 0
  #bytesBefore = 0
  #answer: { since: number; taken: number; pending: number } | undefined

  constructor(
    /** Over TLS first the raw socket, then the one that requests have. */
    public socket: Socket,
    readonly party: string,
  ) {}

  begin(request: IncomingMessage, response: ServerResponse, now: number): void {
    this.request = request
    this.response = response
    this.#bodySince = now
    this.#bytesBefore = request.socket.bytesRead
  }

  /** Whether the body that is under way comes too slowly. */
  isBodySlow(now: number, sinceLastMs: number, { graceMs, bytesPerSecond }: Pace): boolean {
    const { request } = this
    if (!request) return false
    if (request.complete || request.destroyed) {
      this.request = undefined
      return false
    }
    if (request.readableLength >= request.readableHighWaterMark) this.#bodySince += sinceLastMs // we are the slow one
    const overdueMs = now - this.#bodySince - graceMs
    return overdueMs > 0 && request.socket.bytesRead - this.#bytesBefore < (overdueMs / 1000) * bytesPerSecond
  }

  /** Whether what was written waits too long to be taken. */
  isAnswerSlow(now: number, { graceMs, bytesPerSecond }: Pace): boolean {
    const { socket } = this
    const pending = socket.writableLength
    if (pending === 0) {
      this.#answer = undefined
      return false
    }
    const taken = socket.bytesWritten - pending
    if (!this.#answer || taken - this.#answer.taken >= this.#answer.pending)
      this.#answer = { since: now, taken, pending }
    const { since, pending: due } = this.#answer
    return now - since > graceMs + (due / bytesPerSecond) * 1000
  }
}

export function makeConnections(options: {
  limits: ConnectionLimits
  clock: Clock
  isTrustedProxy: (address: string) => boolean
}): Connections {
  const { limits, clock, isTrustedProxy } = options
  /** In the order in which they came. */
  const all = new Set<Connection>()
  const byParty = new Map<string, Set<Connection>>()
  const bySocket = new WeakMap<Socket, Connection>()
  /** TLS connections by their two ends: how the socket that requests have is known again. */
  const handshaking = new Map<string, Connection>()

  function take(socket: Socket, isTls: boolean): void {
    const { remoteAddress } = socket
    const isProxy = remoteAddress !== undefined && isTrustedProxy(remoteAddress)
    const party = isProxy ? 'proxy' : partyOf(remoteAddress)
    const own = byParty.get(party) ?? new Set<Connection>()
    if (!isProxy && own.size >= limits.perAddress) return void socket.destroy()
    if (all.size >= limits.inAll && !giveUpOne(own.size + 1)) return void socket.destroy()
    const connection = new Connection(socket, party)
    byParty.set(party, own)
    own.add(connection)
    all.add(connection)
    bySocket.set(socket, connection)
    const ends = endsOf(socket)
    if (isTls) handshaking.set(ends, connection)
    socket.once('close', () => {
      if (handshaking.get(ends) === connection) handshaking.delete(ends)
      all.delete(connection)
      own.delete(connection)
      if (own.size === 0 && byParty.get(party) === own) byParty.delete(party)
    })
  }

  /** Closes the oldest connection of the address that has most, where that is more than `claim`. */
  function giveUpOne(claim: number): boolean {
    let largest: Set<Connection> | undefined
    for (const [party, each] of byParty)
      if (party !== 'proxy' && each.size > Math.max(claim, largest?.size ?? 0)) largest = each
    const [oldest] = largest ?? []
    if (!oldest) return false
    oldest.socket.destroy()
    all.delete(oldest)
    largest?.delete(oldest)
    return true
  }

  let last = clock.elapsed()
  const sweep = clock.every(sweepEveryMs, () => {
    const now = clock.elapsed()
    const sinceLastMs = now - last
    last = now
    for (const connection of all) {
      if (connection.isUpgraded) continue
      if (connection.isBodySlow(now, sinceLastMs, limits.body)) answerTooSlow(connection.socket, connection.response)
      else if (connection.isAnswerSlow(now, limits.answer)) connection.socket.destroy()
    }
  })

  return {
    guard(server) {
      const isTls = server instanceof TlsServer
      server.on('connection', (socket: Socket) => take(socket, isTls))
      server.on('secureConnection', (socket: Socket) => {
        const ends = endsOf(socket)
        const connection = handshaking.get(ends)
        handshaking.delete(ends)
        if (!connection) return
        connection.socket = socket
        bySocket.set(socket, connection)
      })
      server.on('upgrade', ({ socket }: IncomingMessage) => {
        const connection = bySocket.get(socket)
        if (connection) connection.isUpgraded = true
      })
    },
    noteRequest(request, response) {
      if (!(request.socket instanceof Socket)) return // in process
      const connection = bySocket.get(request.socket)
      if (!connection) return
      const isPipelined = connection.response !== undefined && !connection.response.writableFinished
      connection.unanswered = isPipelined ? connection.unanswered + 1 : 0
      if (connection.unanswered > limits.pipelined) return void connection.socket.destroy()
      connection.begin(request, response, clock.elapsed())
    },
    get size() {
      return all.size
    },
    close: () => sweep.cancel(),
  }
}

const endsOf = ({ localPort, remoteAddress, remotePort }: Socket) => `${localPort} ${remoteAddress} ${remotePort}`
