/**
 * The document in which a server publishes its signing keys: ours, and the reading of others'.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server
 */
import { decodeBase64 } from '../events/base64.js'
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import { signJson, verifyJson } from '../events/signatures.js'
import type { Clock } from '../kernel/clock.js'
import { parseServerName, type ServerName } from '../kernel/identifiers.js'
import type { SigningKeys } from './signing-key.js'

/** How long what we publish is good for. Half of it passes before a notary asks again. */
const validForMs = 24 * 3_600_000
/** Signed anew this often, so that an answer is always good for at least 23 hours. */
const resignAfterMs = 3_600_000
/** A document is never believed for longer (room version 5 and later say so; we apply it to all). */
export const maxKeyTrustMs = 7 * 24 * 3_600_000

export type ServerKeysDocument = {
  serverName: ServerName
  validUntilTs: number
  keys: { keyId: string; key: string; expiredTs?: number }[]
  /** The document as it came, signatures included. */
  signed: JsonObject
}

/** Our own document, signed with every key it names as current. */
export type PublishServerKeys = () => JsonObject

export function makePublishServerKeys(needs: {
  serverName: ServerName
  signingKeys: SigningKeys
  clock: Clock
}): PublishServerKeys {
  const { serverName, signingKeys, clock } = needs
  let published: { document: JsonObject; at: number } | undefined
  return () => {
    const now = clock.now()
    if (!published || now - published.at >= resignAfterMs || now < published.at) {
      const unsigned = {
        server_name: serverName,
        valid_until_ts: now + validForMs,
        verify_keys: { [signingKeys.current.keyId]: { key: signingKeys.current.publicKeyBase64 } },
        old_verify_keys: Object.fromEntries(
          signingKeys.retired.map(({ keyId, publicKeyBase64, expiredTs }) => [
            keyId,
            { key: publicKeyBase64, expired_ts: expiredTs },
          ]),
        ),
      }
      published = { document: signJson(unsigned, serverName, signingKeys.current), at: now }
    }
    return published.document
  }
}

const maxKeys = 100

/**
 * Reads a document of another server and checks that the server itself signed it. A current key without
 * a signature of its own is passed over; one whose signature is wrong spoils the document.
 *
 * @param expected the server it must be of
 * @returns undefined for anything else
 */
export function readServerKeysDocument(value: unknown, expected?: ServerName): ServerKeysDocument | undefined {
  if (!isJsonObject(value)) return undefined
  const { server_name, valid_until_ts, verify_keys, old_verify_keys } = value
  const serverName = parseServerName(server_name)
  if (!serverName || (expected !== undefined && serverName !== expected)) return undefined
  if (typeof valid_until_ts !== 'number' || !Number.isSafeInteger(valid_until_ts) || !isJsonObject(verify_keys))
    return undefined
  const keys: ServerKeysDocument['keys'] = []
  for (const [keyId, entry] of Object.entries(verify_keys)) {
    if (!keyId.startsWith('ed25519:')) continue // algorithms to come are none of our business
    const key = readKey(entry)
    if (key === undefined) return undefined
    if (!isSignedWith(value, serverName, keyId)) continue // published, but not proven to be held
    if (!verifyJson(value, serverName, keyId, key)) return undefined
    keys.push({ keyId, key })
  }
  if (keys.length === 0) return undefined
  for (const [keyId, entry] of Object.entries(isJsonObject(old_verify_keys) ? old_verify_keys : {})) {
    const key = readKey(entry)
    const expiredTs = isJsonObject(entry) ? entry.expired_ts : undefined
    if (!keyId.startsWith('ed25519:') || key === undefined || typeof expiredTs !== 'number') continue
    keys.push({ keyId, key, expiredTs })
  }
  return keys.length > maxKeys ? undefined : { serverName, validUntilTs: valid_until_ts, keys, signed: value }
}

const isSignedWith = ({ signatures }: JsonObject, serverName: ServerName, keyId: string) => {
  const ofServer = isJsonObject(signatures) ? signatures[serverName] : undefined
  return isJsonObject(ofServer) && Object.hasOwn(ofServer, keyId)
}

function readKey(entry: unknown): string | undefined {
  const key = isJsonObject(entry) ? entry.key : undefined
  return typeof key === 'string' && decodeBase64(key)?.length === 32 ? key : undefined
}
