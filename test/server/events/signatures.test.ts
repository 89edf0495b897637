/** Signing and verifying: vectors, a second implementation, every way a PDU can fail, and speed. */
import { createPublicKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import nacl from 'tweetnacl'
import { describe, expect, test } from 'vitest'
import { decodeBase64 } from '../../../server/events/base64.js'
import { canonicalJson } from '../../../server/events/canonical-json.js'
import { computeEventId, toPduEvent } from '../../../server/events/event-id.js'
import type { JsonObject, Pdu, UnsignedPdu } from '../../../server/events/pdu.js'
import { redactPdu } from '../../../server/events/redaction.js'
import { knownRoomVersions } from '../../../server/events/room-versions.js'
import {
  buildSignedEvent,
  type FindVerifyKey,
  hashAndSignPdu,
  requiredSigners,
  type SigningKey,
  signingKeyFromSeed,
  signJson,
  verifyJson,
  verifyPdu,
} from '../../../server/events/signatures.js'
import { parseServerName, type ServerName } from '../../../server/kernel/identifiers.js'
import { buildRoom, rulesOf } from '../../support/pdu-builder.js'
import { readVectors } from '../../support/spec-data.js'

type SigningVectors = {
  seedBase64: string
  publicKeyBase64: string
  serverName: string
  keyId: string
  json: { input: JsonObject; output: JsonObject }[]
  events: { roomVersion: string; input: JsonObject; output: JsonObject }[]
}
const vectors = readVectors<SigningVectors>('signing')
const server = (name: string) => parseServerName(name)!
const keyOf = (fill: number, keyId = 'ed25519:1') => signingKeyFromSeed(new Uint8Array(32).fill(fill), keyId)
const day = 24 * 60 * 60 * 1000

describe('signJson and verifyJson', () => {
  test('give the signatures of the specification', () => {
    const key = signingKeyFromSeed(decodeBase64(vectors.seedBase64)!, vectors.keyId)
    expect(key.publicKeyBase64).toBe(vectors.publicKeyBase64)
    for (const { input, output } of vectors.json) {
      expect(signJson(input, vectors.serverName, key)).toEqual(output)
      expect(verifyJson(output, vectors.serverName, vectors.keyId, vectors.publicKeyBase64)).toBe(true)
    }
    for (const { roomVersion, input, output } of vectors.events) {
      const signed = hashAndSignPdu(input as UnsignedPdu, rulesOf(roomVersion), server(vectors.serverName), key)
      expect(signed).toEqual(output)
    }
  })

  test('agree with tweetnacl, both ways, for any object', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.dictionary(fc.string(), fc.integer()),
        (seed, object) => {
          const { signatures: _s, unsigned: _u, ...plain } = object
          const key = signingKeyFromSeed(seed, 'ed25519:x')
          const pair = nacl.sign.keyPair.fromSeed(seed)
          const bytes = Buffer.from(canonicalJson(plain, { strict: false }))

          const ours = signJson(plain, 'a.example', key).signatures['a.example']!['ed25519:x']!
          const theirs = Buffer.from(nacl.sign.detached(bytes, pair.secretKey)).toString('base64')

          expect(nacl.sign.detached.verify(bytes, decodeBase64(ours)!, pair.publicKey)).toBe(true)
          const signed = { ...plain, signatures: { 'a.example': { 'ed25519:x': theirs } } }
          expect(verifyJson(signed, 'a.example', 'ed25519:x', key.publicKeyBase64)).toBe(true)
        },
      ),
      { numRuns: 25 },
    )
  })

  test('signing keeps the signatures of others and does not cover unsigned', () => {
    const twice = signJson(signJson({ a: 1, unsigned: { x: 1 } }, 'a.example', keyOf(1)), 'b.example', keyOf(2))
    const changed = { ...twice, unsigned: { x: 2 } }
    expect(verifyJson(changed, 'a.example', 'ed25519:1', keyOf(1).publicKeyBase64)).toBe(true)
    expect(verifyJson(changed, 'b.example', 'ed25519:1', keyOf(2).publicKeyBase64)).toBe(true)
    const second = signJson(twice, 'a.example', keyOf(3, 'ed25519:2'))
    expect(Object.keys(second.signatures['a.example']!)).toEqual(['ed25519:1', 'ed25519:2'])
  })

  test('a changed object, another server, key ID or key does not verify', () => {
    const signed = signJson({ a: 1 }, 'a.example', keyOf(1))
    const own = keyOf(1).publicKeyBase64
    expect(verifyJson(signed, 'a.example', 'ed25519:1', own)).toBe(true)
    expect(verifyJson({ ...signed, a: 2 }, 'a.example', 'ed25519:1', own)).toBe(false)
    expect(verifyJson(signed, 'b.example', 'ed25519:1', own)).toBe(false)
    expect(verifyJson(signed, 'a.example', 'ed25519:2', own)).toBe(false)
    expect(verifyJson(signed, 'a.example', 'ed25519:1', keyOf(2).publicKeyBase64)).toBe(false)
  })

  test('broken signatures and keys are false, not exceptions', () => {
    const own = keyOf(1).publicKeyBase64
    for (const signatures of [undefined, null, [], 'x', { 'a.example': 1 }, { 'a.example': { 'ed25519:1': 5 } }])
      expect(verifyJson({ a: 1, signatures }, 'a.example', 'ed25519:1', own)).toBe(false)
    for (const signature of ['', '!', 'AAAA', 'A'.repeat(86)])
      expect(verifyJson({ signatures: { x: { k: signature } } }, 'x', 'k', own)).toBe(false)
    for (const publicKey of ['', '!', 'AAAA'])
      expect(verifyJson(signJson({}, 'x', keyOf(1)), 'x', 'ed25519:1', publicKey)).toBe(false)
    expect(verifyJson({ constructor: 1 }, 'constructor', 'name', own)).toBe(false)
    const deep = JSON.parse(`${'['.repeat(2000)}${']'.repeat(2000)}`)
    expect(verifyJson({ deep, signatures: { x: { k: 'A'.repeat(86) } } }, 'x', 'k', own)).toBe(false)
  })

  test('a key object and padded or URL-safe spellings of a key verify alike', () => {
    const key = keyOf(7)
    const signed = signJson({ a: 1 }, 'x', key)
    const urlSafe = key.publicKeyBase64.replaceAll('+', '-').replaceAll('/', '_')
    for (const publicKey of [createPublicKey(key.privateKey), `${key.publicKeyBase64}=`, urlSafe])
      expect(verifyJson(signed, 'x', 'ed25519:1', publicKey)).toBe(true)
  })

  test('a seed of the wrong length is refused', () => {
    expect(() => signingKeyFromSeed(new Uint8Array(31), 'ed25519:1')).toThrow(RangeError)
  })
})

