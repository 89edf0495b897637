/**
 * Requests to other homeservers: found by discovery, signed with X-Matrix, bounded in time and
 * size, and counted for or against the destination's health.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#authentication
 */
import { canonicalJson } from '../events/canonical-json.js'
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { SigningKey } from '../events/signatures.js'
import { signRequest } from '../events/x-matrix.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Destinations } from './destinations.js'
import { FederationError } from './federation-error.js'
import { parseAnswer } from './parse-answer.js'
import type { ResolveServerName } from './resolve-server-name.js'
import type { IsServerAllowed } from './server-policy.js'
import type { Exchange, RawAnswer, StreamAnswer, Transport } from './transport.js'

export type FederationRequest = {
  destination: ServerName
  method: 'GET' | 'POST' | 'PUT'
  /** Path, its parameters already escaped (see `pathOf`). */
  path: string
  query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>
  content?: JsonObject
  /** Default 30 s, over the whole exchange. */
  timeoutMs?: number
  /** Largest answer, default 1 MiB. */
  maxBytes?: number
  /** What this answer may cost together with others: its length is taken off. */
  allowance?: Allowance
  /** Asks even where the destination failed lately: somebody is waiting for exactly this server. */
  ignoreBackoff?: boolean
  /** Key queries carry no signature. */
  unsigned?: boolean
  /** The answer is `[200, {…}]`, as some old endpoints have it. */
  isPair?: boolean
  signal?: AbortSignal
}

/** Bytes that the answers to several questions may have in all. */
export type Allowance = { bytes: number }

export type FederationClient = {
  /** The JSON object of a 2xx answer. Throws FederationError. */
  request(request: FederationRequest): Promise<JsonObject>
  /** A 2xx answer whose body is still coming: media. Throws FederationError. */
  requestStream(request: FederationRequest): Promise<StreamAnswer>
  /** What an answer redirected to, over https only and without our signature. Throws FederationError. */
  followStream(
    destination: ServerName,
    url: URL,
    options: { timeoutMs: number; signal: AbortSignal },
  ): Promise<StreamAnswer>
}

/** Fills `:name` in a path with escaped values. */
export const pathOf = (template: string, params: Readonly<Record<string, string>>): string =>
  template.replace(/:([a-zA-Z]+)/g, (_match, name: string) => encodeURIComponent(params[name]!))

type Needs = {
  serverName: ServerName
  signingKey: SigningKey
  resolveServerName: ResolveServerName
  transport: Transport
  destinations: Destinations
  isServerAllowed: IsServerAllowed
}

const defaults = { timeoutMs: 30_000, maxBytes: 1024 * 1024, maxDepth: 100 }

export function makeFederationClient(needs: Needs): FederationClient {
  const { destinations } = needs

  /** Policy, backoff and bookkeeping around one exchange. */
  async function checked<Answer extends { status: number }>(
    { destination, ignoreBackoff }: FederationRequest,
    run: () => Promise<Answer>,
    refusalOf: (answer: Answer) => FederationError | Promise<FederationError>,
  ): Promise<Answer> {
    if (destination === needs.serverName)
      throw new FederationError(destination, 'not-allowed', 'that is this server itself')
    if (!needs.isServerAllowed(destination))
      throw new FederationError(destination, 'not-allowed', 'excluded by configuration')
    if (!ignoreBackoff) destinations.checkDue(destination)
    try {
      const answer = await run()
      if (answer.status < 200 || answer.status > 299) throw await refusalOf(answer)
      destinations.succeeded(destination)
      return answer
    } catch (error) {
      const failure =
        error instanceof FederationError ? error : new FederationError(destination, 'connect', String(error))
      if (failure.isOutage) destinations.failed(destination, failure)
      else if (failure.failure === 'refused') destinations.succeeded(destination) // it answered: it lives
      throw failure
    }
  }

  return {
    async request(request) {
      const { destination, timeoutMs = defaults.timeoutMs, allowance } = request
      const { maxBytes: most = defaults.maxBytes } = request
      const maxBytes = Math.min(most, allowance?.bytes ?? most)
      const usedUp = () => new FederationError(destination, 'aborted', 'was not asked for still more')
      if (maxBytes <= 0) throw usedUp()
      const run = async () => {
        const send = (sent: Sent) => needs.transport.exchange({ ...sent, timeoutMs, maxBytes })
        try {
          const answer = await exchange(needs, request, send)
          if (allowance) allowance.bytes -= answer.body.length
          return answer
        } catch (error) {
          if (!allowance || !(error instanceof FederationError) || error.failure !== 'too-large') throw error
          allowance.bytes -= maxBytes
          throw maxBytes < most ? usedUp() : error // what we ask for less than an answer may have is not its fault
        }
      }
      const { body } = await checked(request, run, (answer) => refusal(destination, answer))
      return readAnswer(destination, body, request.isPair)
    },
    requestStream(request) {
      const { destination, timeoutMs = defaults.timeoutMs } = request
      const run = () => exchange(needs, request, (sent) => needs.transport.open({ ...sent, timeoutMs }))
      return checked(request, run, (answer) => streamRefusal(destination, answer))
    },
    async followStream(destination, url, { timeoutMs, signal }) {
      if (url.protocol !== 'https:')
        throw new FederationError(destination, 'bad-answer', 'redirected to something that is not https')
      const host = url.hostname.replace(/^\[|\]$/g, '')
      const target = {
        host,
        port: url.port === '' ? 443 : Number(url.port),
        hostHeader: url.host,
        certificateFor: host,
      }
      const uri = url.pathname + url.search
      const answer = await needs.transport.open({
        destination,
        target,
        method: 'GET',
        uri,
        headers: {},
        timeoutMs,
        signal,
      })
      if (answer.status !== 200) throw await streamRefusal(destination, answer)
      return answer
    },
  }
}

