/**
 * A CBOR writer for what this server sends to the engine: plain data and record ids.
 *
 * Several times as fast as the SDK's codec, which looks at every value through a chain of class tests; encoding
 * is most of what a commit costs the event loop. Anything it does not know is left to the codec: CBOR
 * items can simply be put together.
 *
 * Spec: RFC 8949; tags 6 (NONE) and 8 (record id) are SurrealDB's.
 */
import { RecordId } from 'surrealdb'

export type FallbackEncoder = (value: unknown) => Uint8Array

const initialBytes = 4096

/** @param fallback encodes values that are not plain data */
export function encodeCbor(value: unknown, fallback: FallbackEncoder): Uint8Array {
  const writer = new CborWriter(fallback)
  writer.value(value)
  return writer.bytes()
}

class CborWriter {
  readonly #fallback: FallbackEncoder
  #buffer = Buffer.allocUnsafe(initialBytes)
  #at = 0

  constructor(fallback: FallbackEncoder) {
    this.#fallback = fallback
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#at)
  }

  value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#text(value)
        break
      case 'number':
        this.#number(value)
        break
      case 'boolean':
        this.#byte(value ? 0xf5 : 0xf4)
        break
      case 'undefined':
        this.#byte(0xc6)
        this.#byte(0xf6)
        break
      case 'object':
        this.#object(value)
        break
      default:
        this.#raw(this.#fallback(value))
    }
  }

  #object(value: object | null): void {
    if (value === null) this.#byte(0xf6)
    else if (Array.isArray(value)) {
      this.#head(4, value.length)
      for (const item of value) this.value(item)
    } else if (isPlain(value)) {
      const keys = Object.keys(value)
      this.#head(5, keys.length)
      for (const key of keys) {
        this.#text(key)
        this.value((value as Record<string, unknown>)[key])
      }
    } else if (value instanceof RecordId) {
      this.#byte(0xc8)
      this.#head(4, 2)
      this.#text(value.table.name)
      this.value(value.id)
    } else this.#raw(this.#fallback(value))
  }

  #text(text: string): void {
    const length = Buffer.byteLength(text)
    this.#head(3, length)
    this.#need(length)
    this.#buffer.write(text, this.#at)
    this.#at += length
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) {
      this.#need(9)
      this.#buffer[this.#at] = 0xfb
      this.#buffer.writeDoubleBE(value, this.#at + 1)
      this.#at += 9
    } else if (value >= 0) this.#head(0, value)
    else this.#head(1, -1 - value)
  }

  #head(major: number, value: number): void {
    const top = major << 5
    this.#need(9)
    if (value < 24) this.#buffer[this.#at++] = top | value
    else if (value < 0x100) {
      this.#buffer[this.#at++] = top | 24
      this.#buffer[this.#at++] = value
    } else if (value < 0x10000) {
      this.#buffer[this.#at++] = top | 25
      this.#at = this.#buffer.writeUInt16BE(value, this.#at)
    } else if (value < 0x100000000) {
      this.#buffer[this.#at++] = top | 26
      this.#at = this.#buffer.writeUInt32BE(value, this.#at)
    } else {
      this.#buffer[this.#at++] = top | 27
      this.#at = this.#buffer.writeUInt32BE(Math.floor(value / 0x100000000), this.#at)
      this.#at = this.#buffer.writeUInt32BE(value % 0x100000000, this.#at)
    }
  }

  #byte(byte: number): void {
    this.#need(1)
    this.#buffer[this.#at++] = byte
  }

  #raw(bytes: Uint8Array): void {
    this.#need(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #need(count: number): void {
    if (this.#at + count <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + count))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
