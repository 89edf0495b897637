/** Sessions of other servers: what the engine stamps, what they may run, and how many there are. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../server/kernel/clock.js'
import type { ServerName } from '../../../server/kernel/identifiers.js'
import { fileSecretBox } from '../../../server/kernel/secrets.js'
import { defineAccesses } from '../../../server/store/accesses.js'
import { makeFederationSessions } from '../../../server/store/federation-sessions.js'
import { loadSessionKeys } from '../../../server/store/key-files.js'
import { insertRow } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'

const other = 'other.example' as ServerName

async function openSessions() {
  const db = await openTestDatabase()
  const keys = await loadSessionKeys(join(db.dir, 'keys'), fileSecretBox)
  await defineAccesses(db.root, keys)
  let now = 0
  const clock = { ...systemClock, elapsed: () => now }
  const sessions = makeFederationSessions({ rpc: db.root, key: keys.federation, clock, logger: silentLogger })
  const pass = (ms: number) => {
    now += ms
  }
  const count = async () => (await db.root.call<unknown[]>('sessions', [])).length
  return { db, sessions, pass, count, [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]() }
}

describe('federation sessions', () => {
  test('a transaction is stored once, with the origin of the session whatever it says itself', async () => {
    await using at = await openSessions()
    const transaction = { txnId: 't1', body: '{"origin":"liar.example"}', receivedAt: 5 }

    const first = await at.sessions.withFederationSession(other, (session) => session.insertInbox(transaction))
    const again = await at.sessions.withFederationSession(other, (session) => session.insertInbox(transaction))

    expect([first, again]).toEqual([true, false])
    expect(await at.db.query('SELECT origin, txn_id, body, received_at FROM federation_inbox')).toEqual([
      [{ origin: other, txn_id: 't1', body: '{"origin":"liar.example"}', received_at: 5 }],
    ])
  })

  test('it reads what the server reads, under the identity of the origin, and writes nothing', async () => {
    await using at = await openSessions()
    await at.db.commit(() => ({ writes: [insertRow('event', { id: '$a', n: 1 })], changes: [], result: undefined }))

    await at.sessions.withFederationSession(other, async (session) => {
      expect(await session.query('SELECT n FROM event WHERE n = $n; RETURN $token.origin', { n: 1 })).toEqual([
        [{ n: 1 }],
        other,
      ])
      for (const sql of [
        'DELETE event',
        'SELECT 1; REMOVE TABLE event',
        'DEFINE TABLE x',
        'USE DB x',
        '{ DELETE event }',
      ])
        await expect(session.query(sql)).rejects.toThrow('only reads')
    })
    expect(await at.db.query('SELECT VALUE n FROM event')).toEqual([[1]])
  })

  test('an origin keeps its session while it is young; many origins share 64', async () => {
    await using at = await openSessions()
    const use = (origin: string) => at.sessions.withFederationSession(origin as ServerName, (s) => s.query('RETURN 1'))
    await Promise.all([use(other), use(other), use(other)])
    expect(await at.count()).toBe(1)

    for (let n = 0; n < 70; n++) await use(`s${n}.example`)
    await expect.poll(at.count).toBe(64)

    await at.sessions.close()
    expect(await at.count()).toBe(0)
  })

  test('a session that nears its end in the engine is replaced, and goes when its last user is done', async () => {
    await using at = await openSessions()
    let release: (() => void) | undefined
    const long = at.sessions.withFederationSession(other, async (session) => {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return session.query('RETURN $token.origin')
    })
    await expect.poll(() => release).toBeDefined()

    at.pass(14 * 60_000)
    await at.sessions.withFederationSession(other, (session) => session.query('RETURN 1'))
    expect(await at.count()).toBe(2)
    release?.()

    expect(await long).toEqual([other])
    await expect.poll(at.count).toBe(1)
  })
})
