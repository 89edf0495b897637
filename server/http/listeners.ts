/**
 * The two listeners, the routes of the first at further addresses, and without a socket.
 *
 * Closing: stop listening and wake whoever waits (/sync), let requests in hand finish, then cut the
 * connections that are left.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../kernel/clock.js'
import type { HomeserverConfig } from '../kernel/config.js'
import { ConfigError } from '../kernel/config.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Authenticate } from '../users/authenticate.js'
import { type AdmissionLimits, makeAdmission } from './admission.js'
import { buildApp } from './app.js'
import type { BoundEndpoint } from './endpoint.js'
import { type HomeListener, openHomeListener } from './home-listener.js'
import { handleInProcess } from './in-process.js'
import { type HttpMetrics, makeHttpMetrics, showAdmission } from './metrics.js'
import { type Budgets, makeRateLimits } from './rate-limits.js'
import type { AdmitServer } from './serve.js'
import { trustsProxy } from './trusted-proxies.js'
import { Visitors } from './visitors.js'

export type ListenerOptions = {
  config: HomeserverConfig
  logger: Logger
  clock: Clock
  endpoints: readonly BoundEndpoint[]
  authenticate: Authenticate
  admitServer: AdmitServer
  metrics?: HttpMetrics
  /** Takes over WebSocket upgrades at the client listener; without it they are refused. */
  upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** No client socket at all: everything goes through `handle` (tests). */
  inProcessOnly?: boolean
  checkResponses?: boolean
  /** For tests; otherwise `admissionLimits`. */
  limits?: AdmissionLimits
  /** For tests; otherwise those of `rate-limits.ts`. */
  budgets?: Partial<Budgets>
}

export type Listeners = {
  /** `http://host:port/` of the client listener; undefined with `inProcessOnly`. */
  readonly clientUrl: string | undefined
  /** Port of the client listener; undefined with `inProcessOnly`. */
  readonly clientPort: number | undefined
  /** Port of the federation listener while it is open. */
  readonly federationPort: number | undefined
  /** The certificate that it shows, PEM. */
  readonly federationCertificate: Buffer | undefined
  readonly metrics: HttpMetrics
  /** A request as if it came to the client listener from this machine. */
  handle(request: Request): Promise<Response>
  /**
   * The client listener at one more address (`home-listener.ts`); whoever opens it closes it.
   *
   * @throws the system's error where the address or port cannot be had
   */
  openAt(address: string, port: number, isHome: (host: string) => boolean): Promise<HomeListener>
  /**
   * Opens the federation listener. Repeating it does nothing.
   *
   * @throws ConfigError when the certificate cannot be read; the system's error when the port is taken
   */
  openFederation(): Promise<void>
  close(): Promise<void>
}

/** Requests in hand get this long before their connections are cut, in milliseconds. */
const closeGraceMs = 1_500

export async function startListeners(options: ListenerOptions): Promise<Listeners> {
  const { config, logger, clock } = options
  const closing = new AbortController()
  const metrics = options.metrics ?? makeHttpMetrics()
  const trustedProxies = config.listeners.trusted_proxies
  const admission = makeAdmission({
    clock,
    isTrustedProxy: trustsProxy(trustedProxies),
    ...(options.limits && { limits: options.limits }),
  })
  showAdmission(metrics.registry, admission)
  const context = {
    authenticate: options.authenticate,
    admitServer: options.admitServer,
    admission,
    trustedProxies,
    charge: makeRateLimits({ enabled: config.rate_limits.enabled, clock, budgets: options.budgets }),
    logger,
    closing: closing.signal,
    checkResponses: options.checkResponses ?? false,
    endpoints: options.endpoints,
    metrics,
  }
  const atHome = new Set<Visitors>()
  const onAnswered = (request: IncomingMessage, userId: UserId | undefined) => {
    for (const visitors of atHome) visitors.note(request, userId)
  }
  const client = buildApp({ ...context, onAnswered, side: 'client', rendererDir: config.renderer_dir })
  const upgrade = options.upgrade ?? refuseUpgrade
  client.server.on('upgrade', upgrade)
  await client.ready()
  const { host, port } = config.listeners.client
  if (!options.inProcessOnly) await client.listen({ host, port })
  // Read once: while it closes, a request in hand may still ask, and the socket has no address any more.
  const address = client.server.address() as AddressInfo | null
  const clientUrl = address ? urlOf(host, address) : undefined

  let federation: FastifyInstance | undefined
  let certificate: ReturnType<typeof readCertificate> = {}
  return {
    clientUrl,
    clientPort: address?.port,
    get federationPort() {
      return (federation?.server.address() as AddressInfo | null | undefined)?.port
    },
    get federationCertificate() {
      return certificate.tls?.cert
    },
    metrics,
    handle: (request) => handleInProcess(client, request),
    async openAt(address, port, isHome) {
      const visitors = new Visitors(clock)
      const listener = await openHomeListener({
        ...{ address, port, isHome, visitors, clock, upgrade, graceMs: closeGraceMs },
        handle: (request, response) => client.routing(request, response),
        connections: admission.connections,
        headersMs: admission.limits.connections.headersMs,
      })
      atHome.add(visitors)
      return { ...listener, close: () => listener.close().finally(() => atHome.delete(visitors)) }
    },
    async openFederation() {
      if (federation) return
      certificate = readCertificate(config)
      const opened = buildApp({ ...context, side: 'federation', ...certificate })
      opened.server.on('upgrade', refuseUpgrade)
      federation = opened
      await opened.listen({ host: config.listeners.federation.host, port: config.listeners.federation.port })
    },
    async close() {
      closing.abort()
      await Promise.all([client, federation].map((app) => app && closeApp(app, clock)))
      admission.close()
    },
  }
}

async function closeApp(app: FastifyInstance, clock: Clock): Promise<void> {
  const cut = clock.after(closeGraceMs, () => app.server.closeAllConnections())
  // Connections are kept alive after their last answer; each is closed as soon as it has been given.
  const sweep = clock.every(20, () => app.server.closeIdleConnections())
  await app.close()
  cut.cancel()
  sweep.cancel()
}

const refuseUpgrade = (_request: IncomingMessage, socket: Duplex) =>
  void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')

/** Addresses that mean "all of them" are shown as loopback, where a browser on this machine reaches them. */
function urlOf(host: string, address: AddressInfo): string {
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${address.port}/`
}

function readCertificate({ tls }: HomeserverConfig): { tls?: { cert: Buffer; key: Buffer } } {
  if (!tls.certificate_path || !tls.private_key_path) return {}
  try {
    return { tls: { cert: readFileSync(tls.certificate_path), key: readFileSync(tls.private_key_path) } }
  } catch (error) {
    throw new ConfigError(`The certificate of the federation listener cannot be read: ${(error as Error).message}.`)
  }
}
