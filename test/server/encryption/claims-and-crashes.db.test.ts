/** kill -9 while ten lanes claim keys, and a database that was put back: no key is given out twice. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startChild } from '../../support/child.js'
import { openTestDatabase } from '../../support/database.js'
import { startHomeserver } from '../../support/homeserver.js'
import { DeviceIdentity } from '../../support/keys.js'

test('a process that is killed has given out no key that the next one gives out', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hearth-claims-'))
  const names: string[] = []
  for (let run = 0; run < 3; run++) {
    const child = startChild(new URL('./children/claim-until-killed.ts', import.meta.url), {
      dir,
      upload: run === 0 ? 900 : 0,
    })
    await child.hears((message) => (message as { started?: true }).started === true)
    if (run < 2) await child.hears((message) => typeof (message as { name?: unknown }).name === 'string')
    else await child.hears((message) => (message as { name?: null }).name === null)
    await child.kill()
    const claimed = child.said.flatMap((message) => (message as { name?: string }).name ?? [])
    if (run < 2) expect(claimed.length).toBeGreaterThan(0)
    names.push(...claimed)
  }
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThan(600) // what was under way in a process that died is told to nobody
  await rm(dir, { recursive: true, force: true })
}, 60_000)

test('a device that knows a later time than the database loses its one-time keys, and no other does', async () => {
  await using hs = await startHomeserver({ users: ['alice', 'bob'] })
  const [alice, bob] = [hs.as('alice'), hs.as('bob')]
  for (const each of [alice, bob])
    await each.post('/keys/upload', { one_time_keys: new DeviceIdentity(each).oneTimeKeys(2) })

  expect(await alice.get('/sync?since=s1_99999999_x_0')).toMatchObject({
    status: 400,
    body: { errcode: 'M_UNKNOWN_POS' },
  })

  expect((await alice.get('/sync')).body.device_one_time_keys_count).toEqual({})
  expect((await bob.get('/sync')).body.device_one_time_keys_count).toEqual({ signed_curve25519: 2 })
})

test('a database that was put back has no one-time keys of anybody', async () => {
  await using db = await openTestDatabase()
  const { startEncryption } = await import('../../../server/encryption/start-encryption.js')
  const { insertOneTimeKey } = await import('../../../server/store/one-time-key-store.js')
  const row = (key_id: string) => ({ algorithm: 'a', position: 1 as never, key_id, key: '{}' })
  const writes = Array.from({ length: 1_100 }, (_, i) =>
    insertOneTimeKey({ userId: `@u${i}:x` as never, deviceId: 'D' as never }, row(String(i))),
  )
  await db.commit(() => ({ writes, changes: [], result: undefined }))
  const needs = { db, clock: undefined as never, serverName: 'x' as never, sessions: {} as never }
  const remote = {
    askForKeys: undefined as never,
    claimRemoteKeys: undefined as never,
    addressServers: undefined as never,
    inbox: undefined as never,
  }

  await startEncryption({ ...needs, ...remote, isPutBack: false })
  const count = async () =>
    (await db.query<[{ count: number }[]]>('SELECT count() FROM one_time_key GROUP ALL'))[0][0]?.count ?? 0
  expect(await count()).toBe(1_100)
  await startEncryption({ ...needs, ...remote, isPutBack: true })
  expect(await count()).toBe(0)
})
