/**
 * Carries one request through an endpoint, in the order in which it costs us least to refuse:
 * address, token, rate limit, path and query, body, and only then the endpoint itself.
 *
 * A signed request is the exception: its signature covers the body, so the body is read before it is checked. What its
 * headers say is judged before that, and until it is proven only its address is charged.
 */
import { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { partyOf } from '../kernel/address.js'
import { pause } from '../kernel/clock.js'
import { badJson, invalidParam, MatrixError, missingParam, userSuspended } from '../kernel/errors.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { parseSpelled, stringifySpelled } from '../kernel/spelled-numbers.js'
import type { Authenticate } from '../users/authenticate.js'
import type { Requester } from '../users/requester.js'
import { accessTokenOf, missingToken } from './access-token.js'
import type { Admission } from './admission.js'
import type { Hold } from './bytes-in-flight.js'
import { dropBody } from './drop-body.js'
import type { BoundEndpoint, IncomingRequest } from './endpoint.js'
import { toReply } from './errors.js'
import { parseJson, readBody } from './json-body.js'
import { isLoopback } from './loopback.js'
import { convertQuery } from './query.js'
import { type ChargeRateLimit, RateLimited } from './rate-limits.js'
import { Reply } from './reply.js'
import type { LazySignal } from './signal.js'

/**
 * Judges the headers of a signed request, before its body is read.
 *
 * @returns what checks the signature once the body (undefined where there is none) is here, and gives the origin
 * @throws MatrixError 401 for a header that is none, 403 for a server that is excluded; the function returned throws
 *   401 for a signature that is not good
 */
export type AdmitServer = (request: {
  method: string
  /** Path and query as sent. */
  uri: string
  authorization: string | undefined
}) => (content: unknown) => Promise<ServerName>

export type ServeContext = {
  authenticate: Authenticate
  admitServer: AdmitServer
  charge: ChargeRateLimit
  admission: Pick<Admission, 'bytes'>
  logger: Logger
  /** Refuses answers that do not fit the endpoint's own schema: for tests. */
  checkResponses: boolean
}

type Query = Readonly<Record<string, unknown>>

export function makeServe(endpoint: BoundEndpoint, context: ServeContext & { lazySignal: LazySignal }) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (request.contentType !== undefined) request.headers['content-type'] = request.contentType
    const held: Held = { request: undefined }
    // To another server numbers go out as whoever signed them spelt them.
    const stringify = endpoint.auth === 'signed' ? stringifySpelled : JSON.stringify
    try {
      return send(context, request, reply, held, await answer(endpoint, context, request, reply, held), stringify)
    } catch (error) {
      if (error instanceof RateLimited && error.holdMs > 0) await pause(error.holdMs)
      const refusal = toReply(error, context.logger, { operationId: endpoint.operationId, id: request.id })
      return send(context, request, reply, held, refusal, stringify)
    }
  }
}

/** What a request under way is charged for in memory: its body until it is answered, then its answer. */
type Held = { request: Hold | undefined; party?: string }

/** The desktop app's own window, which is no address of the network. */
const inProcess = 'in-process'

