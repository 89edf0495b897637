/**
 * Frames of SurrealDB's RPC as the bridge sees them: requests decoded, answers and notifications cut
 * and joined as bytes.
 *
 * An answer of the engine can be megabytes of rows; it is spliced behind the client's request id without
 * being decoded. Request: `{ id, method, params?, session?, txn? }`. Answer: `{ id, result }` or
 * `{ id, error }`. Notification: `{ result: { id, action, record, result } }`.
 */
import { CborCodec, Uuid } from 'surrealdb'
import { listHeader, listItems, mapEntries, mapHeader, readText, textBytes } from '../store/cbor.js'

export const codec = new CborCodec({})

export type Request = { id: string; method: string; params: readonly unknown[]; session: Uuid | undefined }

/** Not a request: the channel is closed, as there is no id to answer to. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame'
}

export const frameLimits = {
  /** Largest request in bytes: 16 KB of text and what is bound to it. */
  requestBytes: 131_072,
  /** Largest answer in bytes; a larger one becomes an error. */
  answerBytes: 16_777_216,
} as const

/** @throws BadFrame when the bytes are no request */
export function readRequest(bytes: Uint8Array): Request {
  if (bytes.length > frameLimits.requestBytes) throw new BadFrame('the request is too large')
  let value: unknown
  try {
    value = codec.decode(bytes)
  } catch {
    throw new BadFrame('the request is not CBOR')
  }
  if (typeof value !== 'object' || value === null) throw new BadFrame('the request is not a map')
  const { id, method, params = [], session } = value as Record<string, unknown>
  if (typeof id !== 'string' || id.length > 64) throw new BadFrame('the request has no id')
  if (typeof method !== 'string') throw new BadFrame('the request has no method')
  if (params !== null && !Array.isArray(params)) throw new BadFrame('params must be a list')
  if (session !== undefined && session !== null && !(session instanceof Uuid))
    throw new BadFrame('session must be a UUID')
  return { id, method, params: params ?? [], session: session ?? undefined }
}

const idKey = textBytes('id')
const resultKey = textBytes('result')
const errorHead = Buffer.concat([mapHeader(1), textBytes('error')])

/** Whether the engine refused the request as a whole: the answer is then `{ error: … }` and nothing else. */
export const isRefusal = (raw: Uint8Array): boolean => errorHead.equals(raw.subarray(0, errorHead.length))

/** The engine's bare answer behind the client's id. */
export function answerFrame(id: string, raw: Uint8Array): Uint8Array {
  const head = [mapHeader(2), idKey, textBytes(id)]
  if (isRefusal(raw)) return Buffer.concat([...head, raw.subarray(1)])
  return Buffer.concat([...head, resultKey, raw])
}

/** The engine's answers to two queries as if they had been one: `order` says from which each statement's result is next. */
export function mergeAnswers(raws: readonly [Uint8Array, Uint8Array], order: readonly (0 | 1)[]): Uint8Array {
  const items = raws.map(listItems) as [Uint8Array[], Uint8Array[]]
  const next = [0, 0]
  const merged = order.map((from) => items[from][next[from]!++] ?? new Uint8Array())
  return Buffer.concat([listHeader(merged.length), ...merged])
}

export const valueFrame = (id: string, result: unknown): Uint8Array => codec.encode({ id, result })

/** An error of ours, in the shape the SDK turns into a `NotAllowedError`. */
export const refusalFrame = (id: string, message: string, code = -32000): Uint8Array =>
  codec.encode({ id, error: { code, kind: 'NotAllowed', message } })

export type Notification = {
  /** The engine session it belongs to, as `sessionKey` writes it. */
  session: string
  liveId: string
  action: string
  /** The row, as bytes. */
  row: Uint8Array
  /** What goes to the client. */
  frame: Uint8Array
}

/**
 * Takes a notification apart without decoding its row.
 *
 * @returns undefined where it belongs to no session or is no row: the engine's word that a query was killed
 * @throws CborShapeError
 */
export function readNotification(bytes: Uint8Array): Notification | undefined {
  const entries = mapEntries(bytes)
  const [session, id, action] = [entries.get('session'), entries.get('id'), entries.get('action')]
  const [record, row] = [entries.get('record'), entries.get('result')]
  if (!session || !id || !action || !record || !row) return undefined
  const name = readText(action, 0).text
  const owner = keyOfUuidBytes(session)
  const liveId = keyOfUuidBytes(id)
  if (name === 'KILLED' || !owner || !liveId) return undefined
  const frame = Buffer.concat([
    ...[mapHeader(1), resultKey, mapHeader(4), idKey, id, actionKey, action],
    ...[recordKey, record, resultKey, row],
  ])
  return { session: owner, liveId, action: name, row, frame }
}

const actionKey = textBytes('action')
const recordKey = textBytes('record')

/** A UUID as the key of our maps. */
export const sessionKey = (uuid: Uuid): string => uuid.toString().toLowerCase()

/** CBOR tag 37 and its 16 bytes. Undefined for anything else (NONE: the shared session). */
function keyOfUuidBytes(value: Uint8Array): string | undefined {
  if (value.length !== 19 || value[0] !== 0xd8 || value[1] !== 37 || value[2] !== 0x50) return undefined
  const hex = Buffer.from(value.buffer, value.byteOffset + 3, 16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The unsigned integer or float under `field` of a row, without decoding the rest. */
export function readNumberField(row: Uint8Array, field: string): number | undefined {
  const value = mapEntries(row).get(field)
  const number = value && codec.decode(value)
  return typeof number === 'number' ? number : undefined
}
