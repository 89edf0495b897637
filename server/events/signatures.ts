/**
 * Ed25519 signatures of JSON objects and of events.
 *
 * tweetnacl derives the key pair from a stored 32-byte seed; node:crypto signs and verifies, because
 * it is some thirty times faster. What is signed and verified is never strict about numbers: the
 * format check has been, for the room versions that want it.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#signing-json
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#signing-events
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import nacl from 'tweetnacl'
import { parseEventId, parseUserId, type ServerName, serverNameIn, serverNameOf } from '../kernel/identifiers.js'
import { carrySpellings } from '../kernel/spelled-numbers.js'
import { decodeBase64, encodeUnpaddedBase64, withoutPadding } from './base64.js'
import { canonicalJson } from './canonical-json.js'
import { computeEventId, eventIdOfHash, roomIdOf, roomIdOfCreate } from './event-id.js'
import { contentHash, signedJson } from './hashes.js'
import { isJsonObject, type JsonObject, type Pdu, type PduEvent, type Signatures, type UnsignedPdu } from './pdu.js'
import { redactPdu } from './redaction.js'
import type { RoomVersionRules } from './room-versions.js'

/** `keyId` with its algorithm: `ed25519:abc`. */
export type SigningKey = { readonly keyId: string; readonly privateKey: KeyObject; readonly publicKeyBase64: string }

/** A server's key as `/key/v2/server` published it. */
export type VerifyKey = {
  readonly publicKey: string | KeyObject
  /** Milliseconds since the epoch; of a key in `old_verify_keys` it does not matter. */
  readonly validUntilTs: number
  /** When the server stopped using it, for a key in `old_verify_keys`. */
  readonly expiredTs?: number
}

/** What is known of a server's key; undefined where it is not known at all. */
export type FindVerifyKey = (serverName: ServerName, keyId: string) => VerifyKey | undefined

// The DER wrappings of a raw Ed25519 key (RFC 8410): everything before the 32 bytes.
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
const keyBytes = 32
const signatureBytes = 64

/**
 * @param seed 32 bytes
 * @throws RangeError for a seed of another length
 */
export function signingKeyFromSeed(seed: Uint8Array, keyId: string): SigningKey {
  if (seed.length !== keyBytes) throw new RangeError(`a signing key's seed has ${keyBytes} bytes, not ${seed.length}`)
  const { publicKey } = nacl.sign.keyPair.fromSeed(seed)
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' })
  return { keyId, privateKey, publicKeyBase64: encodeUnpaddedBase64(publicKey) }
}

/** Unpacked public keys: unpacking costs nearly as much as verifying. Emptied when full, which is rare and harmless. */
const publicKeys = new Map<string, KeyObject>()
const maxPublicKeys = 10_000

/** @returns undefined where the text is not 32 bytes of base64 */
function readPublicKey(base64: string): KeyObject | undefined {
  const cached = publicKeys.get(base64)
  if (cached) return cached
  const raw = decodeBase64(base64)
  if (raw?.length !== keyBytes) return undefined
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' })
  if (publicKeys.size >= maxPublicKeys) publicKeys.clear()
  publicKeys.set(base64, key)
  return key
}

const signText = (text: string, key: SigningKey): string =>
  withoutPadding(sign(null, Buffer.from(text), key.privateKey).toString('base64'))

function verifyText(text: string | Buffer, signature: string, publicKey: string | KeyObject): boolean {
  const key = typeof publicKey === 'string' ? readPublicKey(publicKey) : publicKey
  const bytes = decodeBase64(signature)
  if (!key || bytes?.length !== signatureBytes) return false
  return verify(null, typeof text === 'string' ? Buffer.from(text) : text, key, bytes)
}

function jsonWithoutSignatures(object: JsonObject): string {
  const { signatures: _s, unsigned: _u, ...signed } = object
  return canonicalJson(carrySpellings(object, signed), { strict: false })
}

function withSignature(existing: unknown, serverName: string, keyId: string, signature: string): Signatures {
  const signatures: JsonObject = isJsonObject(existing) ? existing : {}
  const ofServer = Object.hasOwn(signatures, serverName) ? signatures[serverName] : undefined
  // Entries of other servers are passed on as they came; the format check has seen those of PDUs.
  return {
    ...(signatures as Signatures),
    [serverName]: { ...(isJsonObject(ofServer) ? (ofServer as Signatures[string]) : {}), [keyId]: signature },
  }
}

/** A copy of the object with our signature added; other signatures and `unsigned` are kept. */
export function signJson<T extends JsonObject>(
  object: T,
  serverName: string,
  key: SigningKey,
): T & { readonly signatures: Signatures } {
  const signature = signText(jsonWithoutSignatures(object), key)
  return { ...object, signatures: withSignature(object.signatures, serverName, key.keyId, signature) }
}

/** Whether the object carries a valid signature of that server with that key. Any fault is false, never an exception. */
export function verifyJson(
  object: JsonObject,
  serverName: string,
  keyId: string,
  publicKey: string | KeyObject,
): boolean {
  const signature = signaturesOf(object, serverName)[keyId]
  if (typeof signature !== 'string') return false
  try {
    return verifyText(jsonWithoutSignatures(object), signature, publicKey)
  } catch {
    return false // no canonical form, so nothing that could have been signed
  }
}

/** Signatures of one server by key ID; empty where there are none. */
function signaturesOf(object: JsonObject, serverName: string): JsonObject {
  if (!isJsonObject(object.signatures) || !Object.hasOwn(object.signatures, serverName)) return {}
  const ofServer = object.signatures[serverName]
  return isJsonObject(ofServer) ? ofServer : {}
}

