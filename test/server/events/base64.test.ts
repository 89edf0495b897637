/** Unpadded base64. */
import { describe, expect, test } from 'vitest'
import { decodeBase64, encodeUnpaddedBase64, withoutPadding } from '../../../server/events/base64.js'
import { readVectors } from '../../support/spec-data.js'

const { encode = [] } = readVectors<{ encode?: { input: string; output: string }[] }>('base64')

describe('base64', () => {
  test('the specification’s examples are written without padding and read back', () => {
    for (const { input, output } of encode) {
      expect(encodeUnpaddedBase64(Buffer.from(input))).toBe(output)
      expect(decodeBase64(output)?.toString()).toBe(input)
    }
  })

  test('padding and the URL-safe alphabet are read too', () => {
    expect(decodeBase64('Zg==')?.toString()).toBe('f')
    expect(decodeBase64('-_-_')).toEqual(decodeBase64('+/+/'))
    expect(withoutPadding('Zg==')).toBe('Zg')
  })

  test('text that is not base64 gives undefined, not bytes of what is left of it', () => {
    for (const text of ['Z g', 'Zg===', 'é', '=Zg']) expect(decodeBase64(text)).toBeUndefined()
  })

  test('a view into a larger buffer encodes only its own bytes', () => {
    expect(encodeUnpaddedBase64(new Uint8Array(Buffer.from('xfoox')).subarray(1, 4))).toBe('Zm9v')
  })
})
