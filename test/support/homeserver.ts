/**
 * A homeserver for tests: real routes, rooms and store, RocksDB in a temporary directory, no sockets
 * unless asked for. Every answer is checked against the endpoint's own schema and the specification's.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { type Homeserver, startHomeserver as startReal } from '../../server/index.js'
import { type Clock, systemClock } from '../../server/kernel/clock.js'
import { defaultConfig, type HomeserverConfig } from '../../server/kernel/config.js'
import type { ServerName, UserId } from '../../server/kernel/identifiers.js'
import { createLogger } from '../../server/kernel/logger.js'
import { fileSecretBox } from '../../server/kernel/secrets.js'
import { checkExchange } from './spec.js'

export type TestHomeserverOptions = {
  /** Localparts of accounts to make; each is logged in once. */
  users?: readonly string[]
  /** Those of them who are administrators. */
  admins?: readonly string[]
  /** Default `test`; null starts a server that still has to be set up. */
  serverName?: string | null
  /** Opens the client listener on a free port. */
  sockets?: boolean
  clock?: Clock
  /** Changes the configuration before the start. */
  config?: (config: HomeserverConfig) => void
  /** A data directory to start on again; it is kept then. */
  dataDir?: string
  /** Takes every line of the log, down to the finest. */
  log?: (line: string) => void
}

