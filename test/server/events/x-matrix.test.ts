/** Authentication of requests between servers. */
import { describe, expect, test } from 'vitest'
import { decodeBase64 } from '../../../server/events/base64.js'
import { canonicalJson } from '../../../server/events/canonical-json.js'
import { signingKeyFromSeed } from '../../../server/events/signatures.js'
import {
  type FederationRequest,
  parseXMatrix,
  requestJsonToVerify,
  signRequest,
  verifyRequest,
} from '../../../server/events/x-matrix.js'
import { parseServerName } from '../../../server/kernel/identifiers.js'
import { readVectors } from '../../support/spec-data.js'

type XMatrixVectors = {
  vectors: { request: FederationRequest; canonical: string; header: string }[]
  parse: { header: string; params: Record<string, string> }[]
}
const { vectors = [], parse = [] } = readVectors<Partial<XMatrixVectors>>('xMatrix')
const signing = readVectors<{ seedBase64: string; keyId: string }>('signing')

const key = signingKeyFromSeed(new Uint8Array(32).fill(5), 'ed25519:1')
const request: FederationRequest = {
  method: 'PUT',
  uri: '/_matrix/federation/v1/send/1?a=b%20c',
  origin: parseServerName('a.example')!,
  destination: parseServerName('b.example')!,
  content: { pdus: [], level: 1.5 },
}

describe('X-Matrix', () => {
  test('our header for every vector is the vector’s, and it verifies', () => {
    const vectorKey = signingKeyFromSeed(decodeBase64(signing.seedBase64)!, signing.keyId)
    for (const vector of vectors) {
      const header = signRequest(vector.request, vectorKey)
      const auth = parseXMatrix(header)!

      const { signatures: _s, ...signed } = requestJsonToVerify(vector.request, auth)

      expect(header).toBe(vector.header)
      expect(canonicalJson(signed)).toBe(vector.canonical)
      expect(verifyRequest(vector.request, auth, vectorKey.publicKeyBase64)).toBe(true)
    }
  })

  test('every spelling of a header that others may send is read', () => {
    for (const { header, params } of parse) expect(parseXMatrix(header)).toEqual(params)
  })

  test('a header that lacks a parameter, names one twice or is another scheme is refused', () => {
    for (const header of [
      '',
      'Bearer abc',
      'X-Matrix',
      'X-Matrixorigin="a.example",key="k",sig="s"',
      'X-Matrix origin="a.example",key="ed25519:1"',
      'X-Matrix origin="a.example",sig="AAAA"',
      'X-Matrix key="ed25519:1",sig="AAAA"',
      'X-Matrix origin="a b",key="ed25519:1",sig="AAAA"',
      'X-Matrix origin="a.example",destination="/",key="ed25519:1",sig="AAAA"',
      'X-Matrix origin="a.example",origin="b.example",key="ed25519:1",sig="AAAA"',
      'X-Matrix origin="a.example",key="ed25519:1",sig="AAAA',
      'X-Matrix origin="a.example" key="ed25519:1" sig="AAAA"',
      'X-Matrix origin="a.example",,key="ed25519:1",sig="AAAA"',
    ])
      expect(parseXMatrix(header)).toBeUndefined()
  })

  test('a long hostile header is read in no time', () => {
    const start = performance.now()
    parseXMatrix(`X-Matrix ${'a='.repeat(20_000)}`)
    parseXMatrix(`X-Matrix a="${'\\'.repeat(40_001)}`)
    parseXMatrix(`X-Matrix a${' '.repeat(40_000)}`)
    expect(performance.now() - start).toBeLessThan(200)
  })

  test('a signature holds for one method, URI, destination and body only', () => {
    const auth = parseXMatrix(signRequest(request, key))!
    const other = parseServerName('c.example')!

    expect(verifyRequest(request, auth, key.publicKeyBase64)).toBe(true)

    const { content: _c, ...withoutBody } = request
    for (const changed of [
      { ...request, method: 'GET' },
      { ...request, uri: '/_matrix/federation/v1/send/2' },
      { ...request, content: { pdus: [1] } },
      { ...request, destination: other },
      { ...request, origin: other },
      withoutBody,
    ])
      expect(verifyRequest(changed, auth, key.publicKeyBase64)).toBe(false)
  })

  test('a header without a destination is checked against the one we were asked as', () => {
    const { destination: _d, ...auth } = parseXMatrix(signRequest(request, key))!
    expect(verifyRequest(request, auth, key.publicKeyBase64)).toBe(true)
  })

  test('quotes and backslashes in a value survive the way through the header', () => {
    const odd = signingKeyFromSeed(new Uint8Array(32).fill(6), 'ed25519:a"b\\c')
    expect(parseXMatrix(signRequest(request, odd))?.key).toBe('ed25519:a"b\\c')
  })
})
