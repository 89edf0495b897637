/**
 * What the server reads of keys that clients sign: their names, whose they are, and when two are the same.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#key-algorithms
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../events/canonical-json.js'
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import { MatrixError } from '../kernel/errors.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { NamedKey } from '../store/one-time-key-store.js'

/** By user ID and key ID. */
export type SignaturesByUser = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Whatever else a client says there is signed as well, so it is kept. */
export type DeviceKeys = JsonObject & {
  readonly user_id: UserId
  readonly device_id: DeviceId
  readonly algorithms: readonly string[]
  readonly keys: Readonly<Record<string, string>>
  readonly signatures: SignaturesByUser
}

/** A one-time or fallback key: the bare public key, or an object with it and its signatures. */
export type KeyObject = string | (JsonObject & { readonly key: string })

/** Longest algorithm and key ID that is taken. */
const maxNameLength = 255

/** `<algorithm>:<key_id>` taken apart; undefined for anything else. */
export function parseKeyName(name: string): NamedKey | undefined {
  const colon = name.indexOf(':')
  if (colon < 1 || colon === name.length - 1 || name.length > maxNameLength) return undefined
  return { algorithm: name.slice(0, colon), key_id: name.slice(colon + 1) }
}

export const nameOfKey = ({ algorithm, key_id }: NamedKey) => `${algorithm}:${key_id}`

/** The text that is kept; equal for keys that differ in the order of their members alone. */
export function textOfKey(key: KeyObject | JsonObject): string {
  try {
    return canonicalJson(key, { strict: false })
  } catch {
    throw new MatrixError(400, 'M_BAD_JSON', 'A key has no canonical JSON.')
  }
}

/** Two uploads of one key may be signed differently. */
export function isSameKey(a: KeyObject, b: KeyObject): boolean {
  return textOfKey(unsigned(a)) === textOfKey(unsigned(b))
}

/** By which a key is known after it was given out. */
export const hashOfKey = (key: KeyObject): string =>
  createHash('sha256')
    .update(textOfKey(unsigned(key)))
    .digest('base64url')

function unsigned(key: KeyObject): KeyObject {
  if (typeof key === 'string') return key
  const { signatures: _, ...rest } = key
  return rest as KeyObject
}

/** A copy with more signatures, by user ID and key ID. Those that were there already stay. */
export function withSignatures<T extends JsonObject>(
  key: T,
  more: Iterable<{ signer: UserId; key_id: string; signature: string }>,
): T {
  const given = isJsonObject(key.signatures) ? (key.signatures as SignaturesByUser) : {}
  const signatures: Record<string, Record<string, string>> = {}
  for (const [signer, byKey] of Object.entries(given)) signatures[signer] = { ...byKey }
  for (const { signer, key_id, signature } of more) {
    signatures[signer] ??= {}
    signatures[signer][key_id] ??= signature
  }
  return Object.keys(signatures).length > 0 ? { ...key, signatures } : key
}
