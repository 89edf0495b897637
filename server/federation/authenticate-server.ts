/**
 * Who sent a signed request: X-Matrix checked against the key that the origin published.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 */
import { parseXMatrix, verifyRequest, type XMatrix } from '../events/x-matrix.js'
import type { Clock } from '../kernel/clock.js'
import { forbidden, MatrixError } from '../kernel/errors.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { KeyRing } from '../keys/key-ring.js'
import type { Destinations } from './destinations.js'
import type { IsServerAllowed } from './server-policy.js'

export type SignedRequest = {
  method: string
  /** Path and query as sent. */
  uri: string
  authorization: string | undefined
}

/**
 * Judges the header of a request before its body is read.
 *
 * @returns what checks the signature over the parsed body (undefined where there is none), and gives the origin's name
 * @throws MatrixError 401 for a header that is none, 403 for a server that is excluded; the function returned throws
 *   401 for a signature that does not verify
 */
export type AdmitServer = (request: SignedRequest) => (content: unknown) => Promise<ServerName>

type Needs = {
  serverName: ServerName
  keyRing: KeyRing
  clock: Clock
  destinations: Pick<Destinations, 'heardFrom'>
  isServerAllowed: IsServerAllowed
}

const unauthorized = (message: string) => new MatrixError(401, 'M_UNAUTHORIZED', message)

export function makeAdmitServer(needs: Needs): AdmitServer {
  return ({ method, uri, authorization }) => {
    const auth = authorization === undefined ? undefined : parseXMatrix(authorization)
    if (!auth) throw unauthorized('The request is not signed by a homeserver.')
    const { origin } = auth
    if (auth.destination !== undefined && auth.destination !== needs.serverName)
      throw unauthorized('The request was meant for another server.')
    if (origin === needs.serverName) throw unauthorized('A server does not send requests to itself.')
    // Before any key is fetched: an excluded server cannot make us ask for anything.
    if (!needs.isServerAllowed(origin)) throw forbidden('This server does not talk to yours.')
    return async (content) => {
      const publicKey = await currentKey(needs, auth)
      const request = { method, uri, origin, destination: needs.serverName, content }
      if (publicKey === undefined || !verifyRequest(request, auth, publicKey))
        throw unauthorized('The signature of the request does not verify.')
      needs.destinations.heardFrom(origin)
      return origin
    }
  }
}

/** A request must be signed with a key that is valid now. */
async function currentKey({ keyRing, clock }: Needs, { origin, key: keyId }: XMatrix) {
  const find = () => {
    const key = keyRing.find(origin, keyId)
    return key && key.expiredTs === undefined && key.validUntilTs >= clock.now() ? key.publicKey : undefined
  }
  if (!keyId.startsWith('ed25519:') || keyId.length > 255) return undefined
  const known = find()
  if (known !== undefined) return known
  await keyRing.fetch([{ serverName: origin, keyId }])
  return find()
}