/** A finished event from what its sender made: content hash, signature and IDs in one go. */
export function buildSignedEvent(
  unsignedPdu: UnsignedPdu,
  rules: RoomVersionRules,
  serverName: ServerName,
  key: SigningKey,
): PduEvent {
  const hashed = { ...unsignedPdu, hashes: { sha256: contentHash(unsignedPdu) } }
  const text = signedJson(hashed, rules)
  const signatures = withSignature({}, serverName, key.keyId, signText(text, key))
  const pdu: Pdu = { ...hashed, signatures }
  const eventId =
    rules.eventIdFormat === 'opaque'
      ? computeEventId(pdu, rules)
      : eventIdOfHash(createHash('sha256').update(text).digest(), rules) // the signed text is what is hashed
  const isFirst = rules.roomIdIsCreateHash && pdu.type === 'm.room.create'
  return { eventId, roomId: isFirst ? roomIdOfCreate(eventId) : roomIdOf(pdu, rules), pdu }
}

/**
 * The PDU with its content hash (replaced) and our signature over the redacted form (added to those it
 * has). Also what a resident server does with a join it authorises: an unchanged event keeps its hash.
 */
export function hashAndSignPdu(
  unsignedPdu: UnsignedPdu & { readonly signatures?: Signatures },
  rules: RoomVersionRules,
  serverName: ServerName,
  key: SigningKey,
): Pdu {
  const hashed = { ...unsignedPdu, hashes: { sha256: contentHash(unsignedPdu) } }
  const signature = signText(signedJson(hashed, rules), key)
  return { ...hashed, signatures: withSignature(unsignedPdu.signatures, serverName, key.keyId, signature) }
}

/** The servers that must have signed a PDU. Empty for an invite made from a third-party invite (version 3 and later). */
export function requiredSigners(pdu: Pdu, rules: RoomVersionRules): ServerName[] {
  const signers = new Set<ServerName>()
  if (!isThirdPartyInvite(pdu)) signers.add(serverNameOf(pdu.sender))
  if (rules.eventIdFormat === 'opaque' && pdu.event_id !== undefined) {
    const server = serverNameIn(parseEventId(pdu.event_id) ?? '')
    if (server) signers.add(server)
  }
  const authoriser = rules.restricted ? parseUserId(pdu.content.join_authorised_via_users_server) : undefined
  if (authoriser && pdu.type === 'm.room.member') signers.add(serverNameOf(authoriser))
  return [...signers]
}

/** Such an invite may be sent by a server other than its sender's; the auth rules check who signed it instead. */
const isThirdPartyInvite = ({ type, content }: Pdu) =>
  type === 'm.room.member' && content.membership === 'invite' && isJsonObject(content.third_party_invite)

export type PduVerdict =
  | {
      ok: true
      /** The content hash did not match: `pdu` is the redacted form, and that is what to go on with. */
      redacted: boolean
      pdu: Pdu
    }
  | {
      ok: false
      reason: string
      /** Keys whose absence, or too short known validity, made a difference: fetch them and try again. */
      missingKeys: { serverName: ServerName; keyId: string }[]
    }

const maxKeyTrustMs = 7 * 24 * 60 * 60 * 1000
/** A policy server signs with this key; it says nothing about who sent the event. */
const policyServerKeyId = 'ed25519:policy_server'

/**
 * Signatures, then content hash, of a PDU that passed the format check.
 *
 * Of each required server at least one known key must have signed, and all its known ones must
 * verify; unknown and expired keys are skipped.
 *
 * @param nowMs a key's `validUntilTs` counts as no more than seven days after this
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
 */
export function verifyPdu(pdu: Pdu, rules: RoomVersionRules, findKey: FindVerifyKey, nowMs: number): PduVerdict {
  const text = Buffer.from(signedJson(pdu, rules))
  for (const serverName of requiredSigners(pdu, rules)) {
    const fault = faultInSignaturesOf(serverName, pdu, text, rules, findKey, nowMs)
    if (fault) return fault
  }
  if (isContentHash(pdu.hashes.sha256, contentHash(pdu))) return { ok: true, redacted: false, pdu }
  return { ok: true, redacted: true, pdu: redactPdu(pdu, rules) }
}

/** Compared as bytes: another server may have spelt its base64 in another way. */
const isContentHash = (claimed: string, actual: string) =>
  claimed === actual || decodeBase64(claimed)?.equals(Buffer.from(actual, 'base64')) === true

function faultInSignaturesOf(
  serverName: ServerName,
  pdu: Pdu,
  text: Buffer,
  rules: RoomVersionRules,
  findKey: FindVerifyKey,
  nowMs: number,
): PduVerdict | undefined {
  const missingKeys: { serverName: ServerName; keyId: string }[] = []
  let isSigned = false
  for (const [keyId, signature] of Object.entries(signaturesOf(pdu, serverName))) {
    if (!keyId.startsWith('ed25519:') || keyId === policyServerKeyId || typeof signature !== 'string') continue
    const key = findKey(serverName, keyId)
    if (!key || !isValidAt(key, pdu.origin_server_ts, rules, nowMs)) {
      missingKeys.push({ serverName, keyId })
      continue
    }
    if (!verifyText(text, signature, key.publicKey))
      return { ok: false, reason: `the signature of ${serverName} with ${keyId} does not verify`, missingKeys: [] }
    isSigned = true
  }
  if (isSigned) return undefined
  return { ok: false, reason: `no valid signature of ${serverName} with a known key`, missingKeys }
}

function isValidAt(key: VerifyKey, ts: number, rules: RoomVersionRules, nowMs: number): boolean {
  if (key.expiredTs !== undefined) return ts <= key.expiredTs
  return !rules.enforceKeyValidity || ts <= Math.min(key.validUntilTs, nowMs + maxKeyTrustMs)
}
