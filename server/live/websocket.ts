/**
 * The live bridge over WebSocket, at `/_hearth/live/rpc` with the subprotocol `cbor`: what an unmodified
 * SurrealDB SDK connects to.
 *
 * A browser sends WebSocket requests from any page to any address, without asking first; so the Host must be
 * one of our names (against DNS rebinding) and the Origin, where there is one, our own page.
 */
import type { IncomingMessage } from 'node:http'
import { isIP, isIPv4, isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../kernel/clock.js'
import { hostNameOf, isLoopbackHost } from '../kernel/host-name.js'
import type { Channel, ChannelPeer } from './channel.js'
import { frameLimits } from './frames.js'

export const livePath = '/_hearth/live/rpc'

export type UpgradeNeeds = {
  openLiveChannel(channel: Channel): void
  clock: Clock
  /** Undefined while the server is being set up. */
  serverName: string | undefined
  publicBaseUrl: string | undefined
  /** Address of the client listener as configured; a name people use besides those above. */
  listenHost?: string
  /** Whether that is this machine's own on a network at home where it listens. */
  isHome(host: string): boolean
}

type HostNeeds = Pick<UpgradeNeeds, 'serverName' | 'publicBaseUrl' | 'listenHost' | 'isHome'>

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** A socket that answers no ping within this long is gone. */
const pingEveryMs = 30_000
const closeGraceMs = 2_000

/** What the HTTP server calls for each `Upgrade`; anything that is not for us is answered and closed. */
export function makeUpgradeHandler(needs: UpgradeNeeds): UpgradeHandler {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: frameLimits.requestBytes,
    perMessageDeflate: false,
    handleProtocols: (protocols) => (protocols.has('cbor') ? 'cbor' : false),
  })
  return (request, socket, head) => {
    const refusal = checkUpgrade(request, needs)
    if (refusal) return refuse(socket, refusal)
    server.handleUpgrade(request, socket, head, (webSocket) => {
      needs.openLiveChannel(channelOverWebSocket(webSocket, needs.clock, peerOf(request)))
    })
  }
}

/** Status line of the refusal; undefined where the request is welcome. */
export function checkUpgrade(
  { url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>,
  { serverName, publicBaseUrl, listenHost, isHome }: HostNeeds,
): string | undefined {
  if (url.split('?')[0] !== livePath) return '404 Not Found'
  const host = hostNameOf(headers.host)
  const publicHost = publicBaseUrl && new URL(publicBaseUrl).host
  const names = [hostNameOf(serverName), hostNameOf(publicHost), hostNameOf(listenHost)]
  if (!host || !(isLoopbackHost(host) || names.includes(host) || isHome(host))) return '421 Misdirected Request'
  if (headers.origin !== undefined && !isOwnOrigin(headers.origin, headers.host, publicBaseUrl)) return '403 Forbidden'
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
  return protocols.includes('cbor') ? undefined : '400 Bad Request'
}

/** The page came from the same place as this request, or from the public address that stands for it. */
function isOwnOrigin(origin: string, host: string | undefined, publicBaseUrl: string | undefined): boolean {
  if (!URL.canParse(origin)) return false
  const { host: from, protocol } = new URL(origin)
  if (protocol !== 'http:' && protocol !== 'https:') return false
  return from === host?.toLowerCase() || (publicBaseUrl !== undefined && origin === new URL(publicBaseUrl).origin)
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** As HTTP requests are told apart: a proxy on this machine is believed what it says of its caller. */
export function peerOf({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): ChannelPeer {
  const address = plainAddress(socket.remoteAddress ?? '')
  if (!isLoopbackAddress(address)) return { kind: 'remote', address: networkOf(address) }
  if (!Object.keys(headers).some((name) => proxied.test(name))) return { kind: 'local' }
  const hops = String(headers['x-forwarded-for'] ?? '').split(',')
  const caller = hops.map((each) => plainAddress(each.trim())).findLast((each) => !isLoopbackAddress(each)) ?? ''
  return { kind: 'remote', address: isIP(caller) ? networkOf(caller) : 'proxied' }
}

const proxied = /^(?:forwarded|via|x-forwarded-.*|x-real-ip)$/
const isLoopbackAddress = (address: string) => address === '::1' || (isIPv4(address) && address.startsWith('127.'))
const plainAddress = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, '')

/** One party owns a /64 of IPv6 as a whole. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const [before, after] = [head, tail ?? ''].map((each) => each.split(':').filter(Boolean))
  const groups =
    tail === undefined ? before! : [...before!, ...Array(8 - before!.length - after!.length).fill('0'), ...after!]
  return groups
    .slice(0, 4)
    .map((each) => Number.parseInt(each, 16).toString(16))
    .join(':')
}

export function channelOverWebSocket(socket: WebSocket, clock: Clock, peer: ChannelPeer): Channel {
  let onMessage: ((bytes: Uint8Array) => void) | undefined
  let onClose: (() => void) | undefined
  let isClosed = false
  let isAnswering = true
  const early: Uint8Array[] = []

  const pings = clock.every(pingEveryMs, () => {
    if (!isAnswering) socket.terminate()
    isAnswering = false
    if (socket.readyState === socket.OPEN) socket.ping()
  })
  const ended = () => {
    if (isClosed) return
    isClosed = true
    pings.cancel()
    onClose?.()
  }
  socket.binaryType = 'nodebuffer'
  socket.on('pong', () => {
    isAnswering = true
  })
  socket.on('close', ended)
  socket.on('error', () => socket.terminate())

  const close = (code = 1000, reason = '') => {
    if (isClosed) return
    ended()
    socket.close(code, reason)
    clock.after(closeGraceMs, () => socket.terminate())
  }
  socket.on('message', (data, isBinary) => {
    if (isClosed) return
    if (!isBinary) close(1003, 'only binary frames')
    else if (onMessage) onMessage(data as Buffer)
    else early.push(data as Buffer)
  })

  return {
    peer,
    post(bytes) {
      if (!isClosed) socket.send(bytes, { binary: true })
    },
    onMessage(handler) {
      onMessage = handler
      for (const bytes of early.splice(0)) handler(bytes)
    },
    onClose(handler) {
      onClose = handler
      if (isClosed) handler()
    },
    close,
    get bufferedBytes() {
      return socket.bufferedAmount
    },
  }
}
