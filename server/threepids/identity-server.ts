/**
 * What is asked of identity servers on behalf of a user: that others find them by an address, or no more.
 *
 * Spec: https://spec.matrix.org/v1.19/identity-service-api/#establishing-associations
 */
import { type FederationRequest, signRequest } from '../events/x-matrix.js'
import { invalidParam, MatrixError } from '../kernel/errors.js'
import { parseServerName, type ServerName, type UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Outbound } from '../outbound/outbound.js'
import { parseAnswer } from '../outbound/read-answer.js'
import type { Medium } from '../store/threepid-store.js'

export type IdentityServer = {
  /**
   * @returns the address that is bound now
   * @throws MatrixError 400 `M_INVALID_PARAM` for what is no server, 502 `M_UNKNOWN` where it does not answer, else its own refusal
   */
  bind(request: BindRequest): Promise<{ medium: Medium; address: string }>
  /** @returns whether it did; false where it cannot, or does not answer */
  unbind(server: string, userId: UserId, threepid: { medium: Medium; address: string }): Promise<boolean>
}

export type BindRequest = { server: string; accessToken: string; sid: string; clientSecret: string; userId: UserId }

const limits = { timeoutMs: 15_000, maxBytes: 64 * 1024 }

type Needs = {
  outbound: Pick<Outbound, 'exchange'>
  serverName: ServerName
  signingKey: Parameters<typeof signRequest>[1]
  logger: Pick<Logger, 'info'>
}

export function makeIdentityServer({ outbound, serverName, signingKey, logger }: Needs): IdentityServer {
  async function post(server: string, path: string, authorization: string, body: object) {
    const { status, body: bytes } = await outbound.exchange({
      url: new URL(`https://${server}${path}`),
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...limits,
      signal: new AbortController().signal,
    })
    return { status, answer: (parseAnswer(bytes.toString('utf8')) ?? {}) as Record<string, unknown> }
  }

  return {
    async bind({ server: given, accessToken, sid, clientSecret, userId }) {
      const server = checkName(given)
      const body = { sid, client_secret: clientSecret, mxid: userId }
      const { status, answer } = await post(
        server,
        '/_matrix/identity/v2/3pid/bind',
        `Bearer ${accessToken}`,
        body,
      ).catch(() => {
        throw new MatrixError(502, 'M_UNKNOWN', 'The identity server does not answer.')
      })
      const { medium, address } = answer
      if (status === 200 && (medium === 'email' || medium === 'msisdn') && typeof address === 'string')
        return { medium, address }
      throw new MatrixError(
        status >= 400 && status < 500 ? status : 502,
        'M_THREEPID_AUTH_FAILED',
        'The identity server refused.',
      )
    },

    async unbind(given, userId, threepid) {
      const server = parseServerName(given)
      if (!server) return false
      const path = '/_matrix/identity/v2/3pid/unbind'
      const content = { mxid: userId, threepid }
      const request: FederationRequest = { method: 'POST', uri: path, origin: serverName, destination: server, content }
      try {
        return (await post(server, path, signRequest(request, signingKey), content)).status === 200
      } catch {
        logger.info({ server }, 'an identity server could not be told to forget an address')
        return false
      }
    },
  }
}

function checkName(given: string): ServerName {
  const server = parseServerName(given)
  if (!server) throw invalidParam('id_server is no name of a server.')
  return server
}
