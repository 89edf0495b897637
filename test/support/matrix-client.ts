/** A small Matrix client for tests and benches: fetch, a token, and errors that say what was asked. */
import { randomBytes } from 'node:crypto'
import { Agent, request } from 'undici'

export type Json = Record<string, unknown>

const agent = new Agent({ connections: 128, pipelining: 1, keepAliveTimeout: 30_000 })

export class MatrixClient {
  /** Of its own for each client: a login that is taken up again must not repeat what it sent before. */
  readonly #run = randomBytes(6).toString('base64url')
  #txn = 0

  constructor(
    readonly url: string,
    readonly userId: string,
    readonly accessToken: string,
    readonly deviceId: string,
  ) {}

  static async register(url: string, username: string, password = 'correct horse'): Promise<MatrixClient> {
    const body = { username, password, auth: { type: 'm.login.dummy' } }
    const answer = await call(url, 'POST', '/_matrix/client/v3/register', body)
    return MatrixClient.fromLogin(url, answer)
  }

  static async login(url: string, username: string, password = 'correct horse'): Promise<MatrixClient> {
    const identifier = { type: 'm.id.user', user: username }
    const answer = await call(url, 'POST', '/_matrix/client/v3/login', {
      type: 'm.login.password',
      identifier,
      password,
    })
    return MatrixClient.fromLogin(url, answer)
  }

  static fromLogin(url: string, answer: Json): MatrixClient {
    return new MatrixClient(url, String(answer.user_id), String(answer.access_token), String(answer.device_id))
  }

  /** The same login at another address, after a restart. */
  at(url: string): MatrixClient {
    return new MatrixClient(url, this.userId, this.accessToken, this.deviceId)
  }

  call(method: string, path: string, body?: Json): Promise<Json> {
    return call(this.url, method, path, body, this.accessToken)
  }

  async createRoom(body: Json = {}): Promise<string> {
    return String((await this.call('POST', '/_matrix/client/v3/createRoom', body)).room_id)
  }

  join = (roomId: string) => this.call('POST', `/_matrix/client/v3/join/${encodeURIComponent(roomId)}`, {})

  /** @returns the event's ID */
  async send(roomId: string, content: Json, txnId = `t${this.#run}${this.#txn++}`): Promise<string> {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${txnId}`
    return String((await this.call('PUT', path, content)).event_id)
  }

  sync(query: Record<string, string | number> = {}): Promise<Json> {
    const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))
    return this.call('GET', `/_matrix/client/v3/sync?${text}`)
  }
}

export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly body: Json,
    what: string,
  ) {
    super(`${what}: ${status} ${JSON.stringify(body)}`)
  }
}

/** @throws RequestError for any status but 200; an error of undici where nobody answers */
export async function call(url: string, method: string, path: string, body?: Json, token?: string): Promise<Json> {
  const answer = await request(url + path, {
    method: method as 'GET',
    dispatcher: agent,
    headers: {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
    headersTimeout: 120_000,
    bodyTimeout: 120_000,
  })
  const json = (await answer.body.json()) as Json
  if (answer.statusCode !== 200) throw new RequestError(answer.statusCode, json, `${method} ${path}`)
  return json
}
