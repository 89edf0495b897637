/**
 * Numbers as their sender spelt them: `1.0`, `9007199254740993`.
 *
 * Room versions 1–5 have such numbers in events, and hashes and signatures are made over their spelling, which a number
 * of JavaScript does not keep. It is remembered beside the object or list that holds the number, for as long as that
 * lives; whoever makes a copy of such an object, in order to hash it, carries it over.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v6/#canonical-json
 */

import { randomUUID } from 'node:crypto'

/** By member, or by place in a list. */
type Spellings = Map<string, string>

const spellings = new WeakMap<object, Spellings>()
/** Almost no server ever meets one. */
let hasAny = false

/** A number whose spelling may not be the usual one; in a text it does no harm. */
const unusual = /[[:,]\s*-?(?:\d+[.eE]|\d{16})|[[:,]\s*-0/

/** Whether any text that was parsed had such a number. */
export const areNumbersSpelled = (): boolean => hasAny

/** How the holder's number is spelt, where that is not as JavaScript would. */
export const spellingIn = (holder: object): ReadonlyMap<string, string> | undefined => spellings.get(holder)

/** @returns the copy, with the spellings of what it was made from */
export function carrySpellings<Copy extends object>(from: object, copy: Copy): Copy {
  const known = hasAny ? spellings.get(from) : undefined
  if (known) spellings.set(copy, known)
  return copy
}

/** A shallow copy. */
export const copySpelled = <Value extends object>(from: Value) => carrySpellings(from, { ...from })

/** `JSON.parse`, with spellings remembered. @throws SyntaxError */
export function parseSpelled(text: string): unknown {
  const plain: unknown = JSON.parse(text)
  return unusual.test(text) ? new Parser(text).value() : plain
}

/** `JSON.stringify`, with every number as it was spelt. */
export function stringifySpelled(value: unknown): string {
  if (!hasAny) return JSON.stringify(value)
  const spelt: string[] = []
  // No text of anybody has this in it: it is made anew each time.
  const mark = randomUUID()
  const text = JSON.stringify(value, function (this: object, key: string, member: unknown) {
    const spelling = typeof member === 'number' ? spellings.get(this)?.get(key) : undefined
    return spelling !== undefined && Number(spelling) === member ? `${mark}${spelt.push(spelling) - 1}` : member
  })
  if (spelt.length === 0) return text
  return text.replace(new RegExp(`"${mark}(\\d+)"`, 'g'), (_, at: string) => spelt[Number(at)]!)
}

/** Reads text that is known to be JSON, and not too deep. */
class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): unknown {
    this.#skipSpace()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#list()
      case '"':
        return JSON.parse(this.#string())
      default:
        return JSON.parse(this.#word())
    }
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    this.#members('}', () => {
      this.#skipSpace()
      const key = JSON.parse(this.#string()) as string
      this.#skipSpace()
      this.#at++ // the colon
      const { value, spelling } = this.#member()
      // As `JSON.parse` does: `__proto__` is a member like any other, and the last of two of one name counts.
      Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
      note(object, key, spelling)
    })
    return object
  }

  #list(): unknown[] {
    const list: unknown[] = []
    this.#members(']', () => {
      const { value, spelling } = this.#member()
      note(list, String(list.length), spelling)
      list.push(value)
    })
    return list
  }

  #members(end: string, read: () => void): void {
    this.#at++
    this.#skipSpace()
    while (this.#text[this.#at] !== end) {
      read()
      this.#skipSpace()
      if (this.#text[this.#at] === ',') this.#at++
      this.#skipSpace()
    }
    this.#at++
  }

  #member(): { value: unknown; spelling?: string } {
    this.#skipSpace()
    const start = this.#at
    const value = this.value()
    if (typeof value !== 'number') return { value }
    const spelling = this.#text.slice(start, this.#at)
    return spelling === String(value) ? { value } : { value, spelling }
  }

  #string(): string {
    const start = this.#at++
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    return this.#text.slice(start, ++this.#at)
  }

  #word(): string {
    const start = this.#at
    while (this.#at < this.#text.length && !',}] \n\r\t'.includes(this.#text[this.#at]!)) this.#at++
    return this.#text.slice(start, this.#at)
  }

  #skipSpace(): void {
    while (' \n\r\t'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }
}

function note(holder: object, key: string, spelling: string | undefined): void {
  const known = spellings.get(holder)
  if (spelling === undefined) known?.delete(key)
  else if (known) known.set(key, spelling)
  else {
    hasAny = true
    spellings.set(holder, new Map([[key, spelling]]))
  }
}
