/**
 * What an endpoint is: a route, who may call it, the shapes it takes and gives, and one function.
 *
 * An endpoint names the operations it uses as `Needs`; `bindEndpoints` hands them over once, so
 * that a test can supply them and `server/index.ts` is the only place that knows where they live.
 * Shapes of requests are checked on every call; the shape of the answer is checked in tests only
 * (`checkResponses`), because a wrong answer is our bug and costs every client time to look for.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#api-standards
 */
import type { Readable } from 'node:stream'
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { ErrorCode } from '../kernel/errors.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Requester } from '../users/requester.js'
import { type DropNulls, nullsDroppedBy } from './absent-nulls.js'
import type { Reply } from './reply.js'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/**
 * Who may call:
 * - `access-token` a logged-in user (guests only with `guests: true`)
 * - `optional`     anyone; `requester` is there if a good token was sent, a bad token is refused
 * - `none`         anyone
 * - `signed`       another homeserver, by X-Matrix; `origin` is its name
 * - `admin`        a server administrator's access token; never at the federation listener
 * - `loopback`     seemingly a page or program on this machine (no proof: see `loopback.ts`); never at the federation listener
 */
export type Auth = 'access-token' | 'optional' | 'none' | 'signed' | 'admin' | 'loopback'

/** Which budget of `rate-limits.ts` a call is charged to; `none` for what must not fail (e.g. /versions). */
export type RateLimit =
  | 'none'
  | 'default'
  | 'message'
  | 'join'
  | 'invite'
  | 'create'
  | 'login'
  | 'registration'
  | 'media'
  | 'directory'

type RequesterOf<A extends Auth> = A extends 'access-token' | 'admin'
  ? Requester
  : A extends 'optional'
    ? Requester | undefined
    : undefined

type Shape<S> = S extends TSchema ? Static<S> : Record<string, never>
/** Without a `body` schema the body is not looked at; with `rawBody` it is a stream, read by the endpoint. */
type BodyOf<S, Raw> = Raw extends true ? Readable : S extends TSchema ? Static<S> : undefined

export type EndpointRequest<A extends Auth, P, Q, B, Raw> = {
  params: Shape<P>
  query: Shape<Q>
  body: BodyOf<B, Raw>
  requester: RequesterOf<A>
  /** The server that signed the request; only with auth `signed`. */
  origin: A extends 'signed' ? ServerName : undefined
  /** Path as it was asked for, without the query: the idempotency key of transaction IDs. */
  path: string
  /** Address of the caller, as text; behind a proxy on this machine the address that proxy names. */
  ip: string
  /** Whether the call comes from a page or program on this machine; see `loopback.ts`. */
  readonly isLoopback: boolean
  /** Lower-case names; a header that came twice is joined with ", ". */
  headers: Readonly<Record<string, string | undefined>>
  /** Aborted when the caller went away or the server closes: stop waiting then. */
  signal: AbortSignal
}

export type EndpointSpec<
  A extends Auth,
  P extends TSchema | undefined,
  Q extends TSchema | undefined,
  B extends TSchema | undefined,
  R extends TSchema | undefined,
  Raw extends boolean | undefined,
  Needs,
> = {
  /** The spec's operationId (ours for `/_hearth` and admin paths). */
  operationId: string
  method: Method
  /** Fastify's form, `:name` for a parameter; several where the spec has older or shorter forms of one route. */
  path: string | readonly string[]
  auth: A
  /** With `access-token`: guests may call it too. Spec: client-server-api, "Guest access". */
  guests?: boolean
  /** A locked user may call it too. Spec: client-server-api, "Account locking". */
  evenIfLocked?: boolean
  /** Speaks, or changes what others see: a suspended user may not. Spec: client-server-api, "Account suspension". */
  notIfSuspended?: boolean
  rateLimit?: RateLimit
  params?: P
  /** Numbers and booleans are converted; a list member takes one or many. */
  query?: Q
  /** JSON body. An empty body counts as `{}` where that fits. */
  body?: B
  /** Hands the body over as a stream, unparsed and unlimited: the endpoint limits it. */
  rawBody?: Raw
  /** Largest JSON body in bytes; default 10 MiB. Larger: 413 `M_TOO_LARGE`. */
  maxBodyBytes?: number
  /** Deepest nesting of the JSON body; default 100. Deeper: 400 `M_BAD_JSON`. */
  maxBodyDepth?: number
  /** Shape of a 200 answer; leave out for streams and other non-JSON. */
  response?: R
  /** What it may refuse with, besides what every endpoint may (token, shape, rate limit). */
  errors?: readonly ErrorCode[]
  handle(request: EndpointRequest<A, P, Q, B, Raw>, needs: Needs): Promise<Answer<R> | Reply> | Answer<R> | Reply
}

