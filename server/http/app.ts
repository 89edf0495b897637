/**
 * One Fastify application: the routes of one listener.
 *
 * Both listeners serve every Matrix path. Only the client's serves `/_hearth`, admin paths, health,
 * metrics and the user interface. Each known path also answers 405 to the methods it does not
 * have, and everything else is 404, both before any token is looked at.
 */
import type { IncomingMessage } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from 'fastify'
import type { UserId } from '../kernel/identifiers.js'
import type { Requester } from '../users/requester.js'
import type { Admission } from './admission.js'
import { answerClientError } from './client-error.js'
import { corsHeaders, isApiPath, isCrossOriginPath, isMatrixPath } from './cors.js'
import { dropBody } from './drop-body.js'
import type { BoundEndpoint } from './endpoint.js'
import { toReply, unrecognized } from './errors.js'
import type { HttpMetrics } from './metrics.js'
import { openPage, sendPage } from './renderer.js'
import { makeServe, type ServeContext } from './serve.js'
import { makeLazySignal } from './signal.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once the token was good; for the request log. */
    requester: Requester | undefined
    /** Content-Type as it was sent. */
    contentType: string | undefined
  }
}

export type AppOptions = ServeContext & {
  endpoints: readonly BoundEndpoint[]
  metrics: HttpMetrics
  admission: Admission
  /** Aborted when the server closes. */
  closing: AbortSignal
  /** Proxies whose word is taken for whom they speak: addresses, networks, or names such as `loopback`. */
  trustedProxies: readonly string[]
  /** `federation` leaves out everything but Matrix paths. */
  side: 'client' | 'federation'
  /** Folder of the built user interface, for the client side. */
  rendererDir?: string | undefined
  /** Hears of each answered request, and whose it was. */
  onAnswered?: (request: IncomingMessage, userId: UserId | undefined) => void
  /** Certificate chain and key, PEM. Without them it speaks plain HTTP, for a proxy in front. */
  tls?: { cert: Buffer; key: Buffer }
}

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'] as const

export function buildApp(options: AppOptions): FastifyInstance {
  const { headersMs, handshakeMs } = options.admission.limits.connections
  const http = { headersTimeout: headersMs, connectionsCheckingInterval: Math.min(5_000, headersMs) }
  const app = Fastify({
    ...(options.tls ? { https: { ...options.tls, ...http, handshakeTimeout: handshakeMs } } : { http }),
    logger: false,
    // A proxy of ours may say whom it speaks for; anybody else is who they are.
    trustProxy: [...options.trustedProxies],
    genReqId: makeRequestIds(),
    routerOptions: { maxParamLength: 2048 },
    // Scripts and bots of before v1.1 say r0 (docs/decisions/0016-old-paths.md).
    rewriteUrl: ({ url = '/' }) => url.replace(/^\/_matrix\/(client|media)\/r0\//, '/_matrix/$1/v3/'),
    keepAliveTimeout: 75_000,
    clientErrorHandler: answerClientError,
    requestTimeout: 0, // uploads over slow lines; connections.ts asks for a least rate
    frameworkErrors: (error, request, reply) => {
      if (!isApiPath(request.url))
        return void sendRefusal(request, reply as FastifyReply, 404, unrecognized(404).toBody(), {})
      const refusal = toReply(error, options.logger, { operationId: 'none', id: request.id })
      return void sendRefusal(request, reply as FastifyReply, refusal.status, refusal.body, corsHeaders)
    },
  })
  app.decorateRequest('requester', undefined)
  // Bodies are read by serve.ts after the token was checked; Fastify must leave them alone.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
  // It would refuse a content type that is none; here nobody asks for it but uploads, which get it back.
  app.decorateRequest('contentType', undefined)
  // Hooks that call back instead of returning promises: they run for every request.
  app.addHook('onRequest', (request, reply, done) => {
    options.admission.connections.noteRequest(request.raw, reply.raw)
    request.contentType = request.headers['content-type']
    if (request.contentType !== undefined) request.headers['content-type'] = undefined
    if (!isCrossOriginPath(request.url)) return done()
    reply.headers(corsHeaders)
    if (request.method === 'OPTIONS') return void reply.code(204).send()
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    record(options, request, reply.statusCode, reply.elapsedTime)
    options.onAnswered?.(request.raw, request.requester?.userId)
    done()
  })
  app.setErrorHandler((error, request, reply) => {
    const refusal = toReply(error, options.logger, { operationId: operationOf(request), id: request.id })
    return sendRefusal(request, reply, refusal.status, refusal.body, refusal.headers)
  })
  const page = options.side === 'client' ? openPage(options.rendererDir) : undefined
  app.setNotFoundHandler(async (request, reply) => {
    const found = await page?.find(request)
    if (!found) return sendRefusal(request, reply, 404, unrecognized(404).toBody(), {})
    dropBody(request, reply)
    return sendPage(reply, found)
  })
  options.admission.connections.guard(app.server)
  addRoutes(app, options)
  return app
}

function addRoutes(app: FastifyInstance, options: AppOptions): void {
  const taken = new Map<string, { path: string; methods: Set<HTTPMethods> }>()
  const context = { ...options, lazySignal: makeLazySignal(options.closing) }
  for (const endpoint of options.endpoints) {
    const handler = makeServe(endpoint, context)
    for (const path of endpoint.paths) {
      if (options.side === 'federation' && (!isMatrixPath(path) || isLocalOnly(endpoint))) continue
      app.route({ method: endpoint.method, url: path, config: { operationId: endpoint.operationId }, handler })
      const key = path.replace(/:[^/]+/g, ':')
      const known = taken.get(key) ?? { path, methods: new Set() }
      known.methods.add(endpoint.method)
      taken.set(key, known)
    }
  }
  for (const { path, methods: offered } of taken.values()) {
    const others = methods.filter((method) => !offered.has(method))
    const allow = [...offered].join(', ')
    app.route({
      method: others,
      url: path,
      exposeHeadRoute: false,
      handler: (request, reply) => sendRefusal(request, reply, 405, unrecognized(405).toBody(), { allow }),
    })
  }
}

/** Administration may have a Matrix path too; the world has no business there. */
const isLocalOnly = ({ auth }: BoundEndpoint) => auth === 'admin' || auth === 'loopback'

function sendRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  body: unknown,
  headers: Record<string, string>,
): FastifyReply {
  dropBody(request, reply)
  return reply
    .code(status)
    .headers(headers)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify(body)))
}

const operationOf = (request: FastifyRequest): string =>
  (request.routeOptions.config as { operationId?: string }).operationId ?? 'none'

/** Request IDs: short, unique in this process, in the log only. */
function makeRequestIds(): () => string {
  let last = 0
  return () => {
    last += 1
    return last.toString(36)
  }
}

/** The log names the operation, never the URL, which may carry a token. */
function record({ metrics, logger }: AppOptions, request: FastifyRequest, status: number, tookMs: number): void {
  const operation = operationOf(request)
  metrics.observe(operation, status, tookMs / 1000)
  if (!logger.isLevelEnabled('debug')) return
  logger.debug(
    { request: request.id, operation, status, ms: Math.round(tookMs), user: request.requester?.userId },
    'answered',
  )
}
