/** Keys of other servers: where they are looked for, how long they are believed, what a forger gains. */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../server/events/pdu.js'
import { type SigningKey, signingKeyFromSeed, signJson } from '../../../server/events/signatures.js'
import { parseServerName, type ServerName } from '../../../server/kernel/identifiers.js'
import { type AskForKeys, makeKeyRing } from '../../../server/keys/key-ring.js'
import { makePublishServerKeys, readServerKeysDocument } from '../../../server/keys/server-keys-document.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'
import { type FakeClock, fakeClock } from '../../support/fake-clock.js'

const name = (text: string) => parseServerName(text) as ServerName
const peer = name('peer.test')
const keyOf = (byte: number, id = 'ed25519:1') => signingKeyFromSeed(new Uint8Array(32).fill(byte), id)
const peerKey = keyOf(7)
const hour = 3_600_000

function documentOf(
  server: ServerName,
  key: SigningKey,
  validUntilTs: number,
  old: Record<string, unknown> = {},
): JsonObject {
  const unsigned = {
    server_name: server,
    valid_until_ts: validUntilTs,
    verify_keys: { [key.keyId]: { key: key.publicKeyBase64 } },
    old_verify_keys: old,
  }
  return signJson(unsigned, server, key)
}

type World = {
  direct: Map<ServerName, JsonObject | Promise<JsonObject> | Error>
  notary: JsonObject
  asked: string[]
}

function ringOn(db: TestDatabase, clock: FakeClock, trustedKeyServers: ServerName[] = []) {
  const world: World = { direct: new Map(), notary: { server_keys: [] }, asked: [] }
  const ask: AskForKeys = {
    async direct(server) {
      world.asked.push(`direct ${server}`)
      const answer = world.direct.get(server) ?? new Error('down')
      if (answer instanceof Error) throw answer
      return answer
    },
    async notary(notary, wanted) {
      world.asked.push(`${notary} about ${wanted.map((key) => key.serverName).join()}`)
      return world.notary
    },
  }
  const signingKeys = { current: keyOf(1), retired: [] }
  const ring = makeKeyRing({
    db,
    clock,
    log: silentLogger,
    serverName: name('us.test'),
    signingKeys,
    ask,
    trustedKeyServers,
  })
  return { ring, world }
}

