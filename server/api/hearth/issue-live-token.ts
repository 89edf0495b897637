/**
 * POST /_hearth/client/v1/live_token (operationId `issueLiveToken`)
 *
 * Exchanges the access token for one with which the database can be read live, at most an hour long.
 * `url` is where an unmodified SurrealDB SDK connects; see docs/live-api.md.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { Clock } from '../../kernel/clock.js'
import type { IssueLiveToken } from '../../users/issue-live-token.js'

type Needs = {
  issueLiveToken: IssueLiveToken
  clock: Pick<Clock, 'now'>
  liveDatabase: { namespace: string; database: string }
  /** Of the client listener; undefined where there is none. */
  clientUrl(): string | undefined
}

/** Where the caller reached us, as a WebSocket address. Without a port it was no socket: the desktop app itself. */
function liveUrl(headers: Readonly<Record<string, string | undefined>>, clientUrl: string | undefined): string {
  const isProxied = headers['x-forwarded-proto'] === 'https'
  const base = headers.host?.includes(':') || isProxied ? `http://${headers.host}` : (clientUrl ?? 'http://127.0.0.1')
  const url = new URL('/_hearth/live/rpc', base)
  url.protocol = isProxied ? 'wss:' : 'ws:'
  return url.href
}

export const issueLiveTokenEndpoint = defineEndpoint({
  operationId: 'issueLiveToken',
  method: 'POST',
  path: '/_hearth/client/v1/live_token',
  auth: 'access-token',
  response: Type.Object({
    token: Type.String(),
    expires_in_ms: Type.Integer(),
    url: Type.String(),
    namespace: Type.String(),
    database: Type.String(),
  }),
  async handle({ requester, headers }, hs: Needs) {
    const { token, expiresAtMs } = await hs.issueLiveToken(requester)
    return {
      token,
      expires_in_ms: Math.max(0, expiresAtMs - hs.clock.now()),
      url: liveUrl(headers, hs.clientUrl()),
      namespace: hs.liveDatabase.namespace,
      database: hs.liveDatabase.database,
    }
  },
})
