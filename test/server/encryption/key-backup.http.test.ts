/** Key backups over HTTP: versions, the rule by which a key replaces another, counts and etags that are true. */
import { describe, expect, test } from 'vitest'
import { forgetUserKeys } from '../../../server/encryption/forget-user-keys.js'
import { makeKeyBackup } from '../../../server/encryption/key-backup.js'
import { openTestDatabase } from '../../support/database.js'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'
import { user } from '../../support/rooms.js'

const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'
const roomId = '!room:test'
const at = (room: string, session?: string) =>
  `/room_keys/keys/${encodeURIComponent(room)}${session === undefined ? '' : `/${encodeURIComponent(session)}`}`
const key = (data: object = {}) => ({
  ...{ first_message_index: 10, forwarded_count: 5, is_verified: false, session_data: { ciphertext: 'c' } },
  ...data,
})
const newVersion = async (client: TestClient): Promise<string> =>
  (await client.post('/room_keys/version', { algorithm, auth_data: { public_key: 'k' } })).body.version
const state = async (client: TestClient, version: string) => {
  const { body } = await client.get(`/room_keys/version/${version}`)
  return { count: body.count, etag: body.etag }
}

describe('key backups', async () => {
  const hs = await startHomeserver()
  let users = 0
  const newUser = () => hs.register(`user${++users}`, false)

  test('a version can be made, read, changed in its data alone, and deleted; its number does not come back', async () => {
    const alice = await newUser()
    expect(await alice.get('/room_keys/version')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect(await newVersion(alice)).toBe('1')
    const whole = { algorithm, auth_data: { public_key: 'k' }, count: 0, etag: '0', version: '1' }
    expect((await alice.get('/room_keys/version')).body).toEqual(whole)

    const changed = { algorithm, auth_data: { public_key: 'l' } }
    expect((await alice.put('/room_keys/version/1', { ...changed, version: '1' })).status).toBe(200)
    expect((await alice.get('/room_keys/version/1')).body).toEqual({ ...whole, ...changed })
    const refusal = { status: 400, body: { errcode: 'M_INVALID_PARAM' } }
    expect(await alice.put('/room_keys/version/1', { ...changed, version: '2' })).toMatchObject(refusal)
    expect(await alice.put('/room_keys/version/1', { ...changed, algorithm: 'm.other' })).toMatchObject(refusal)

    expect((await alice.delete('/room_keys/version/1')).status).toBe(200)
    expect((await alice.delete('/room_keys/version/1')).status).toBe(200)
    for (const path of ['/room_keys/version', '/room_keys/version/1', '/room_keys/keys?version=1'])
      expect((await alice.get(path)).status).toBe(404)
    expect((await alice.delete('/room_keys/version/7')).status).toBe(404)
    expect(await newVersion(alice)).toBe('2')
  })

  test('keys go in and out one by one, by room and all at once', async () => {
    const alice = await newUser()
    const version = await newVersion(alice)
    const query = `?version=${version}`
    const odd = '__proto__'
    expect((await alice.put(`${at(roomId, 'a/b')}${query}`, key())).body).toEqual({ count: 1, etag: '1' })
    expect((await alice.put(`${at(roomId)}${query}`, { sessions: { c: key(), d: key() } })).body).toEqual({
      count: 3,
      etag: '2',
    })
    const rooms = JSON.parse(`{"!other:test":{"sessions":{"${odd}":${JSON.stringify(key())}}}}`)
    expect((await alice.put(`/room_keys/keys${query}`, { rooms })).body).toEqual({ count: 4, etag: '3' })

    expect((await alice.get(`${at(roomId, 'a/b')}${query}`)).body).toEqual(key())
    expect(Object.keys((await alice.get(`${at(roomId)}${query}`)).body.sessions).sort()).toEqual(['a/b', 'c', 'd'])
    expect(Object.keys((await alice.get(`/room_keys/keys${query}`)).body.rooms).sort()).toEqual(
      ['!other:test', roomId].sort(),
    )
    expect((await alice.get(`${at('!none:test')}${query}`)).body).toEqual({ sessions: {} })
    expect((await alice.get(`${at(roomId, 'none')}${query}`)).status).toBe(404)

    expect((await alice.delete(`${at(roomId, 'c')}${query}`)).body).toEqual({ count: 3, etag: '4' })
    expect((await alice.delete(`${at(roomId, 'c')}${query}`)).body).toEqual({ count: 3, etag: '4' })
    expect((await alice.delete(`${at(roomId)}${query}`)).body).toEqual({ count: 1, etag: '5' })
    expect((await alice.delete(`/room_keys/keys${query}`)).body).toEqual({ count: 0, etag: '6' })
    expect((await alice.get(`/room_keys/keys${query}`)).body).toEqual({ rooms: {} })
    expect(await state(alice, version)).toEqual({ count: 0, etag: '6' })
  })

  // Verified or not, first message, times forwarded; whether it replaces [false, 10, 5] and [true, 10, 5].
  test.each([
    [[true, 11, 6], true, false],
    [[true, 9, 6], true, true],
    [[true, 10, 4], true, true],
    [[true, 10, 5], true, false],
    [[false, 9, 9], true, false],
    [[false, 10, 4], true, false],
    [[false, 10, 5], false, false],
    [[false, 10, 6], false, false],
    [[false, 11, 0], false, false],
  ] as const)(
    'a key that is %j replaces one that is not verified: %s, one that is: %s',
    async ([is_verified, first_message_index, forwarded_count], ...replaces) => {
      const alice = await newUser()
      const version = await newVersion(alice)
      const path = (session: string) => `${at(roomId, session)}?version=${version}`
      const other = key({ is_verified, first_message_index, forwarded_count, session_data: { ciphertext: 'd' } })
      for (const [i, verified] of [false, true].entries()) {
        await alice.put(path(String(i)), key({ is_verified: verified }))
        const before = await state(alice, version)
        const { body } = await alice.put(path(String(i)), other)
        expect((await alice.get(path(String(i)))).body).toEqual(replaces[i] ? other : key({ is_verified: verified }))
        expect(body).toEqual(await state(alice, version))
        expect(body.etag !== before.etag).toBe(replaces[i])
        expect(body.count).toBe(before.count)
      }
    },
  )

  test('keys are written to the newest version alone, which the refusal names; older ones can be read', async () => {
    const alice = await newUser()
    const [first, second] = [await newVersion(alice), '2']
    await alice.put(`${at(roomId, 's')}?version=${first}`, key())
    await newVersion(alice)
    const refused = await alice.put(`${at(roomId, 't')}?version=${first}`, key())
    expect(refused).toMatchObject({
      status: 403,
      body: { errcode: 'M_WRONG_ROOM_KEYS_VERSION', current_version: second },
    })
    expect((await alice.put(`${at(roomId, 't')}?version=9`, key())).status).toBe(404)
    expect((await alice.get(`${at(roomId, 's')}?version=${first}`)).status).toBe(200)
    expect((await alice.put(`${at(roomId, 't')}`, key())).body.errcode).toBe('M_MISSING_PARAM')
  })

  test("nobody sees anybody else's", async () => {
    const [alice, bob] = [await newUser(), await newUser()]
    const version = await newVersion(alice)
    await alice.put(`${at(roomId, 's')}?version=${version}`, key())
    expect((await bob.get(`${at(roomId, 's')}?version=${version}`)).status).toBe(404)
    await newVersion(bob)
    expect((await bob.get(`/room_keys/keys?version=${version}`)).body).toEqual({ rooms: {} })
  })

  test('many requests at once count right', async () => {
    const alice = await newUser()
    const version = await newVersion(alice)
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        alice.put(`${at(roomId, `s${i % 20}`)}?version=${version}`, key({ first_message_index: i })),
      ),
    )
    expect((await state(alice, version)).count).toBe(20)
  })

  test('no key is too long', async () => {
    const alice = await newUser()
    const version = await newVersion(alice)
    const long = key({ session_data: { ciphertext: 'x'.repeat(70_000) } })
    expect(await alice.put(`${at(roomId, 's')}?version=${version}`, long)).toMatchObject({
      status: 413,
      body: { errcode: 'M_TOO_LARGE' },
    })
  })
})

