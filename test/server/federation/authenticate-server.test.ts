/** Who a signed request is from: the spec's vectors, and everything a forger may try. */
import { describe, expect, test } from 'vitest'
import { type SigningKey, signingKeyFromSeed } from '../../../server/events/signatures.js'
import { signRequest } from '../../../server/events/x-matrix.js'
import { makeAdmitServer } from '../../../server/federation/authenticate-server.js'
import { parseServerName, type ServerName } from '../../../server/kernel/identifiers.js'
import type { KeyRing } from '../../../server/keys/key-ring.js'
import { fakeClock } from '../../support/fake-clock.js'

const name = (text: string) => parseServerName(text) as ServerName
const us = name('us.test')
const peer = name('peer.test')
const key = signingKeyFromSeed(new Uint8Array(32).fill(7), 'ed25519:1')
const clock = fakeClock()

function authenticatorWith(options: { validUntilTs?: number; expiredTs?: number; isAllowed?: boolean } = {}) {
  const { validUntilTs = clock.now() + 1000, expiredTs, isAllowed = true } = options
  const heard: string[] = []
  const fetched: string[] = []
  const known = { publicKey: key.publicKeyBase64, validUntilTs, ...(expiredTs !== undefined && { expiredTs }) }
  const keyRing: KeyRing = {
    find: (server, keyId) => (server === peer && keyId === 'ed25519:1' && fetched.length > 0 ? known : undefined),
    fetch: async (wanted) => void fetched.push(...wanted.map(({ keyId }) => keyId)),
    readDocuments: async () => [],
  }
  const admit = makeAdmitServer({
    serverName: us,
    keyRing,
    clock,
    destinations: { heardFrom: (server) => void heard.push(server) },
    isServerAllowed: () => isAllowed,
  })
  const authenticate = async ({ content, ...headers }: Parameters<typeof admit>[0] & { content: unknown }) =>
    admit(headers)(content)
  return { admit, authenticate, heard, fetched }
}

const request = { method: 'PUT', uri: '/_matrix/federation/v1/send/1?a=b%20c', content: { pdus: [] } as unknown }
const sign = (
  change: Partial<{ uri: string; method: string; content: unknown; destination: ServerName; origin: ServerName }> = {},
  by: SigningKey = key,
) => signRequest({ ...request, origin: peer, destination: us, ...change }, by)

describe('signed requests', () => {
  test('a good signature tells the origin, and that it is alive', async () => {
    const { authenticate, heard } = authenticatorWith()
    expect(await authenticate({ ...request, authorization: sign() })).toBe(peer)
    expect(heard).toEqual([peer])
  })

  test('a request without a body is signed without one', async () => {
    const { authenticate } = authenticatorWith()
    const get = { method: 'GET', uri: '/x', content: undefined }
    expect(await authenticate({ ...get, authorization: sign(get) })).toBe(peer)
  })

  const forged: [string, string | undefined][] = [
    ['no header', undefined],
    ['another scheme', 'Bearer abc'],
    ['another body', sign({ content: { pdus: [1] } })],
    ['no body where there is one', sign({ content: undefined })],
    ['another path', sign({ uri: '/_matrix/federation/v1/send/2?a=b%20c' })],
    ['another query', sign({ uri: '/_matrix/federation/v1/send/1?a=c' })],
    ['another method', sign({ method: 'POST' })],
    ['another destination', sign({ destination: name('elsewhere.test') })],
    ['another key under the same ID', sign({}, signingKeyFromSeed(new Uint8Array(32).fill(8), 'ed25519:1'))],
    ['an unknown key', sign({}, signingKeyFromSeed(new Uint8Array(32).fill(7), 'ed25519:2'))],
    ['an unknown algorithm', sign().replace('ed25519:1', 'rsa:1')],
    ['our own name', sign({ origin: us })],
    ['a signature cut short', sign().replace(/sig="(.{20}).*"/, 'sig="$1"')],
  ]
  test.each(forged)('%s is refused with 401', async (_what, authorization) => {
    const { authenticate, heard } = authenticatorWith()
    await expect(authenticate({ ...request, authorization })).rejects.toMatchObject({
      status: 401,
      errcode: 'M_UNAUTHORIZED',
    })
    expect(heard).toEqual([])
  })

  test.each([
    ['has run out', { validUntilTs: clock.now() - 1 }],
    ['was retired', { expiredTs: clock.now() + 1000 }],
  ])('a key that %s does not sign requests', async (_what, options) => {
    const { authenticate } = authenticatorWith(options)
    await expect(authenticate({ ...request, authorization: sign() })).rejects.toMatchObject({ status: 401 })
  })

  test('an excluded server gets 403 before its body is read, and makes us ask for no key', () => {
    const { admit, fetched } = authenticatorWith({ isAllowed: false })
    const { content: _notYetHere, ...headers } = request
    expect(() => admit({ ...headers, authorization: sign() })).toThrow(expect.objectContaining({ status: 403 }))
    expect(fetched).toEqual([])
  })

  test.each([
    ['no header', undefined],
    ['another scheme', 'Bearer abc'],
    ['a destination that is not us', sign({ destination: name('elsewhere.test') })],
    ['our own name', sign({ origin: us })],
  ])('%s is refused before the body is read', (_what, authorization) => {
    const { admit } = authenticatorWith()
    const { content: _notYetHere, ...headers } = request
    expect(() => admit({ ...headers, authorization })).toThrow(expect.objectContaining({ status: 401 }))
  })
})
