/**
 * One authenticated HTTP door to the homeserver that serves this page.
 *
 * An access token that ran out is renewed with the refresh token, once for all requests that hit
 * the wall together, and once for all tabs: a refresh token is good for one use, so a tab first looks whether
 * another has renewed the session that they share. A session that is gone for good is reported once.
 * URLs are relative, so that the same page works over HTTP and over app://.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens
 */
import { MatrixRequestError, ServerUnreachableError } from './errors.js'
import { isSameLogin, type LoginSession } from './login-session.js'

export type RequestOptions = {
  query?: Record<string, string | number | boolean | undefined>
  body?: unknown
  signal?: AbortSignal
  /** Without it the access token goes along when there is one. */
  isPublic?: boolean
  headers?: Record<string, string>
}

export type MatrixHttp = {
  /**
   * @param path from the root, e.g. `/_matrix/client/v3/joined_rooms`; parts already encoded
   * @returns the parsed body
   * @throws MatrixRequestError when the server refuses, ServerUnreachableError when it does not answer
   */
  request<Answer>(method: string, path: string, options?: RequestOptions): Promise<Answer>
  /** A raw response with the token along, for media. */
  fetchBlob(path: string, signal?: AbortSignal): Promise<Blob>
  /** A token that is good for at least half a minute. */
  freshAccessToken(): Promise<string>
  session(): LoginSession | undefined
}

type HttpNeeds = {
  /** Called with each renewed session, to be stored. */
  onRenewed(session: LoginSession): void
  /** The server no longer knows the session. */
  onSignedOut(): void
  /** The session as all tabs of this browser keep it. */
  readShared(): LoginSession | undefined
  /** Runs work of this kind in one tab at a time. */
  alone(work: () => Promise<void>): Promise<void>
}

/** For requests of nobody: before sign-in. */
export const withoutSession: HttpNeeds = {
  onRenewed: () => undefined,
  onSignedOut: () => undefined,
  readShared: () => undefined,
  alone: (work) => work(),
}

const renewAheadMs = 30_000

export function makeHttp(initial: LoginSession | undefined, needs: HttpNeeds): MatrixHttp {
  let session = initial
  let renewal: Promise<void> | undefined

  async function send(method: string, path: string, options: RequestOptions): Promise<Response> {
    const url = withQuery(path, options.query)
    const headers = new Headers(options.headers)
    if (session && !options.isPublic) headers.set('authorization', `Bearer ${session.accessToken}`)
    if (options.body !== undefined) headers.set('content-type', 'application/json')
    try {
      return await fetch(url, {
        method,
        headers,
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        ...(options.signal ? { signal: options.signal } : {}),
      })
    } catch (error) {
      if (options.signal?.aborted) throw error
      throw new ServerUnreachableError('the server does not answer', { cause: error })
    }
  }

  /** @returns whether another tab has renewed the session that `used` is the old form of */
  function takeShared(used: LoginSession | undefined): boolean {
    const shared = needs.readShared()
    if (!shared || !isSameLogin(shared, used) || shared.accessToken === used?.accessToken) return false
    session = shared
    return true
  }

  async function renew(): Promise<void> {
    const used = session
    if (takeShared(used)) return
    if (!used?.refreshToken) {
      needs.onSignedOut()
      throw new MatrixRequestError(401, 'M_UNKNOWN_TOKEN', 'signed out', undefined, {})
    }
    const response = await send('POST', '/_matrix/client/v3/refresh', {
      body: { refresh_token: used.refreshToken },
      isPublic: true,
    })
    if (response.status === 401 || response.status === 403) {
      if (takeShared(used)) return // it was faster, where tabs cannot wait for each other
      needs.onSignedOut()
    }
    const body = await readAnswer<{ access_token: string; refresh_token?: string; expires_in_ms?: number }>(response)
    session = { ...used, ...tokensOf(body), refreshToken: body.refresh_token ?? used.refreshToken }
    needs.onRenewed(session)
  }

  const renewOnce = () => {
    renewal ??= needs.alone(renew).finally(() => {
      renewal = undefined
    })
    return renewal
  }

  async function sendRenewing(method: string, path: string, options: RequestOptions): Promise<Response> {
    if (session?.expiresAt && session.expiresAt - Date.now() < renewAheadMs && !options.isPublic) await renewOnce()
    const used = session
    const response = await send(method, path, options)
    if (response.status !== 401 || options.isPublic || !used) return response
    const body = (await response
      .clone()
      .json()
      .catch(() => ({}))) as Record<string, unknown>
    if (body.errcode !== 'M_UNKNOWN_TOKEN') return response
    if (session === used) await renewOnce() // another request may have renewed it meanwhile
    return send(method, path, options)
  }

  return {
    session: () => session,
    request: async (method, path, options = {}) => readAnswer(await sendRenewing(method, path, options)),
    async fetchBlob(path, signal) {
      const response = await sendRenewing('GET', path, signal ? { signal } : {})
      if (!response.ok) await readAnswer(response)
      return response.blob()
    },
    async freshAccessToken() {
      if (session?.expiresAt && session.expiresAt - Date.now() < renewAheadMs) await renewOnce()
      if (!session) throw new MatrixRequestError(401, 'M_MISSING_TOKEN', 'not signed in', undefined, {})
      return session.accessToken
    },
  }
}

/** The token members of a login or refresh answer, as a session keeps them. */
export function tokensOf(body: { access_token: string; refresh_token?: string; expires_in_ms?: number }) {
  return {
    accessToken: body.access_token,
    ...(body.refresh_token ? { refreshToken: body.refresh_token } : {}),
    ...(body.expires_in_ms ? { expiresAt: Date.now() + body.expires_in_ms } : {}),
  }
}

function withQuery(path: string, query: RequestOptions['query']): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) params.set(name, String(value))
  const text = params.toString()
  return text ? `${path}?${text}` : path
}

async function readAnswer<Answer>(response: Response): Promise<Answer> {
  const text = await response.text()
  const body = parseJson(text)
  if (response.ok) return body as Answer
  const { errcode, error, retry_after_ms } = body as Record<string, unknown>
  throw new MatrixRequestError(
    response.status,
    typeof errcode === 'string' ? errcode : 'M_UNKNOWN',
    typeof error === 'string' ? error : `HTTP ${response.status}`,
    typeof retry_after_ms === 'number' ? retry_after_ms : undefined,
    body,
  )
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
  } catch {
    return {} // a proxy's page in place of an answer
  }
}
