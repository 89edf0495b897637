/** CBOR: frames cut without decoding, and values written as the SDK writes them. */
import fc from 'fast-check'
import { RecordId, Uuid } from 'surrealdb'
import { describe, expect, test } from 'vitest'
import { CborShapeError, itemEnd, mapEntries } from '../../../server/store/cbor.js'
import { encodeCbor } from '../../../server/store/cbor-encode.js'
import { codec } from '../../../server/store/rpc.js'

const encode = (value: unknown) => encodeCbor(value, (other) => codec.encode(other))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** As JSON.parse gives it; the SDK's reader cannot make a member of its own named `__proto__`. */
const json = fc
  .json()
  .filter((text) => !text.includes('__proto__'))
  .map((text): unknown => JSON.parse(text))
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown)

const keys = fc.string().filter((key) => key !== '__proto__')

describe('writing', () => {
  test.each([
    ['simple values', [undefined, null, true, false]],
    ['numbers', [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER]],
    ['negative and broken numbers', [-1, -24, -25, -256, -257, -(2 ** 40), Number.MIN_SAFE_INTEGER, -0, 1.5, -1.5e-7]],
    ['text', ['', 'a', 'é\u0000⟨𝄞⟩', 'x'.repeat(23), 'x'.repeat(24), 'x'.repeat(70_000)]],
    ['nested data', { a: { b: undefined, c: [[], {}] } }],
    [
      'the SDK’s own types',
      [new RecordId('a', '$a'), new RecordId('b', ['!r', -7]), Uuid.v4(), 12n, new Uint8Array(2)],
    ],
  ])('%s as the SDK does', (_, value) => {
    expect(hex(encode(value))).toBe(hex(codec.encode(value)))
  })

  test('any JSON comes back as it was', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(codec.decode(encode(value))).toEqual(value)
      }),
    )
  })
})

describe('cutting', () => {
  test('the entries of a map are found whatever is in them', () => {
    fc.assert(
      fc.property(fc.dictionary(keys, json), (value) => {
        const entries = mapEntries(encode(value))
        expect([...entries.keys()]).toEqual(Object.keys(value))
        for (const [key, bytes] of entries) expect(hex(bytes)).toBe(hex(encode(value[key])))
      }),
    )
  })

  test('any bytes give entries or a CborShapeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          mapEntries(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(CborShapeError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('lengths of indefinite items are followed', () => {
    const bytes = Buffer.from('bf6161' + '9f0102ff' + '6162' + '7f61786179ff' + 'ff', 'hex')
    expect([...mapEntries(bytes)].map(([key, value]) => [key, hex(value)])).toEqual([
      ['a', '9f0102ff'],
      ['b', '7f61786179ff'],
    ])
  })

  test.each([
    ['a doubled key', 'a2616101616102'],
    ['bytes after the map', 'a000'],
    ['an array', '80'],
    ['a number as key', 'a10102'],
    ['a map that is cut off', 'a261'],
    ['a length beyond the end', 'a161615bffffffffffffffff'],
  ])('%s is refused', (_, text) => {
    expect(() => mapEntries(Buffer.from(text, 'hex'))).toThrow(CborShapeError)
  })

  test('nesting is followed to 256 levels and no further', () => {
    expect(itemEnd(Buffer.alloc(257, 0x81).fill(0x00, 256), 0)).toBe(257)
    expect(() => itemEnd(Buffer.alloc(100_000, 0x81), 0)).toThrow('nested too deep')
  })
})
