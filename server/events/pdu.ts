/**
 * PDUs: events as servers exchange, hash and sign them, and the check that a value from another
 * server is one.
 *
 * `checkPduFormat` is the first step on receipt. What passes has every member of the right type and
 * within the limits, so nothing after it needs a cast. It says nothing about signatures or rights.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#pdus
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#size-limits
 */
import {
  type EventId,
  parseEventId,
  parseRoomId,
  parseUserId,
  type RoomId,
  type UserId,
} from '../kernel/identifiers.js'
import { carrySpellings } from '../kernel/spelled-numbers.js'
import { CanonicalJsonError, canonicalJson } from './canonical-json.js'
import type { RoomVersionRules } from './room-versions.js'

export type JsonObject = { readonly [key: string]: unknown }

/** A reference to another event: its ID, or in room versions 1 and 2 its ID and its hashes, which other servers leave out. */
export type EventReference = EventId | readonly [EventId, { readonly sha256?: string }]

/** By server name, then by key ID: unpadded base64. */
export type Signatures = { readonly [serverName: string]: { readonly [keyId: string]: string } }

/** An event in federation format. In room versions 3 and later it does not carry its own ID. */
export type Pdu = {
  readonly type: string
  readonly sender: UserId
  /** Absent only from the create event of a version-12 room. */
  readonly room_id?: RoomId
  readonly state_key?: string
  readonly content: JsonObject
  readonly origin_server_ts: number
  readonly depth: number
  readonly auth_events: readonly EventReference[]
  readonly prev_events: readonly EventReference[]
  readonly hashes: { readonly sha256: string }
  readonly signatures: Signatures
  readonly unsigned?: JsonObject
  /** Room versions 1 and 2 only. */
  readonly event_id?: EventId
  /** Of `m.room.redaction` in room versions 1 to 10. */
  readonly redacts?: string
  readonly origin?: string
}

/** A PDU before it is hashed and signed. */
export type UnsignedPdu = Omit<Pdu, 'hashes' | 'signatures'>

/** What the rules work on: a PDU with the IDs that it may or may not carry itself. */
export type PduEvent = {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly pdu: Pdu
  /** Failed the auth rules on receipt. */
  readonly rejected?: boolean
}

export type StateKeyTuple = readonly [type: string, stateKey: string]

/** State of a room at some point: event IDs by `stateKeyOf(type, stateKey)`. */
export type StateMap = ReadonlyMap<string, EventId>

/** Key of a `StateMap`. A type can hold a NUL only in versions 1–5, where nothing but confusion would want one. */
export const stateKeyOf = (type: string, stateKey: string): string => `${type}\u0000${stateKey}`

export function parseStateMapKey(key: string): StateKeyTuple {
  const nul = key.indexOf('\u0000')
  return [key.slice(0, nul), key.slice(nul + 1)]
}

export const isState = (pdu: { readonly state_key?: string }): boolean => pdu.state_key !== undefined

const referencedId = (reference: EventReference): EventId => (typeof reference === 'string' ? reference : reference[0])

export const authEventIds = (pdu: Pick<Pdu, 'auth_events'>): EventId[] => pdu.auth_events.map(referencedId)

export const prevEventIds = (pdu: Pick<Pdu, 'prev_events'>): EventId[] => pdu.prev_events.map(referencedId)

/** Limits of the spec: bytes of UTF-8, and numbers of references. */
export const pduLimits = { eventBytes: 65_536, fieldBytes: 255, authEvents: 10, prevEvents: 20 } as const

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function fitsField(text: string, { fieldsMeasuredIn }: RoomVersionRules): boolean {
  if (text.length > 2 * pduLimits.fieldBytes) return false
  return (fieldsMeasuredIn === 'bytes' ? Buffer.byteLength(text) : [...text].length) <= pduLimits.fieldBytes
}

/** `json` is the canonical JSON of the whole PDU: the form in which it is stored. */
export type PduFormat = { ok: true; pdu: Pdu; json: string } | { ok: false; reason: string }

/**
 * Checks a value of unknown origin against the format of a room version. Never throws.
 *
 * `unsigned` is nobody's word and is left out: whoever passes an event on could otherwise make it one that cannot be taken.
 */
export function checkPduFormat(value: unknown, rules: RoomVersionRules): PduFormat {
  if (!isJsonObject(value)) return { ok: false, reason: 'not an object' }
  const { unsigned: _nobodys, ...copy } = value
  const signed = carrySpellings(value, copy)
  const reason = faultIn(signed, rules)
  if (reason) return { ok: false, reason }
  try {
    const json = canonicalJson(signed, { strict: rules.strictCanonicalJson })
    if (json.length > pduLimits.eventBytes || Buffer.byteLength(json) > pduLimits.eventBytes)
      return { ok: false, reason: `larger than ${pduLimits.eventBytes} bytes` }
    return { ok: true, pdu: signed as Pdu, json } // every member was checked by faultIn
  } catch (error) {
    if (error instanceof CanonicalJsonError) return { ok: false, reason: error.message }
    throw error
  }
}

