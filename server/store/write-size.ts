/**
 * How large writes are, and how large a transaction may be.
 *
 * With our settings of RocksDB a transaction of 40 to 60 MB makes the next write wait for ever, so nothing near
 * that may reach it. Bytes are those of the bindings, nested values included, text as UTF-8. What a `deleteRange`
 * or a `statement` meets cannot be known here: who writes one sees to it that it is small.
 */
import { RecordId } from 'surrealdb'
import { TransactionTooLargeError } from './errors.js'
import type { Write } from './writes.js'

/** No transaction is larger, whoever writes it. */
export const transactionLimits = { bytes: 8_000_000, rows: 10_000 }
/** What larger work is cut into: small enough to share a batch with others. */
export const pieceLimits = { bytes: 2_000_000, rows: 1_000 }

export type Size = { bytes: number; rows: number }

/** Of one write: a row, an id, or the bindings of a statement. */
export function sizeOfWrite(write: Write): number {
  switch (write.op) {
    case 'insert':
    case 'insertMissing':
    case 'upsert':
      return sizeOfValue(write.row)
    case 'delete':
      return sizeOfValue(write.id) + write.table.length
    case 'deleteRange':
      return sizeOfValue(write.from) + sizeOfValue(write.to) + write.table.length
    case 'statement':
      return write.sql.length + sizeOfValue(write.bindings)
  }
}

/** @param and of what goes with them */
export function sizeOfWrites(writes: readonly Write[], and: Size = { bytes: 0, rows: 0 }): Size {
  let { bytes } = and
  for (const write of writes) bytes += sizeOfWrite(write)
  return { bytes, rows: and.rows + writes.length }
}

/** @throws TransactionTooLargeError where a transaction of that size must not be tried */
export function checkSize(size: Size): void {
  if (size.bytes > transactionLimits.bytes || size.rows > transactionLimits.rows)
    throw new TransactionTooLargeError(size)
}

/** Cuts writes into pieces within the limits, in order; a single write that is larger is a piece of its own. */
export function inPieces(writes: readonly Write[], limits: Size = pieceLimits): Write[][] {
  const pieces: Write[][] = []
  let piece: Write[] = []
  let bytes = 0
  for (const write of writes) {
    const size = sizeOfWrite(write)
    if (piece.length > 0 && (bytes + size > limits.bytes || piece.length >= limits.rows)) {
      pieces.push(piece)
      piece = []
      bytes = 0
    }
    piece.push(write)
    bytes += size
  }
  if (piece.length > 0) pieces.push(piece)
  return pieces
}

/** Head of a CBOR item: what a value costs besides its content. */
const head = 3

function sizeOfValue(value: unknown): number {
  if (typeof value === 'string') return head + Buffer.byteLength(value)
  if (typeof value !== 'object' || value === null) return 9
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return head + value.byteLength
  if (value instanceof RecordId) return head + String(value.table).length + sizeOfValue(value.id)
  if (value instanceof Date) return 13
  let bytes = head
  if (Array.isArray(value) || value instanceof Set) for (const item of value) bytes += sizeOfValue(item)
  else if (value instanceof Map) for (const [key, item] of value) bytes += sizeOfValue(key) + sizeOfValue(item)
  else
    for (const key in value)
      if (Object.hasOwn(value, key)) bytes += head + key.length + sizeOfValue((value as Record<string, unknown>)[key])
  return bytes
}
