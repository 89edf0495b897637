/**
 * Just enough CBOR to cut RPC frames without decoding them: which bytes are the value of which key.
 *
 * Spec: RFC 8949. Lengths in frames come from outside, so every step is checked against the end.
 */

export class CborShapeError extends Error {
  override readonly name = 'CborShapeError'
}

/** Nesting that is still followed; the engine itself gives up earlier. */
const maxDepth = 256

/**
 * The entries of a map with text keys, each value as its own bytes (views, not copies), in order.
 *
 * @throws CborShapeError for anything else, a doubled key, or bytes after the map
 */
export function mapEntries(bytes: Uint8Array): Map<string, Uint8Array> {
  const head = readHead(bytes, 0)
  if (head.major !== 5) throw new CborShapeError('not a map')
  const entries = new Map<string, Uint8Array>()
  let at = head.next
  for (let left = head.isIndefinite ? Number.POSITIVE_INFINITY : head.value; left > 0; left--) {
    if (head.isIndefinite && bytes[at] === breakByte) {
      at += 1
      break
    }
    const key = readText(bytes, at)
    const end = itemEnd(bytes, key.next)
    if (entries.has(key.text)) throw new CborShapeError(`key "${key.text}" twice`)
    entries.set(key.text, bytes.subarray(key.next, end))
    at = end
  }
  if (at !== bytes.length) throw new CborShapeError('bytes after the map')
  return entries
}

/**
 * The items of a list, each as its own bytes (views, not copies).
 *
 * @throws CborShapeError for anything else, or bytes after the list
 */
export function listItems(bytes: Uint8Array): Uint8Array[] {
  const head = readHead(bytes, 0)
  if (head.major !== 4) throw new CborShapeError('not a list')
  const items: Uint8Array[] = []
  let at = head.next
  for (let left = head.isIndefinite ? Number.POSITIVE_INFINITY : head.value; left > 0; left--) {
    if (head.isIndefinite && bytes[at] === breakByte) {
      at += 1
      break
    }
    const end = itemEnd(bytes, at)
    items.push(bytes.subarray(at, end))
    at = end
  }
  if (at !== bytes.length) throw new CborShapeError('bytes after the list')
  return items
}

/**
 * Where the item that starts at `start` ends.
 *
 * @throws CborShapeError when it is cut off, malformed or nested deeper than 256
 */
export function itemEnd(bytes: Uint8Array, start: number, depth = 0): number {
  if (depth > maxDepth) throw new CborShapeError('nested too deep')
  const head = readHead(bytes, start)
  switch (head.major) {
    case 2:
    case 3:
      return head.isIndefinite ? untilBreak(bytes, head.next, depth) : within(bytes, head.next + head.value)
    case 4:
    case 5: {
      if (head.isIndefinite) return untilBreak(bytes, head.next, depth)
      let at = head.next
      for (let left = head.value * (head.major - 3); left > 0; left--) at = itemEnd(bytes, at, depth + 1)
      return at
    }
    case 6:
      return itemEnd(bytes, head.next, depth + 1)
    default:
      return head.next
  }
}

/** The text at `start`, which must be of definite length. */
export function readText(bytes: Uint8Array, start: number): { text: string; next: number } {
  const head = readHead(bytes, start)
  if (head.major !== 3 || head.isIndefinite) throw new CborShapeError('not a text')
  const next = within(bytes, head.next + head.value)
  return { text: Buffer.from(bytes.buffer, bytes.byteOffset + head.next, head.value).toString('utf8'), next }
}

/** The start of a map of `size` entries. */
export const mapHeader = (size: number): Uint8Array => headBytes(5, size)
/** The start of a list of `size` items. */
export const listHeader = (size: number): Uint8Array => headBytes(4, size)
export const unsignedBytes = (value: number): Uint8Array => headBytes(0, value)

export function textBytes(text: string): Uint8Array {
  const body = Buffer.from(text, 'utf8')
  return Buffer.concat([headBytes(3, body.length), body])
}

type Head = { major: number; value: number; isIndefinite: boolean; next: number }
const breakByte = 0xff

function readHead(bytes: Uint8Array, at: number): Head {
  const first = bytes[at]
  if (first === undefined) throw new CborShapeError('cut off')
  const major = first >> 5
  const info = first & 31
  if (info < 24) return { major, value: info, isIndefinite: false, next: at + 1 }
  if (info === 31 && major >= 2 && major <= 5) return { major, value: 0, isIndefinite: true, next: at + 1 }
  if (info > 27) throw new CborShapeError('malformed')
  const size = 1 << (info - 24)
  const next = within(bytes, at + 1 + size)
  let value = 0
  for (let i = at + 1; i < next; i++) value = value * 256 + bytes[i]!
  return { major, value, isIndefinite: false, next }
}

function untilBreak(bytes: Uint8Array, start: number, depth: number): number {
  let at = start
  while (bytes[at] !== breakByte) at = itemEnd(bytes, at, depth + 1)
  return at + 1
}

function within(bytes: Uint8Array, end: number): number {
  if (end > bytes.length) throw new CborShapeError('cut off')
  return end
}

function headBytes(major: number, value: number): Uint8Array {
  const top = major << 5
  if (value < 24) return Uint8Array.of(top | value)
  if (value < 0x100) return Uint8Array.of(top | 24, value)
  if (value < 0x10000) return Uint8Array.of(top | 25, value >> 8, value & 255)
  const bytes = Buffer.alloc(5)
  bytes[0] = top | 26
  bytes.writeUInt32BE(value, 1)
  return bytes
}
