/**
 * Reads the JSON of another server's answer. A large one is read piece by piece: the state of a room of tens of thousands
 * is a list of so many events, and `JSON.parse` of the whole would hold up everybody else for as long.
 *
 * The pieces are what the answer's members hold: the elements of its lists, the members of its objects. What a piece is, is
 * left to `JSON.parse`; only what stands between pieces is looked at here. The text is not made a string as a whole either.
 *
 * Spec: RFC 8259
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CanonicalJsonError, parseJsonStrictly } from '../events/canonical-json.js'

/** What is parsed at once takes a few milliseconds. */
const smallAnswer = 256 * 1024
/** The largest piece: an event has 64 KiB, and all devices of a user take not much more. */
const maxPieceBytes = 4 * 1024 * 1024
/** How long this may go on without a break, in ms. */
const maxTurnMs = 10

/** @returns undefined for what is no JSON, is nested too deeply, or is large and no object of moderate pieces */
export async function parseAnswer(body: Buffer, maxDepth: number): Promise<unknown> {
  try {
    if (body.length <= smallAnswer) return parseJsonStrictly(body.toString('utf8'), { maxDepth })
    return await new PieceReader(body, maxDepth).read()
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof CanonicalJsonError) return undefined
    throw error
  }
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a] as const
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d] as const

const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

class PieceReader {
  readonly #bytes: Buffer
  readonly #maxDepth: number
  #at = 0
  #turn = performance.now()

  constructor(bytes: Buffer, maxDepth: number) {
    this.#bytes = bytes
    this.#maxDepth = maxDepth
  }

  async read(): Promise<unknown> {
    this.#skipSpace()
    const object = await this.#object(() => this.#member())
    this.#skipSpace()
    if (this.#at < this.#bytes.length) throw new SyntaxError('something follows the object')
    return object
  }

  #member(): unknown {
    const piece = () => this.#piece()
    switch (this.#bytes[this.#at]) {
      case openList:
        return this.#list(piece)
      case openObject:
        return this.#object(piece)
      default:
        return piece()
    }
  }

  async #object(readValue: () => unknown): Promise<Record<string, unknown>> {
    const object: Record<string, unknown> = {}
    await this.#members(openObject, closeObject, async () => {
      if (this.#bytes[this.#at] !== quote) throw new SyntaxError('a member without a name')
      const key = this.#piece() as string
      this.#skipSpace()
      this.#take(colon)
      this.#skipSpace()
      const value = await readValue()
      // As `JSON.parse` does: `__proto__` is a member like any other, and the last of two of one name counts.
      Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
    })
    return object
  }

  async #list(readValue: () => unknown): Promise<unknown[]> {
    const list: unknown[] = []
    await this.#members(openList, closeList, async () => void list.push(await readValue()))
    return list
  }

  async #members(open: number, close: number, read: () => Promise<void>): Promise<void> {
    this.#take(open)
    this.#skipSpace()
    if (this.#bytes[this.#at] === close) return this.#take(close)
    for (;;) {
      await read()
      if (performance.now() - this.#turn > maxTurnMs) {
        await nextTurn()
        this.#turn = performance.now()
      }
      this.#skipSpace()
      if (this.#bytes[this.#at] === close) return this.#take(close)
      this.#take(comma)
      this.#skipSpace()
    }
  }

  #piece(): unknown {
    const start = this.#at
    this.#at = this.#endOfValue(start)
    if (this.#at - start > maxPieceBytes) throw new SyntaxError('one piece of the answer is too large')
    return parseJsonStrictly(this.#bytes.toString('utf8', start, this.#at), { maxDepth: this.#maxDepth - 2 })
  }

  /** Where it is no JSON, some place or other: who parses the piece is told. */
  #endOfValue(start: number): number {
    const bytes = this.#bytes
    let depth = 0
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at]
      if (byte === quote) {
        at = this.#endOfString(at)
        if (depth === 0) return at + 1
      } else if (byte === openObject || byte === openList) depth++
      else if (byte === closeObject || byte === closeList) {
        if (depth === 0) return at
        if (--depth === 0) return at + 1
      } else if (depth === 0 && (byte === comma || isSpace(byte))) return at
    }
    return bytes.length
  }

  /** Of the quote that ends the string. */
  #endOfString(start: number): number {
    const bytes = this.#bytes
    let at = start + 1
    while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
    return Math.min(at, bytes.length - 1)
  }

  #take(byte: number): void {
    if (this.#bytes[this.#at] !== byte) throw new SyntaxError(`expected ${String.fromCharCode(byte)}`)
    this.#at++
  }

  #skipSpace(): void {
    while (isSpace(this.#bytes[this.#at])) this.#at++
  }
}