describe('requiredSigners', () => {
  const signers = (version: string, input: { content?: JsonObject; members?: JsonObject; sender?: string }) => {
    const room = buildRoom({ version })
    const event = room.event({ type: 'm.room.member', sender: '@bob:b.example', stateKey: '@bob:b.example', ...input })
    return requiredSigners(event.pdu, room.rules)
  }

  test('the sender’s server signs; in versions 1 and 2 also that of the event ID', () => {
    expect(signers('11', { content: { membership: 'join' } })).toEqual(['b.example'])
    expect(signers('2', { members: { event_id: '$x:c.example' } })).toEqual(['b.example', 'c.example'])
    expect(signers('1', { members: { event_id: '$x:b.example' } })).toEqual(['b.example'])
  })

  test('from version 8 on the server that authorises a join signs too', () => {
    const content = { membership: 'join', join_authorised_via_users_server: '@dora:d.example' }
    expect(signers('8', { content })).toEqual(['b.example', 'd.example'])
    expect(signers('7', { content })).toEqual(['b.example'])
  })

  test('an invite made from a third-party invite needs no signature of its sender’s server', () => {
    const content = { membership: 'invite', third_party_invite: { signed: {} } }
    expect(signers('11', { content })).toEqual([])
    expect(signers('11', { content: { ...content, membership: 'join' } })).toEqual(['b.example'])
  })
})