function faultIn(pdu: JsonObject, rules: RoomVersionRules): string | undefined {
  if (typeof pdu.type !== 'string' || !fitsField(pdu.type, rules)) return 'type is not a string of at most 255 bytes'
  if (!parseUserId(pdu.sender)) return 'sender is not a user ID'
  if (Object.hasOwn(pdu, 'state_key') && (typeof pdu.state_key !== 'string' || !fitsField(pdu.state_key, rules)))
    return 'state_key is not a string of at most 255 bytes'
  if (!isJsonObject(pdu.content)) return 'content is not an object'
  if (!isTimestamp(pdu.origin_server_ts, rules)) return 'origin_server_ts is not an integer'
  return (
    faultInRoomId(pdu, rules) ??
    faultInEventId(pdu, rules) ??
    faultInDepth(pdu.depth, rules) ??
    faultInReferences('auth_events', pdu.auth_events, pduLimits.authEvents, rules) ??
    faultInReferences('prev_events', pdu.prev_events, pduLimits.prevEvents, rules) ??
    faultInHashesAndSignatures(pdu) ??
    faultInOptionalMembers(pdu, rules)
  )
}

// Versions 1–5 do not bind numbers to 2^53; a fraction is no time in any version.
const isTimestamp = (value: unknown, rules: RoomVersionRules) =>
  rules.strictCanonicalJson ? Number.isSafeInteger(value) : Number.isInteger(value)

function faultInRoomId(pdu: JsonObject, rules: RoomVersionRules): string | undefined {
  // A create event that has one all the same is refused by the auth rules, which name the reason.
  if (rules.roomIdIsCreateHash && pdu.type === 'm.room.create' && !Object.hasOwn(pdu, 'room_id')) return undefined
  return parseRoomId(pdu.room_id) ? undefined : 'room_id is not a room ID'
}

function faultInEventId(pdu: JsonObject, rules: RoomVersionRules): string | undefined {
  if (rules.eventIdFormat === 'opaque') return parseEventId(pdu.event_id) ? undefined : 'event_id is not an event ID'
  // Not part of the format any more, but redaction keeps it, so that it would be hashed along.
  return pdu.event_id === undefined || typeof pdu.event_id === 'string' ? undefined : 'event_id is not a string'
}

function faultInDepth(depth: unknown, rules: RoomVersionRules): string | undefined {
  if (typeof depth !== 'number' || !Number.isInteger(depth)) return 'depth is not an integer'
  return depth >= 0 && depth <= rules.maxDepth ? undefined : 'depth is out of range'
}

function faultInReferences(name: string, value: unknown, limit: number, rules: RoomVersionRules): string | undefined {
  if (!Array.isArray(value)) return `${name} is not a list`
  if (value.length > limit) return `${name} has more than ${limit} entries`
  const isReference = rules.hasReferencePairs ? isReferencePair : (entry: unknown) => parseEventId(entry) !== undefined
  return value.every(isReference) ? undefined : `${name} has an entry that is not an event reference`
}

function isReferencePair(entry: unknown): boolean {
  if (!Array.isArray(entry) || entry.length !== 2) return false
  const [id, hashes] = entry as [unknown, unknown]
  return (
    parseEventId(id) !== undefined && isJsonObject(hashes) && ['string', 'undefined'].includes(typeof hashes.sha256)
  )
}

function faultInHashesAndSignatures({ hashes, signatures }: JsonObject): string | undefined {
  if (!isJsonObject(hashes) || typeof hashes.sha256 !== 'string') return 'hashes has no sha256'
  if (!isJsonObject(signatures)) return 'signatures is not an object'
  const isSignatureMap = (ofServer: unknown) =>
    isJsonObject(ofServer) && Object.values(ofServer).every((signature) => typeof signature === 'string')
  return Object.values(signatures).every(isSignatureMap) ? undefined : 'signatures has an entry of the wrong form'
}

function faultInOptionalMembers(pdu: JsonObject, rules: RoomVersionRules): string | undefined {
  if (pdu.origin !== undefined && typeof pdu.origin !== 'string') return 'origin is not a string'
  if (pdu.redacts !== undefined && typeof pdu.redacts !== 'string' && rules.redactsLocation === 'top-level')
    return 'redacts is not a string'
  return undefined
}
