/** Canonical JSON: the specification's vectors, what is refused, and speed. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CanonicalJsonError,
  canonicalJson,
  compareCodePoints,
  maxJsonDepth,
  parseJsonStrictly,
} from '../../../server/events/canonical-json.js'
import { readVectors } from '../../support/spec-data.js'

type Example = { input: string; output: string }
type Vectors = { examples: Example[]; derived: Example[]; mustRefuse: { input: string }[] }
const vectors = readVectors<Vectors>('canonicalJson')

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('canonicalJson', () => {
  test('every example of the specification comes out as printed there', () => {
    for (const { input, output } of [...vectors.examples, ...vectors.derived])
      expect(canonicalJson(JSON.parse(input))).toBe(output)
  })

  test('fractions and integers beyond 2^53 - 1 are refused when strict, and pass otherwise', () => {
    for (const { input } of vectors.mustRefuse) {
      expect(() => canonicalJson(JSON.parse(input))).toThrow(CanonicalJsonError)
      expect(JSON.parse(canonicalJson(JSON.parse(input), { strict: false }))).toEqual(JSON.parse(input))
    }
  })

  test('a lone surrogate is refused when strict, in values and in keys', () => {
    expect(() => canonicalJson({ a: '\ud800' })).toThrow(CanonicalJsonError)
    expect(() => canonicalJson({ '\udc00': 1 })).toThrow(CanonicalJsonError)
    expect(canonicalJson({ a: '\ud800' }, { strict: false })).toBe('{"a":"\\ud800"}')
  })

  test('an undefined member is refused when strict and left out otherwise', () => {
    expect(() => canonicalJson({ a: undefined })).toThrow(CanonicalJsonError)
    expect(canonicalJson({ a: undefined, b: 1 }, { strict: false })).toBe('{"b":1}')
  })

  test('NaN, infinities, bigints and functions are refused in both modes', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1])
      for (const strict of [true, false]) expect(() => canonicalJson([value], { strict })).toThrow(CanonicalJsonError)
  })

  test('a value nested deeper than the cap is refused, not a stack overflow', () => {
    const deep = JSON.parse(nested(2000))
    expect(() => canonicalJson(deep, { strict: false })).toThrow(/nested deeper/)
    expect(canonicalJson(JSON.parse(nested(maxJsonDepth)))).toBe(nested(maxJsonDepth))
  })

  test('a key named __proto__ is a key like any other', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"x":2}}'))).toBe('{"__proto__":{"x":2},"b":1}')
  })

  test('any JSON survives, whatever the order of its keys', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'small' }), (value) => {
        const text = canonicalJson(value, { strict: false })
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
        expect(canonicalJson(JSON.parse(text), { strict: false })).toBe(text)
      }),
    )
  })

  test('keys come in the order of their code points', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.integer()), (object) => {
        const keys = [...canonicalJson(object, { strict: false }).matchAll(/"((?:[^"\\]|\\.)*)":/g)].map(
          (match) => JSON.parse(`"${match[1]}"`) as string,
        )
        const byCodePoints = [...keys].sort((a, b) => {
          const [x, y] = [Array.from(a, (c) => c.codePointAt(0)!), Array.from(b, (c) => c.codePointAt(0)!)]
          const differs = x.findIndex((point, i) => point !== y[i])
          return differs < 0 ? x.length - y.length : (x[differs] ?? -1) - (y[differs] ?? -1)
        })
        expect(keys).toEqual(byCodePoints)
      }),
    )
  })

  test('an event of 1 KB takes less than 40 microseconds', () => {
    const event = {
      type: 'm.room.message',
      sender: '@alice:example.org',
      room_id: '!Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ',
      origin_server_ts: 1_700_000_000_000,
      depth: 12,
      prev_events: ['$CD66HAED5npg6074c6pDtLKalHjVfYb2q4Q3LZgrW6o'],
      auth_events: ['$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk', '$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg'],
      content: { msgtype: 'm.text', body: 'word '.repeat(80), 'm.mentions': { user_ids: ['@bob:example.org'] } },
      hashes: { sha256: '0ci1Qapqc8DdoLwnVwEHe1isg+rO9yFKU44N8bn8HQg' },
      signatures: { 'example.org': { 'ed25519:1': 'A'.repeat(86) } },
    }
    const rounds = 2000
    const oneRound = () => {
      const start = performance.now()
      for (let i = 0; i < rounds; i++) canonicalJson(event)
      return ((performance.now() - start) * 1000) / rounds
    }
    oneRound() // warm

    const best = Math.min(oneRound(), oneRound(), oneRound())

    expect(best).toBeLessThan(40)
  })
})

describe('parseJsonStrictly', () => {
  test('text nested up to the cap is read, deeper text is refused before it is parsed', () => {
    expect(parseJsonStrictly(nested(100))).toEqual(JSON.parse(nested(100)))
    expect(() => parseJsonStrictly(nested(101))).toThrow(CanonicalJsonError)
    expect(() => parseJsonStrictly('['.repeat(1_000_000))).toThrow(CanonicalJsonError)
    expect(() => parseJsonStrictly('[[1]]', { maxDepth: 1 })).toThrow(CanonicalJsonError)
  })

  test('brackets within strings do not count, whatever is escaped before them', () => {
    const text = JSON.stringify({ a: '[[[', b: '\\', c: '"[', d: '\\"[[', e: '\\\\' })
    expect(parseJsonStrictly(text, { maxDepth: 1 })).toEqual(JSON.parse(text))
  })

  test('a value is read as JSON.parse reads it, or refused as it refuses it', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJsonStrictly(text)).toEqual(JSON.parse(text))
      }),
    )
    for (const text of ['', '{', '{"a":}', '"open', '\\']) expect(() => parseJsonStrictly(text)).toThrow(SyntaxError)
  })
})

test('compareCodePoints puts surrogate pairs after every other character', () => {
  expect(compareCodePoints('\uff61', '\u{1f600}')).toBeLessThan(0)
  expect(compareCodePoints('a', 'aa')).toBeLessThan(0)
  expect(compareCodePoints('\u{1f600}', '\u{1f601}')).toBeLessThan(0)
  expect(compareCodePoints('x', 'x')).toBe(0)
})