type Answer<R> = R extends TSchema ? Static<R> : object

/** A request as `serve.ts` has it: authenticated, its parts parsed but their shapes not yet known. */
export type IncomingRequest = {
  params: unknown
  query: unknown
  body: unknown
  requester: Requester | undefined
  origin: ServerName | undefined
  path: string
  ip: string
  readonly isLoopback: boolean
  headers: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

type Check = (value: unknown) => string | undefined

/** An endpoint whose own types are forgotten; `Needs` stays, so that nothing is bound without what it uses. */
export type Endpoint<Needs> = {
  readonly operationId: string
  readonly method: Method
  readonly paths: readonly string[]
  readonly auth: Auth
  readonly guests: boolean
  readonly evenIfLocked: boolean
  readonly notIfSuspended: boolean
  readonly rateLimit: RateLimit
  readonly hasBody: boolean
  readonly rawBody: boolean
  readonly maxBodyBytes: number
  readonly maxBodyDepth: number
  readonly params: TSchema | undefined
  readonly query: TSchema | undefined
  readonly errors: readonly ErrorCode[]
  /** Each answers what is wrong, or undefined. */
  readonly checkParams: Check
  readonly checkQuery: Check
  readonly checkBody: Check
  readonly dropNulls: DropNulls
  readonly checkResponse: Check
  // A property, not a method: its parameter must stay contravariant, so that a list of endpoints
  // needs the intersection of all their needs.
  readonly run: (request: IncomingRequest, needs: Needs) => Promise<unknown> | unknown
}

export function defineEndpoint<
  const A extends Auth,
  Needs,
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
  R extends TSchema | undefined = undefined,
  Raw extends boolean | undefined = undefined,
>(spec: EndpointSpec<A, P, Q, B, R, Raw, Needs>): Endpoint<Needs> {
  type Typed = EndpointRequest<A, P, Q, B, Raw>
  return {
    operationId: spec.operationId,
    method: spec.method,
    paths: typeof spec.path === 'string' ? [spec.path] : spec.path,
    auth: spec.auth,
    guests: spec.guests ?? false,
    evenIfLocked: spec.evenIfLocked ?? false,
    notIfSuspended: spec.notIfSuspended ?? false,
    rateLimit: spec.rateLimit ?? 'default',
    hasBody: spec.body !== undefined,
    rawBody: spec.rawBody ?? false,
    maxBodyBytes: spec.maxBodyBytes ?? 10 * 1024 * 1024,
    maxBodyDepth: spec.maxBodyDepth ?? 100,
    params: spec.params,
    query: spec.query,
    errors: spec.errors ?? [],
    checkParams: checkOf(spec.params),
    checkQuery: checkOf(spec.query),
    checkBody: checkOf(spec.body),
    dropNulls: nullsDroppedBy(spec.body),
    checkResponse: checkOf(spec.response),
    // The shapes were checked by `serve.ts` with the checks above before this is called.
    run: (request, needs) => spec.handle(request as Typed, needs),
  }
}

/** An endpoint with its needs: ready to be served. */
export type BoundEndpoint = Endpoint<void>

/**
 * Gives a list of endpoints what they need. `needs` may be a function for parts that are built
 * later (after onboarding); until it answers, calls fail with whatever it throws.
 */
export function bindEndpoints<Needs extends object>(
  endpoints: readonly Endpoint<Needs>[],
  needs: Needs | (() => Needs),
): BoundEndpoint[] {
  const read = typeof needs === 'function' ? (needs as () => Needs) : () => needs
  return endpoints.map((endpoint) => ({ ...endpoint, run: (request) => endpoint.run(request, read()) }))
}

/** What every endpoint of a list needs together: the intersection of their needs. */
export type NeedsOf<List extends readonly Endpoint<never>[]> = [List[number]] extends [
  { run: (request: IncomingRequest, needs: infer Needs) => unknown },
]
  ? Needs
  : never

/** Compiled at first use, so that starting up does not pay for two hundred endpoints at once. */
function checkOf(schema: TSchema | undefined): Check {
  if (!schema) return () => undefined
  let compiled: ReturnType<typeof Compile> | undefined
  return (value) => {
    compiled ??= Compile(schema)
    if (compiled.Check(value)) return undefined
    const [first] = compiled.Errors(value)
    return first
      ? `${first.instancePath.slice(1).replaceAll('/', '.') || 'it'} ${first.message}`
      : 'it has a wrong shape'
  }
}