type Sent = Omit<Exchange, 'timeoutMs' | 'maxBytes'>

async function exchange<Answer>(
  needs: Needs,
  request: FederationRequest,
  send: (sent: Sent) => Promise<Answer>,
): Promise<Answer> {
  const { destination, method, content } = request
  const uri = request.path + queryString(request.query ?? {})
  const body = content === undefined ? undefined : canonicalJson(content, { strict: false })
  const headers: Record<string, string> = { 'user-agent': 'Hearth', accept: 'application/json, multipart/mixed' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (!request.unsigned)
    headers.authorization = signRequest(
      { method, uri, origin: needs.serverName, destination, content },
      needs.signingKey,
    )
  const targets = await needs.resolveServerName(destination)
  let failure: unknown
  for (const target of targets.slice(0, 4)) {
    try {
      return await send({
        destination,
        target,
        method,
        uri,
        headers,
        ...(body !== undefined && { body }),
        ...(request.signal && { signal: request.signal }),
      })
    } catch (error) {
      failure = error
      // Only where nothing was sent may the next SRV target be tried.
      const isUnreached =
        error instanceof FederationError && ['connect', 'name', 'private-address'].includes(error.failure)
      if (!isUnreached) break
    }
  }
  throw failure
}

function queryString(query: NonNullable<FederationRequest['query']>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    const values = value === undefined ? [] : Array.isArray(value) ? value : [value]
    return values.map((each) => `${encodeURIComponent(name)}=${encodeURIComponent(String(each))}`)
  })
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

async function readAnswer(destination: ServerName, body: Buffer, isPair = false): Promise<JsonObject> {
  const whole = await parseAnswer(body, defaults.maxDepth)
  const parsed = isPair && Array.isArray(whole) ? (whole as unknown[])[1] : whole
  if (!isJsonObject(parsed)) throw new FederationError(destination, 'bad-answer', 'did not answer with a JSON object')
  return parsed
}

const maxRefusalBytes = 65_536

async function streamRefusal(
  destination: ServerName,
  { status, headers, body }: StreamAnswer,
): Promise<FederationError> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxRefusalBytes) break
    chunks.push(chunk)
  }
  return refusal(destination, { status, headers, body: Buffer.concat(chunks) })
}

async function refusal(destination: ServerName, { status, body: bytes }: RawAnswer): Promise<FederationError> {
  const parsed = bytes.length <= maxRefusalBytes ? await parseAnswer(bytes, defaults.maxDepth) : undefined
  const body: Record<string, unknown> = isJsonObject(parsed) ? { ...parsed } : {}
  const errcode = typeof body.errcode === 'string' ? body.errcode : undefined
  const error = typeof body.error === 'string' ? body.error.slice(0, 300) : undefined
  const detail = `answered ${status}${errcode ? ` ${errcode}` : ''}`
  return new FederationError(destination, 'refused', detail, {
    status,
    body,
    ...(errcode !== undefined && { errcode }),
    ...(error !== undefined && { error }),
  })
}
