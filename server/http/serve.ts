/**
 * Carries one request through an endpoint, in the order in which it costs us least to refuse:
 * rate limit, token, path and query, body, and only then the endpoint itself.
 *
 * A signed request is the exception: its signature covers the body, so the body is read first.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { badJson, invalidParam, MatrixError, missingParam, userSuspended } from '../kernel/errors.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Authenticate } from '../users/authenticate.js'
import type { Requester } from '../users/requester.js'
import { accessTokenOf, missingToken } from './access-token.js'
import type { BoundEndpoint, IncomingRequest } from './endpoint.js'
import { toReply } from './errors.js'
import { parseJson, readBody } from './json-body.js'
import { isLoopback } from './loopback.js'
import { convertQuery } from './query.js'
import type { ChargeRateLimit } from './rate-limits.js'
import { Reply } from './reply.js'
import { lazySignal } from './signal.js'

/** Checks an X-Matrix signature. Throws MatrixError 401 for one that is not good. */
export type AuthenticateServer = (request: {
  method: string
  /** Path and query as sent. */
  uri: string
  authorization: string | undefined
  /** The parsed body; undefined where there is none. */
  content: unknown
}) => Promise<ServerName>

export type ServeContext = {
  authenticate: Authenticate
  authenticateServer: AuthenticateServer
  charge: ChargeRateLimit
  logger: Logger
  /** Aborted when the server closes. */
  closing: AbortSignal
  /** Refuses answers that do not fit the endpoint's own schema: for tests. */
  checkResponses: boolean
}

type Query = Readonly<Record<string, unknown>>

export function makeServe(endpoint: BoundEndpoint, context: ServeContext) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (request.contentType !== undefined) request.headers['content-type'] = request.contentType
    try {
      return send(reply, await answer(endpoint, context, request, reply))
    } catch (error) {
      const refusal = toReply(error, context.logger, { operationId: endpoint.operationId, id: request.id })
      if (refusal.status === 413) dropBody(request, reply)
      return send(reply, refusal)
    }
  }
}

/** A body that is refused is still received for a while: a caller who is cut off in the middle never sees the answer. */
const maxDroppedBytes = 64 * 1024 * 1024
const maxDropMs = 10_000

function dropBody({ raw, headers }: FastifyRequest, reply: FastifyReply): void {
  if (Number(headers['content-length'] ?? 0) > maxDroppedBytes) reply.header('connection', 'close')
  const cut = setTimeout(() => raw.destroy(), maxDropMs).unref()
  raw.once('close', () => clearTimeout(cut)).resume()
}

async function answer(endpoint: BoundEndpoint, context: ServeContext, request: FastifyRequest, reply: FastifyReply) {
  const headers = request.headers as Readonly<Record<string, string | undefined>>
  const query = request.query as Query
  const { ip } = request
  const isSigned = endpoint.auth === 'signed'

  const early = isSigned ? await readJson(endpoint, request, headers) : undefined
  const { requester, origin } = await authenticate(endpoint, context, request, headers, query, early)
  context.charge(endpoint.rateLimit, requester?.userId ?? origin ?? ip)
  if (requester) reply.request.requester = requester

  const params = checkParams(endpoint, request.params)
  const converted = checkQuery(endpoint, query)
  const body = endpoint.rawBody
    ? request.raw
    : checkBody(endpoint, isSigned ? early : await readJson(endpoint, request, headers))
  const signal = lazySignal(request.raw, reply.raw, context.closing)
  const incoming: IncomingRequest = {
    params,
    query: converted,
    body,
    requester,
    origin,
    path: pathOf(request.url),
    ip,
    headers,
    get isLoopback() {
      return isLoopback(request.socket.remoteAddress, headers)
    },
    get signal() {
      return signal()
    },
  }
  const result = await endpoint.run(incoming, undefined)
  if (context.checkResponses) checkResponse(endpoint, result)
  return result
}

const pathOf = (url: string) => {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}

async function authenticate(
  { auth, guests, evenIfLocked, notIfSuspended }: BoundEndpoint,
  context: ServeContext,
  request: FastifyRequest,
  headers: Readonly<Record<string, string | undefined>>,
  query: Query,
  content: unknown,
): Promise<{ requester?: Requester; origin?: ServerName }> {
  if (auth === 'none') return {}
  if (auth === 'signed') {
    const { authorization } = headers
    return {
      origin: await context.authenticateServer({ method: request.method, uri: request.url, authorization, content }),
    }
  }
  if (auth === 'loopback') {
    if (!isLoopback(request.socket.remoteAddress, headers))
      throw new MatrixError(403, 'M_FORBIDDEN', 'Only this machine may ask for that.')
    return {}
  }
  const token = accessTokenOf(headers.authorization, query)
  if (token === undefined) {
    if (auth === 'optional') return {}
    throw missingToken()
  }
  const requester = await context.authenticate(token, { ip: request.ip, evenIfLocked })
  if (auth === 'admin' && !requester.isAdmin)
    throw new MatrixError(403, 'M_FORBIDDEN', 'You are not a server administrator.')
  if (auth === 'access-token' && requester.isGuest && !guests)
    throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'Guests may not do that.')
  if (notIfSuspended && requester.isSuspended) throw userSuspended()
  return { requester }
}

function checkParams(endpoint: BoundEndpoint, params: unknown): unknown {
  const wrong = endpoint.checkParams(params)
  if (wrong) throw invalidParam(`In the path: ${wrong}.`)
  return params
}

function checkQuery(endpoint: BoundEndpoint, given: Query): Record<string, unknown> {
  const query = convertQuery(endpoint.query, given)
  const wrong = endpoint.checkQuery(query)
  if (wrong) {
    const isMissing = /required propert/.test(wrong)
    throw (isMissing ? missingParam : invalidParam)(`In the query: ${wrong}.`)
  }
  return query
}

/** Undefined for a body that is empty, or that the endpoint does not look at. */
async function readJson(
  endpoint: BoundEndpoint,
  request: FastifyRequest,
  headers: Readonly<Record<string, string | undefined>>,
) {
  if (!endpoint.hasBody || endpoint.rawBody) return undefined
  return parseJson(await readBody(request.raw, headers['content-length'], endpoint.maxBodyBytes), endpoint.maxBodyDepth)
}

function checkBody(endpoint: BoundEndpoint, parsed: unknown): unknown {
  if (!endpoint.hasBody) return undefined
  const body = parsed === undefined ? {} : parsed
  const wrong = endpoint.checkBody(body)
  if (!wrong) return body
  if (parsed === undefined) throw new MatrixError(400, 'M_NOT_JSON', 'The body is empty.')
  throw badJson(`In the body: ${wrong}.`)
}

function checkResponse(endpoint: BoundEndpoint, result: unknown): void {
  const isJson = !(result instanceof Reply) || (result.form === 'json' && result.status === 200)
  if (!isJson) return
  const body = result instanceof Reply ? result.body : result
  const wrong = endpoint.checkResponse(JSON.parse(JSON.stringify(body)))
  if (wrong) throw new TypeError(`${endpoint.operationId} would answer against its own schema: ${wrong}`)
}

const jsonType = 'application/json; charset=utf-8'

/** JSON is serialised once, here. */
function send(reply: FastifyReply, result: unknown): FastifyReply {
  if (!(result instanceof Reply)) return reply.header('content-type', jsonType).send(JSON.stringify(result))
  reply.code(result.status).headers(result.headers)
  if (result.form === 'raw') return reply.send(result.body)
  return reply.header('content-type', jsonType).send(JSON.stringify(result.body))
}