describe('verifyPdu', () => {
  const alice = keyOf(1)
  const now = 2_000_000

  /** Keys by server, valid for a day from now. */
  const keysOf =
    (known: Record<string, SigningKey>, over: { validUntilTs?: number; expiredTs?: number } = {}): FindVerifyKey =>
    (serverName, keyId) => {
      const key = known[serverName]
      return key?.keyId === keyId ? { publicKey: key.publicKeyBase64, validUntilTs: now + day, ...over } : undefined
    }

  const signedBy = (names: [string, SigningKey][], version = '11', members: JsonObject = {}) => {
    const room = buildRoom({ version })
    const {
      signatures: _s,
      hashes: _h,
      ...unsigned
    } = room.event({
      type: 'm.room.topic',
      sender: room.creator,
      stateKey: '',
      content: { topic: 'x' },
      members,
    }).pdu
    let pdu: UnsignedPdu = unsigned
    for (const [name, key] of names) pdu = hashAndSignPdu(pdu, room.rules, server(name), key)
    return { pdu: pdu as Pdu, rules: room.rules }
  }

  test.each(knownRoomVersions)('version %s: an event is accepted as it was signed', (version) => {
    const { pdu, rules } = signedBy([['a.example', alice]], version)
    expect(verifyPdu(pdu, rules, keysOf({ 'a.example': alice }), now)).toEqual({ ok: true, redacted: false, pdu })
  })

  test('changed content is not fatal: the redacted form goes on, under the same ID', () => {
    const { pdu, rules } = signedBy([['a.example', alice]])
    const changed: Pdu = { ...pdu, content: { topic: 'forged' }, unsigned: { age: 1 } }

    const verdict = verifyPdu(changed, rules, keysOf({ 'a.example': alice }), now)

    expect(verdict).toEqual({ ok: true, redacted: true, pdu: redactPdu(pdu, rules) })
    expect(verdict.ok && verdict.pdu.content).toEqual({})
    expect(verdict.ok && computeEventId(verdict.pdu, rules)).toBe(computeEventId(pdu, rules))
  })

  test('a content hash in another spelling of base64 matches', () => {
    const room = buildRoom()
    const { signatures: _s, hashes: _h, ...unsigned } = room.create.pdu
    const hash = hashAndSignPdu(unsigned, room.rules, server('a.example'), alice).hashes.sha256
    const hashes = { sha256: `${hash.replaceAll('+', '-').replaceAll('/', '_')}=` }
    const pdu = signRedacted({ ...unsigned, hashes, signatures: {} })

    expect(verifyPdu(pdu, room.rules, keysOf({ 'a.example': alice }), now)).toMatchObject({ redacted: false })

    function signRedacted(event: Pdu): Pdu {
      const { signatures } = signJson(redactPdu({ ...event, signatures: {} }, room.rules), 'a.example', alice)
      return { ...event, signatures }
    }
  })

  test('a change of what redaction keeps is fatal', () => {
    const { pdu, rules } = signedBy([['a.example', alice]])
    for (const change of [{ depth: 99 }, { state_key: 'x' }, { hashes: { sha256: 'x' } }, { origin_server_ts: 1 }])
      expect(verifyPdu({ ...pdu, ...change }, rules, keysOf({ 'a.example': alice }), now)).toMatchObject({ ok: false })
  })

  test('without any signature of the sender’s server an event is refused, whoever else signed', () => {
    const { pdu, rules } = signedBy([['b.example', alice]])
    const verdict = verifyPdu(pdu, rules, keysOf({ 'a.example': alice, 'b.example': alice }), now)
    expect(verdict).toEqual({ ok: false, reason: expect.stringContaining('a.example'), missingKeys: [] })
  })

  test('an unknown key is named, so that it can be fetched', () => {
    const { pdu, rules } = signedBy([['a.example', alice]])
    const verdict = verifyPdu(pdu, rules, () => undefined, now)
    expect(verdict).toMatchObject({ ok: false, missingKeys: [{ serverName: 'a.example', keyId: 'ed25519:1' }] })
  })

  test('one known valid signature is enough beside an unknown one, but every known one must verify', () => {
    const second = keyOf(2, 'ed25519:2')
    const { pdu, rules } = signedBy([
      ['a.example', alice],
      ['a.example', second],
    ])
    expect(verifyPdu(pdu, rules, keysOf({ 'a.example': alice }), now)).toMatchObject({ ok: true })

    const wrong = keyOf(3, 'ed25519:2')
    const both: FindVerifyKey = (name, keyId) =>
      keysOf({ 'a.example': alice })(name, keyId) ?? keysOf({ 'a.example': wrong })(name, keyId)
    expect(verifyPdu(pdu, rules, both, now)).toMatchObject({ ok: false, reason: expect.stringContaining('ed25519:2') })
  })

  test('a key that had expired when the event was sent is skipped, one that expired later counts', () => {
    const { pdu, rules } = signedBy([['a.example', alice]])
    const ts = pdu.origin_server_ts
    const expiring = (expiredTs: number) => keysOf({ 'a.example': alice }, { expiredTs, validUntilTs: 0 })
    expect(verifyPdu(pdu, rules, expiring(ts - 1), now)).toMatchObject({ ok: false })
    expect(verifyPdu(pdu, rules, expiring(ts + 1), now)).toMatchObject({ ok: true })
  })

  test('from version 5 on the key must be valid at the time of the event, and for no more than 7 days from now', () => {
    const until = (validUntilTs: number) => keysOf({ 'a.example': alice }, { validUntilTs })
    const verdict = (version: string, ts: number, validUntilTs: number) => {
      const { pdu, rules } = signedBy([['a.example', alice]], version, { origin_server_ts: ts })
      return verifyPdu(pdu, rules, until(validUntilTs), now).ok
    }
    expect(verdict('5', now, now)).toBe(true)
    expect(verdict('5', now + 1, now)).toBe(false)
    expect(verdict('4', now + 1, now)).toBe(true)
    expect(verdict('11', now + 7 * day, now + 30 * day)).toBe(true)
    expect(verdict('11', now + 7 * day + 1, now + 30 * day)).toBe(false)
  })

  test('the policy server’s key and other algorithms do not count', () => {
    for (const keyId of ['ed25519:policy_server', 'rsa:1']) {
      const key = keyOf(1, keyId)
      const { pdu, rules } = signedBy([['a.example', key]])
      expect(verifyPdu(pdu, rules, keysOf({ 'a.example': key }), now)).toMatchObject({ ok: false })
    }
  })

  test('an authorised join needs both signatures', () => {
    const room = buildRoom({ version: '11' })
    const bob = '@bob:b.example'
    const content = { membership: 'join', join_authorised_via_users_server: room.creator }
    const { pdu } = room.event({ type: 'm.room.member', sender: bob, stateKey: bob, content })
    const keys = keysOf({ 'a.example': alice, 'b.example': keyOf(2) })

    const joining = hashAndSignPdu({ ...pdu, signatures: {} }, room.rules, server('b.example'), keyOf(2))
    const authorised = hashAndSignPdu(joining, room.rules, server('a.example'), alice)

    expect(verifyPdu(joining, room.rules, keys, now)).toMatchObject({ ok: false })
    expect(verifyPdu(authorised, room.rules, keys, now)).toMatchObject({ ok: true })
    expect(computeEventId(authorised, room.rules)).toBe(computeEventId(joining, room.rules))
  })
})