describe('the key ring', () => {
  test('a key is fetched from its server once and then remembered, on disk too', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const { ring, world } = ringOn(db, clock)
    world.direct.set(peer, documentOf(peer, peerKey, clock.now() + 24 * hour))
    const wanted = [{ serverName: peer, keyId: 'ed25519:1' }]
    await Promise.all([ring.fetch(wanted), ring.fetch(wanted), ring.fetch(wanted)])
    await ring.fetch(wanted)
    expect(ring.find(peer, 'ed25519:1')).toMatchObject({ publicKey: peerKey.publicKeyBase64 })
    expect(world.asked).toEqual(['direct peer.test'])

    const later = ringOn(db, clock)
    await later.ring.fetch(wanted)
    expect(later.ring.find(peer, 'ed25519:1')).toMatchObject({ publicKey: peerKey.publicKeyBase64 })
    expect(later.world.asked).toEqual([])
  })

  test('who needs a key that is on its way waits for it, and does not take it for unknown', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const { ring, world } = ringOn(db, clock)
    let release: (document: JsonObject) => void = () => {}
    world.direct.set(peer, new Promise<JsonObject>((resolve) => (release = resolve)))
    const wanted = [{ serverName: peer, keyId: 'ed25519:1' }]

    const first = ring.fetch(wanted)
    await expect.poll(() => world.asked).toEqual(['direct peer.test'])
    const found = ring.fetch(wanted).then(() => ring.find(peer, 'ed25519:1'))
    release(documentOf(peer, peerKey, clock.now() + 24 * hour))

    expect(await found).toMatchObject({ publicKey: peerKey.publicKeyBase64 })
    await first
    expect(world.asked).toEqual(['direct peer.test'])
  })

  test('a key that has run out is asked for again; one valid for years counts for seven days', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const { ring, world } = ringOn(db, clock)
    world.direct.set(peer, documentOf(peer, peerKey, clock.now() + 1000 * 24 * hour))
    await ring.fetch([{ serverName: peer, keyId: 'ed25519:1' }])
    expect(ring.find(peer, 'ed25519:1')!.validUntilTs).toBe(clock.now() + 7 * 24 * hour)
    clock.advance(8 * 24 * hour)
    await ring.fetch([{ serverName: peer, keyId: 'ed25519:1' }])
    expect(world.asked.length).toBe(2)
  })

  test('another key, and a longer validity, are asked for right after a success; the same question is not', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const { ring, world } = ringOn(db, clock)
    world.direct.set(peer, documentOf(peer, peerKey, clock.now() + hour))
    await ring.fetch([{ serverName: peer, keyId: 'ed25519:1' }])
    const newKey = keyOf(8, 'ed25519:2')
    world.direct.set(peer, documentOf(peer, newKey, clock.now() + hour))
    await ring.fetch([{ serverName: peer, keyId: 'ed25519:2' }])
    expect(ring.find(peer, 'ed25519:2')).toMatchObject({ publicKey: newKey.publicKeyBase64 })
    world.direct.set(peer, documentOf(peer, newKey, clock.now() + 3 * hour))
    const later = [{ serverName: peer, keyId: 'ed25519:2', validAt: clock.now() + 2 * hour }]
    await ring.fetch(later)
    expect(ring.find(peer, 'ed25519:2')).toMatchObject({ validUntilTs: clock.now() + 3 * hour })
    expect(world.asked.length).toBe(3)
    clock.advance(61_000)
    const never = [{ serverName: peer, keyId: 'ed25519:none' }]
    await ring.fetch(never)
    await ring.fetch(never)
    expect(world.asked.length).toBe(4)
  })

  test('a notary asks the server again for a longer validity than it has', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const { ring, world } = ringOn(db, clock)
    world.direct.set(peer, documentOf(peer, peerKey, clock.now() + hour))
    expect(await ring.readDocuments(peer, clock.now())).toHaveLength(1)
    world.direct.set(peer, documentOf(peer, peerKey, clock.now() + 3 * hour))
    const [document] = await ring.readDocuments(peer, clock.now() + 2 * hour)
    expect(document).toMatchObject({ valid_until_ts: clock.now() + 3 * hour })
  })

  test('made-up key IDs cost a few requests a minute, not one per forged event', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const { ring, world } = ringOn(db, clock)
    world.direct.set(peer, documentOf(peer, peerKey, clock.now() + 24 * hour))
    for (let i = 0; i < 50; i++) await ring.fetch([{ serverName: peer, keyId: `ed25519:forged${i}` }])
    expect(world.asked.length).toBe(3)
    clock.advance(60_000)
    for (let i = 0; i < 50; i++) await ring.fetch([{ serverName: peer, keyId: `ed25519:more${i}` }])
    expect(world.asked.length).toBe(6)
  })

  test('a server that is down is left alone for longer and longer', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const { ring, world } = ringOn(db, clock)
    for (let minute = 0; minute < 120; minute++) {
      await ring.fetch([{ serverName: peer, keyId: 'ed25519:1' }])
      clock.advance(60_000)
    }
    expect(world.asked.length).toBeGreaterThan(4)
    expect(world.asked.length).toBeLessThan(10)
  })

  test('a document that its server did not sign, or that is of another server, is worth nothing', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const good = documentOf(peer, peerKey, clock.now() + hour)
    const bad: JsonObject[] = [
      { ...good, valid_until_ts: clock.now() + 2 * hour },
      { ...good, signatures: {} },
      documentOf(name('other.test'), peerKey, clock.now() + hour),
      signJson({ ...good, signatures: {} }, peer, keyOf(8)),
      { ...good, verify_keys: {} },
    ]
    for (const document of bad) {
      const { ring, world } = ringOn(db, clock)
      world.direct.set(peer, document)
      await ring.fetch([{ serverName: peer, keyId: 'ed25519:1' }])
      expect(ring.find(peer, 'ed25519:1')).toBeUndefined()
    }
  })

  test('old keys are kept with the time they expired', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const { ring, world } = ringOn(db, clock)
    const old = { 'ed25519:old': { key: keyOf(9).publicKeyBase64, expired_ts: 5 } }
    world.direct.set(peer, documentOf(peer, peerKey, clock.now() + hour, old))
    await ring.fetch([{ serverName: peer, keyId: 'ed25519:old', validAt: 4 }])
    expect(ring.find(peer, 'ed25519:old')).toMatchObject({ expiredTs: 5 })
  })

  test('a server that is gone is asked for at the notary, whose own signature must be on the answer', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const notary = name('notary.test')
    const notaryKey = keyOf(3, 'ed25519:n')
    const document = documentOf(peer, peerKey, clock.now() + hour)
    for (const [signed, isKnown] of [
      [document, false],
      [signJson(document, notary, keyOf(4, 'ed25519:n')), false],
      [signJson(document, notary, notaryKey), true],
    ] as const) {
      const { ring, world } = ringOn(db, clock, [notary])
      world.direct.set(notary, documentOf(notary, notaryKey, clock.now() + hour))
      world.notary = { server_keys: [signed] }
      await ring.fetch([{ serverName: peer, keyId: 'ed25519:1' }])
      expect(ring.find(peer, 'ed25519:1') !== undefined).toBe(isKnown)
    }
  })

  test('an older copy of a document at the notary takes nothing back', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const notary = name('notary.test')
    const notaryKey = keyOf(3, 'ed25519:n')
    const { ring, world } = ringOn(db, clock, [notary])
    const newer = clock.now() + 3 * hour
    world.direct.set(peer, documentOf(peer, peerKey, newer))
    world.direct.set(notary, documentOf(notary, notaryKey, clock.now() + hour))
    await ring.fetch([{ serverName: peer, keyId: 'ed25519:1' }])
    world.direct.delete(peer)
    const other = keyOf(8, 'ed25519:2')
    const both = {
      server_name: peer,
      valid_until_ts: clock.now() + hour,
      verify_keys: { 'ed25519:1': { key: peerKey.publicKeyBase64 }, 'ed25519:2': { key: other.publicKeyBase64 } },
      old_verify_keys: {},
    }
    world.notary = { server_keys: [signJson(signJson(signJson(both, peer, peerKey), peer, other), notary, notaryKey)] }
    clock.advance(120_000)

    await ring.fetch([{ serverName: peer, keyId: 'ed25519:2' }])

    expect(ring.find(peer, 'ed25519:2')).toBeDefined()
    expect(ring.find(peer, 'ed25519:1')?.validUntilTs).toBe(newer)
  })

  test('a notary cannot slip in keys of servers that were not asked about', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const notary = name('notary.test')
    const notaryKey = keyOf(3, 'ed25519:n')
    const { ring, world } = ringOn(db, clock, [notary])
    world.direct.set(notary, documentOf(notary, notaryKey, clock.now() + hour))
    const other = name('other.test')
    world.notary = { server_keys: [signJson(documentOf(other, peerKey, clock.now() + hour), notary, notaryKey)] }
    await ring.fetch([{ serverName: peer, keyId: 'ed25519:1' }])
    expect(ring.find(other, 'ed25519:1')).toBeUndefined()
  })

  test('its own keys are known without asking anyone', async () => {
    await using db = await openTestDatabase()
    const { ring, world } = ringOn(db, fakeClock())
    await ring.fetch([{ serverName: name('us.test'), keyId: 'ed25519:1' }])
    expect(ring.find(name('us.test'), 'ed25519:1')).toBeDefined()
    expect(world.asked).toEqual([])
  })
})

describe('what we publish', () => {
  test('is signed by itself, valid for more than an hour at any time, and names retired keys', () => {
    const clock = fakeClock()
    const retired = [{ keyId: 'ed25519:old', publicKeyBase64: keyOf(9).publicKeyBase64, expiredTs: 5 }]
    const publish = makePublishServerKeys({ serverName: peer, signingKeys: { current: peerKey, retired }, clock })
    for (let i = 0; i < 50; i++) {
      const document = readServerKeysDocument(publish(), peer)
      expect(document?.keys.map(({ keyId }) => keyId)).toEqual(['ed25519:1', 'ed25519:old'])
      expect(document!.validUntilTs).toBeGreaterThan(clock.now() + hour)
      clock.advance(hour / 2)
    }
  })
})