export type Answer = {
  status: number
  /** Parsed JSON, or the bytes of anything else. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body
  body: any
  headers: Headers
}

export type RequestOptions = {
  body?: unknown
  headers?: Record<string, string>
  token?: string | undefined
  signal?: AbortSignal
}

export type TestHomeserver = AsyncDisposable & {
  readonly server: Homeserver
  readonly dataDir: string
  readonly config: HomeserverConfig
  /** A user made with `users`, or logged in by `logIn`. */
  as(localpart: string): TestClient
  /** Makes an account and logs it in. */
  register(localpart: string, admin: boolean): Promise<TestClient>
  /** Logs a user in on a new device. */
  logIn(localpart: string, extra?: Record<string, unknown>): Promise<TestClient>
  /** Any request; a path that does not begin with `/_` or `/.` is under `/_matrix/client/v3`. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>
  close(): Promise<void>
}

export const passwordOf = (localpart: string) => `password of ${localpart}`

export async function startHomeserver(options: TestHomeserverOptions = {}): Promise<TestHomeserver> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'hearth-test-')))
  const config = configFor(dataDir, options)
  const logger = options.log
    ? createLogger('trace', { write: options.log })
    : pino({ level: process.env.HEARTH_TEST_LOG ?? 'silent' }, pino.destination(2))
  const server = await startReal(config, {
    logger,
    secrets: fileSecretBox,
    clock: options.clock ?? systemClock,
    inProcessOnly: !options.sockets,
    checkResponses: true,
  })
  const hs = makeTestHomeserver(server, config, dataDir, options.dataDir !== undefined)
  for (const localpart of options.users ?? [])
    await hs.register(localpart, options.admins?.includes(localpart) ?? false)
  return hs
}

function configFor(dataDir: string, options: TestHomeserverOptions): HomeserverConfig {
  const config = defaultConfig(dataDir)
  if (options.serverName !== null) config.server_name = (options.serverName ?? 'test') as ServerName
  config.listeners.client.port = 0
  config.listeners.federation.port = 0
  config.password_hashing.cost = 'test'
  config.rate_limits.enabled = false
  Object.assign(config.registration, { enabled: true, dummy_flow: true, shared_secret: 'test secret' })
  options.config?.(config)
  return config
}

function makeTestHomeserver(server: Homeserver, config: HomeserverConfig, dataDir: string, keepsDataDir: boolean) {
  const clients = new Map<string, TestClient>()

  async function request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const { body, headers = {}, token, signal } = options
    const url = /^\/[_.]|^\/(health|metrics)/.test(path) ? path : `/_matrix/client/v3${path}`
    const isRaw = typeof body === 'string' || body instanceof Uint8Array
    const response = await server.handle(
      new Request(`http://localhost${url}`, {
        method,
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
        ...(body !== undefined && { body: isRaw ? (body as BodyInit) : JSON.stringify(body) }),
        ...(signal && { signal }),
      }),
    )
    const answer = { status: response.status, body: await readBody(response), headers: response.headers }
    const isJson = response.headers.get('content-type')?.startsWith('application/json')
    const wrong = checkExchange({
      method,
      url,
      status: answer.status,
      body: isJson ? answer.body : undefined,
      headers: answer.headers,
    })
    if (wrong.length > 0)
      throw new Error(
        `${method} ${url} answered ${answer.status} against the specification: ${wrong.join('; ')}\n${JSON.stringify(answer.body)}`,
      )
    return answer
  }

  const keep = (localpart: string, login: Answer): TestClient => {
    if (login.status !== 200) throw new Error(`${localpart} cannot log in: ${JSON.stringify(login.body)}`)
    const client = new TestClient(request, login.body)
    if (!clients.has(localpart)) clients.set(localpart, client)
    return client
  }

  const hs = {
    server,
    config,
    dataDir,
    request,
    as(localpart: string): TestClient {
      const client = clients.get(localpart)
      if (!client) throw new Error(`there is no user ${localpart} in this test`)
      return client
    },
    async register(localpart: string, admin: boolean): Promise<TestClient> {
      const password = passwordOf(localpart)
      if (admin) return keep(localpart, await registerWithSecret(request, config, localpart, password))
      const body = { username: localpart, password, auth: { type: 'm.login.dummy' } }
      return keep(localpart, await request('POST', '/register', { body }))
    },
    async logIn(localpart: string, extra: Record<string, unknown> = {}): Promise<TestClient> {
      const identifier = { type: 'm.id.user', user: localpart }
      const body = { type: 'm.login.password', identifier, password: passwordOf(localpart), ...extra }
      return keep(localpart, await request('POST', '/login', { body }))
    },
    async close(): Promise<void> {
      await server.close()
      if (!keepsDataDir) await rm(dataDir, { recursive: true, force: true })
    },
    [Symbol.asyncDispose]: () => hs.close(),
  }
  return hs
}

async function registerWithSecret(
  request: TestHomeserver['request'],
  config: HomeserverConfig,
  username: string,
  password: string,
): Promise<Answer> {
  const { createHmac } = await import('node:crypto')
  const { nonce } = (await request('GET', '/_synapse/admin/v1/register')).body
  const parts = [nonce, username, password, 'admin'].join('\0')
  const mac = createHmac('sha1', config.registration.shared_secret!).update(parts).digest('hex')
  return request('POST', '/_synapse/admin/v1/register', { body: { nonce, username, password, admin: true, mac } })
}

async function readBody(response: Response): Promise<unknown> {
  const bytes = Buffer.from(await response.arrayBuffer())
  return response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(bytes.toString()) : bytes
}

/** One device of one user. Requests answer whatever comes; the named operations throw where they are refused. */
export class TestClient {
  readonly userId: UserId
  readonly deviceId: string
  token: string
  readonly login: { user_id: UserId; device_id: string; access_token: string } & Record<string, unknown>
  readonly #request: TestHomeserver['request']

  constructor(request: TestHomeserver['request'], login: TestClient['login']) {
    this.#request = request
    this.login = login
    this.userId = login.user_id
    this.deviceId = login.device_id
    this.token = login.access_token
  }

  request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.#request(method, path, { token: this.token, ...options })
  }
  get = (path: string, options?: RequestOptions) => this.request('GET', path, options)
  put = (path: string, body: unknown = {}, options?: RequestOptions) => this.request('PUT', path, { body, ...options })
  post = (path: string, body: unknown = {}, options?: RequestOptions) =>
    this.request('POST', path, { body, ...options })
  delete = (path: string, body?: unknown) => this.request('DELETE', path, body === undefined ? {} : { body })

  async #must(answer: Promise<Answer>): Promise<Answer['body']> {
    const { status, body } = await answer
    if (status !== 200) throw new Error(`refused with ${status}: ${JSON.stringify(body)}`)
    return body
  }

  /** @returns the room's ID */
  createRoom = async (request: Record<string, unknown> = {}): Promise<string> =>
    (await this.#must(this.post('/createRoom', request))).room_id
  joinRoom = (roomIdOrAlias: string) => this.#must(this.post(`/join/${encodeURIComponent(roomIdOrAlias)}`))
  leaveRoom = (roomId: string) => this.#must(this.post(`/rooms/${encodeURIComponent(roomId)}/leave`))
  invite = (roomId: string, user: TestClient) =>
    this.#must(this.post(`/rooms/${encodeURIComponent(roomId)}/invite`, { user_id: user.userId }))

  /** Sends a text message. @returns the event's ID */
  async say(roomId: string, text: string, txnId = `t${nextTxnId++}`): Promise<string> {
    const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${txnId}`
    return (await this.#must(this.put(path, { msgtype: 'm.text', body: text }))).event_id
  }

  /** Texts of the room's messages, oldest first. */
  async timeline(roomId: string): Promise<string[]> {
    const page = await this.#must(this.get(`/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=100`))
    const events = page.chunk as { type: string; content: { body?: string } }[]
    return events
      .flatMap(({ type, content }) => (type === 'm.room.message' && content.body ? [content.body] : []))
      .reverse()
  }
}

let nextTxnId = 1