test('thousands of keys go in and out in small transactions, and what a crash left of a deleted version is deleted later', async () => {
  await using db = await openTestDatabase()
  const rows: number[] = []
  const commit: typeof db.commit = (unit) =>
    db.commit((grant) => {
      const built = unit(grant)
      rows.push(built.writes.length)
      return built
    })
  const counted = Object.create(db, { commit: { value: commit } }) as typeof db
  const alice = user('alice')
  const backup = makeKeyBackup({ db: counted })
  const { version } = await backup.createBackup(alice, { algorithm, auth_data: {} })
  const sessions = new Map(Array.from({ length: 3_500 }, (_, i) => [`s${i}`, key()]))

  expect(await backup.storeKeys(alice, version, new Map([[roomId, sessions]]))).toMatchObject({ count: 3_500 })
  expect((await backup.readKeys(alice, version, {})).get(roomId)?.size).toBe(3_500)
  expect(Math.max(...rows)).toBeLessThanOrEqual(1_000)

  // As after a crash between the mark and the keys.
  await db.query('UPDATE key_backup SET is_deleted = true')
  await expect(backup.readKeys(alice, version, {})).rejects.toMatchObject({ status: 404 })
  const deleted = [await backup.purgeBackups(2_000), await backup.purgeBackups(2_000), await backup.purgeBackups(2_000)]
  expect(deleted).toEqual([2_000, 1_500, 0])
  expect(Math.max(...rows)).toBeLessThanOrEqual(1_000)
  expect((await db.query<[unknown[]]>('SELECT * FROM key_backup_session'))[0]).toEqual([])
})

test('the backups of an account that is closed are deleted, those of others are not', async () => {
  await using db = await openTestDatabase()
  const backup = makeKeyBackup({ db })
  for (const userId of [user('alice'), user('bob')]) {
    const { version } = await backup.createBackup(userId, { algorithm, auth_data: {} })
    await backup.storeKeys(userId, version, new Map([[roomId, new Map([['s', key()]])]]))
  }
  await forgetUserKeys(db, user('alice'))
  await forgetUserKeys(db, user('alice'))
  expect(await backup.purgeBackups(100)).toBe(1)
  await expect(backup.readBackup(user('alice'))).rejects.toMatchObject({ status: 404 })
  expect((await backup.readBackup(user('bob'))).count).toBe(1)
})
