/**
 * X-Matrix: how one server proves to another who sends a request.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 */
import type { KeyObject } from 'node:crypto'
import { parseServerName, type ServerName } from '../kernel/identifiers.js'
import type { JsonObject } from './pdu.js'
import { type SigningKey, signJson, verifyJson } from './signatures.js'

/** The facts of a request that are signed. `uri` is path and query as sent; names are those before delegation. */
export type FederationRequest = {
  readonly method: string
  readonly uri: string
  readonly origin: ServerName
  readonly destination: ServerName
  /** The parsed body; left out where there is none. */
  readonly content?: unknown
}

export type XMatrix = {
  readonly origin: ServerName
  /** Absent from the requests of older servers. */
  readonly destination?: ServerName
  /** Key ID with its algorithm. */
  readonly key: string
  readonly sig: string
}

/** The object whose canonical JSON is signed. */
function requestJson({ method, uri, origin, destination, content }: FederationRequest): JsonObject {
  return content === undefined ? { method, uri, origin, destination } : { method, uri, origin, destination, content }
}

/** The value of the Authorization header for a request of ours. */
export function signRequest(request: FederationRequest, key: SigningKey): string {
  const sig = signJson(requestJson(request), request.origin, key).signatures[request.origin]?.[key.keyId] ?? ''
  const { origin, destination } = request
  return `X-Matrix origin=${quoted(origin)},destination=${quoted(destination)},key=${quoted(key.keyId)},sig=${quoted(sig)}`
}

const quoted = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`

/** The signed object of a received request, for `verifyJson` with the origin's key `auth.key`. */
export function requestJsonToVerify(request: FederationRequest, auth: XMatrix): JsonObject {
  return { ...requestJson(request), signatures: { [auth.origin]: { [auth.key]: auth.sig } } }
}

/** Whether the header was made for this very request with this key of its origin. */
export function verifyRequest(request: FederationRequest, auth: XMatrix, publicKey: string | KeyObject): boolean {
  if (request.origin !== auth.origin) return false
  if (auth.destination !== undefined && auth.destination !== request.destination) return false
  return verifyJson(requestJsonToVerify(request, auth), auth.origin, auth.key, publicKey)
}

/**
 * Reads an Authorization header. Blanks, order, letter case of names, missing quotes and unknown
 * parameters do not matter.
 *
 * @returns undefined where it is not X-Matrix, lacks a parameter, or names one twice
 */
export function parseXMatrix(header: string): XMatrix | undefined {
  const params = parseAuthParams(header)
  const origin = parseServerName(params?.get('origin'))
  const key = params?.get('key')
  const sig = params?.get('sig')
  if (!params || !origin || !key || !sig) return undefined
  if (!params.has('destination')) return { origin, key, sig }
  const destination = parseServerName(params.get('destination'))
  return destination && { origin, destination, key, sig }
}

const scheme = /^X-Matrix[ \t]+/i
// One parameter and the comma after it. The classes exclude each other, so matching is linear.
const parameter = /([A-Za-z0-9_!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))[ \t]*(?:,[ \t]*|$)/y

function parseAuthParams(header: string): Map<string, string> | undefined {
  const start = scheme.exec(header)
  if (!start) return undefined
  const params = new Map<string, string>()
  parameter.lastIndex = start[0].length
  while (parameter.lastIndex < header.length) {
    const match = parameter.exec(header)
    if (!match) return undefined
    const name = match[1]!.toLowerCase()
    if (params.has(name)) return undefined
    params.set(name, match[2]?.replace(/\\(.)/g, '$1') ?? match[3]!)
  }
  return params
}