async function answer(
  endpoint: BoundEndpoint,
  context: ServeContext & { lazySignal: LazySignal },
  request: FastifyRequest,
  reply: FastifyReply,
  held: Held,
) {
  const headers = request.headers as Readonly<Record<string, string | undefined>>
  const query = request.query as Query
  const address = request.socket instanceof Socket ? partyOf(request.ip) : inProcess
  context.charge('address', address)

  const early = endpoint.auth === 'signed' ? await readSigned(endpoint, context, request, held, address) : undefined
  const requester = early ? undefined : await authenticate(endpoint, context, request, headers, query)
  held.party = requester?.userId ?? address
  if (requester?.appservice?.isRateLimited !== false)
    context.charge(endpoint.rateLimit, requester?.userId ?? early?.origin ?? address)
  if (requester) reply.request.requester = requester

  const params = checkParams(endpoint, request.params)
  const converted = checkQuery(endpoint, query)
  const body = endpoint.rawBody
    ? request.raw
    : checkBody(endpoint, early ? early.content : await readJson(endpoint, context, request, held))
  const signal = context.lazySignal(request.raw, reply.raw)
  const incoming: IncomingRequest = {
    params,
    query: converted,
    body,
    requester,
    origin: early?.origin,
    path: pathOf(request.url),
    ip: request.ip,
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

/** The body of a signed request, and who signed it. */
async function readSigned(
  endpoint: BoundEndpoint,
  context: ServeContext,
  request: FastifyRequest,
  held: Held,
  address: string,
): Promise<{ content: unknown; origin: ServerName }> {
  const { authorization } = request.headers
  const verify = context.admitServer({ method: request.method, uri: request.url, authorization })
  held.party = address
  const content = await readJson(endpoint, context, request, held)
  return { content, origin: await verify(content) }
}

const textOr = (value: unknown) => (typeof value === 'string' ? value : undefined)

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
): Promise<Requester | undefined> {
  if (auth === 'none') return undefined
  if (auth === 'loopback') {
    if (!isLoopback(request.socket.remoteAddress, headers))
      throw new MatrixError(403, 'M_FORBIDDEN', 'Only this machine may ask for that.')
    return undefined
  }
  const token = accessTokenOf(headers.authorization, query)
  if (token === undefined) {
    if (auth === 'optional') return undefined
    throw missingToken()
  }
  const requester = await context.authenticate(token, {
    ...{ ip: request.ip, userAgent: headers['user-agent'], evenIfLocked },
    actsAs: { userId: textOr(query.user_id), deviceId: textOr(query.device_id) },
  })
  if (auth === 'admin' && !requester.isAdmin)
    throw new MatrixError(403, 'M_FORBIDDEN', 'You are not a server administrator.')
  if (auth === 'access-token' && requester.isGuest && !guests)
    throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'Guests may not do that.')
  if (notIfSuspended && requester.isSuspended) throw userSuspended()
  return requester
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
async function readJson(endpoint: BoundEndpoint, context: ServeContext, request: FastifyRequest, held: Held) {
  if (!endpoint.hasBody || endpoint.rawBody) return undefined
  const bytes = await readBody(request.raw, request.headers['content-length'], endpoint.maxBodyBytes, (cut) => {
    held.request = context.admission.bytes.open(held.party ?? 'unknown', cut)
    return held.request
  })
  // Of what another server signed, its numbers keep their spelling.
  return parseJson(bytes, endpoint.maxBodyDepth, endpoint.auth === 'signed' ? parseSpelled : undefined)
}

function checkBody(endpoint: BoundEndpoint, parsed: unknown): unknown {
  if (!endpoint.hasBody) return undefined
  const body = endpoint.dropNulls(parsed === undefined ? {} : parsed)
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

const jsonType = 'application/json'
/** Answers below this are not worth a hold: the system's own buffers take them. */
const heldFrom = 64 * 1024

/**
 * JSON is serialised once, here, and goes out as bytes: to text the framework would add a charset, which JSON has none of.
 */
function send(
  { admission }: ServeContext,
  request: FastifyRequest,
  reply: FastifyReply,
  held: Held,
  result: unknown,
  stringify: (value: unknown) => string,
): FastifyReply {
  held.request?.release()
  dropBody(request, reply)
  const isReply = result instanceof Reply
  if (isReply) {
    reply.code(result.status).headers(result.headers)
    if (result.form === 'raw') return reply.send(result.body)
  }
  const bytes = Buffer.from(stringify(isReply ? result.body : result))
  if (bytes.length >= heldFrom) {
    const untaken = admission.bytes.open(held.party ?? 'unknown')
    reply.raw.once('finish', untaken.release).once('close', untaken.release)
    untaken.add(bytes.length)
  }
  return reply.header('content-type', jsonType).send(bytes)
}
