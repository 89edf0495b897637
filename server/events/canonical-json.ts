/**
 * Canonical JSON: the one spelling of a JSON value that is hashed and signed, and the reading of
 * JSON whose nesting is bounded.
 *
 * It runs several times for every event, so escaped keys are remembered and each object is sorted
 * only where its keys are out of order. Nesting is capped in both directions: neither the encoder
 * nor the parser can be driven into a stack overflow by another server.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#canonical-json
 */

import { areNumbersSpelled, parseSpelled, spellingIn } from '../kernel/spelled-numbers.js'

/** Deepest nesting of objects and arrays that this server reads or writes. The spec names no limit. */
export const maxJsonDepth = 100

/** The value has no canonical form (of the wanted strictness). The text names what is wrong, never the value. */
export class CanonicalJsonError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CanonicalJsonError'
  }
}

/**
 * @param value  a JSON value as `JSON.parse` makes them
 * @param strict true (default) for room versions 6 and later and all that we make ourselves: integers
 *               within ±(2^53 - 1) only, no undefined members, no lone surrogates. Versions 1–5 and
 *               the signatures of requests do not enforce this: floats pass, undefined members are left out.
 * @throws CanonicalJsonError also, in both modes, for NaN, infinities, functions and too deep nesting
 */
export function canonicalJson(value: unknown, { strict = true }: { strict?: boolean } = {}): string {
  return encodeValue(value, strict, 0)
}

function encodeValue(value: unknown, strict: boolean, depth: number): string {
  switch (typeof value) {
    case 'string':
      return encodeString(value, strict)
    case 'number':
      return encodeNumber(value, strict)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (depth >= maxJsonDepth) throw new CanonicalJsonError(`nested deeper than ${maxJsonDepth}`)
      return Array.isArray(value)
        ? encodeArray(value, strict, depth + 1)
        : encodeObject(value as Record<string, unknown>, strict, depth + 1)
    default:
      throw new CanonicalJsonError(`${typeof value} is not a JSON value`)
  }
}

function encodeArray(values: readonly unknown[], strict: boolean, depth: number): string {
  if (values.length === 0) return '[]'
  const spelled = areNumbersSpelled() ? spellingIn(values) : undefined
  let text = '['
  for (let i = 0; i < values.length; i++) {
    if (i > 0) text += ','
    text += spelled
      ? encodeSpelled(values[i], spelled.get(String(i)), strict, depth)
      : encodeValue(values[i], strict, depth)
  }
  return `${text}]`
}

function encodeObject(object: Record<string, unknown>, strict: boolean, depth: number): string {
  const spelled = areNumbersSpelled() ? spellingIn(object) : undefined
  let text = ''
  for (const key of sortedKeys(object)) {
    const member = object[key]
    if (member === undefined && !strict) continue
    text += (text === '' ? '{' : ',') + encodeKey(key, strict)
    text += spelled ? encodeSpelled(member, spelled.get(key), strict, depth) : encodeValue(member, strict, depth)
  }
  return text === '' ? '{}' : `${text}}`
}

/** A number goes out as it came where versions 1–5 let it; what is not an integer there is none in later ones either. */
function encodeSpelled(value: unknown, spelling: string | undefined, strict: boolean, depth: number): string {
  if (spelling === undefined || Number(spelling) !== value) return encodeValue(value, strict, depth)
  if (strict) throw new CanonicalJsonError('a number is not spelt as an integer within ±(2^53 - 1)')
  return spelling
}

function encodeString(value: string, strict: boolean): string {
  if (strict && !isWellFormed(value)) throw new CanonicalJsonError('a string has a lone surrogate')
  return JSON.stringify(value)
}

function encodeNumber(value: number, strict: boolean): string {
  if (Number.isSafeInteger(value)) return String(value) // -0 becomes 0
  if (strict) throw new CanonicalJsonError('a number is not an integer within ±(2^53 - 1)')
  if (!Number.isFinite(value)) throw new CanonicalJsonError('a number is not finite')
  return String(value)
}

// In every engine we run on, but newer than the ES2023 library types.
const isWellFormed = (text: string) => (text as string & { isWellFormed(): boolean }).isWellFormed()

/** Keys seen before, with quotes and colon. Only keys without surrogates: they sort alike by unit and by code point. */
const plainKeys = new Map<string, string>()
const maxPlainKeys = 4096
const maxPlainKeyLength = 64
const surrogate = /[\ud800-\udfff]/

function isPlainKey(key: string): boolean {
  if (plainKeys.has(key)) return true
  if (surrogate.test(key)) return false
  if (plainKeys.size < maxPlainKeys && key.length <= maxPlainKeyLength) plainKeys.set(key, `${JSON.stringify(key)}:`)
  return true
}

const encodeKey = (key: string, strict: boolean) => plainKeys.get(key) ?? `${encodeString(key, strict)}:`

function sortedKeys(object: Record<string, unknown>): string[] {
  const keys = Object.keys(object)
  let isSorted = true
  let isPlain = true
  for (let i = 0; i < keys.length; i++) {
    if (!isPlainKey(keys[i]!)) isPlain = false
    if (i > 0 && keys[i - 1]! > keys[i]!) isSorted = false
  }
  if (!isPlain) return keys.sort(compareCodePoints)
  return isSorted ? keys : keys.sort()
}

/**
 * Order by Unicode code point, as the spec wants it for keys and IDs. JavaScript's own order is by
 * UTF-16 unit and puts surrogate pairs before U+E000–U+FFFF.
 */
export function compareCodePoints(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const isSurrogateX = (x & 0xf800) === 0xd800
    const isSurrogateY = (y & 0xf800) === 0xd800
    return isSurrogateX === isSurrogateY ? x - y : isSurrogateX ? 1 : -1
  }
  return a.length - b.length
}

/**
 * `JSON.parse` for text from other servers, with a cap on nesting that is checked before anything is built. Numbers keep
 * their spelling.
 *
 * @param maxDepth objects and arrays within one another; a scalar has depth 0
 * @throws SyntaxError where the text is not JSON (`M_NOT_JSON`), CanonicalJsonError where it is nested
 *         deeper than the cap (`M_BAD_JSON`)
 */
export function parseJsonStrictly(text: string, { maxDepth = maxJsonDepth }: { maxDepth?: number } = {}): unknown {
  if (isDeeperThan(text, maxDepth)) throw new CanonicalJsonError(`nested deeper than ${maxDepth}`)
  return parseSpelled(text)
}

const quote = 0x22
const backslash = 0x5c

function isDeeperThan(text: string, maxDepth: number): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === quote) i = endOfString(text, i)
    else if (unit === 0x7b || unit === 0x5b) {
      if (++depth > maxDepth) return true
    } else if (unit === 0x7d || unit === 0x5d) depth--
  }
  return false
}

/** Index of the quote that ends the string opened at `start`; the text's length where none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end >= 0) {
    let first = end
    while (text.charCodeAt(first - 1) === backslash) first--
    if ((end - first) % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return text.length
}