describe('buildSignedEvent', () => {
  test.each(knownRoomVersions)('version %s: gives the same PDU and IDs as the single steps', (version) => {
    const rules = rulesOf(version)
    const source = buildRoom({ version })
    for (const { pdu } of source.events.values()) {
      const { signatures: _s, hashes: _h, ...unsigned } = pdu
      const event = buildSignedEvent(unsigned, rules, server('a.example'), keyOf(1))
      expect(event.pdu).toEqual(hashAndSignPdu(unsigned, rules, server('a.example'), keyOf(1)))
      expect(event).toEqual(toPduEvent(event.pdu, rules))
    }
  })

  test('hashes and signs at least 3,000 events a second', () => {
    const room = buildRoom({ version: '12' })
    const {
      signatures: _s,
      hashes: _h,
      ...unsigned
    } = room.event({
      type: 'm.room.message',
      sender: room.creator,
      content: { body: 'word '.repeat(100), msgtype: 'm.text' },
    }).pdu
    const key = signingKeyFromSeed(randomBytes(32), 'ed25519:1')
    const name: ServerName = server('a.example')
    const perSecond = () => {
      const rounds = 600
      const start = performance.now()
      for (let i = 0; i < rounds; i++) buildSignedEvent({ ...unsigned, origin_server_ts: i }, room.rules, name, key)
      return (rounds * 1000) / (performance.now() - start)
    }
    perSecond() // warm

    expect(Math.max(perSecond(), perSecond(), perSecond())).toBeGreaterThan(3000)
  })
})
