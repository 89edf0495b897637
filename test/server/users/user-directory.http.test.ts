/** The user directory: who is found by whom, by which words, in which order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserId } from '../../../server/kernel/identifiers.js'
import { makeSearchUsers } from '../../../server/users/user-directory.js'
import { openTestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { startFederatingHomeservers } from '../../support/federating-homeservers.js'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'
import { makeTestRooms, user } from '../../support/rooms.js'

const search = async (client: TestClient, search_term: string, limit?: number) =>
  (await client.post('/user_directory/search', { search_term, limit })).body
const idsOf = ({ results }: { results: { user_id: string }[] }) => results.map(({ user_id }) => user_id)

describe('people of this server', () => {
  let hs: TestHomeserver
  beforeAll(async () => {
    hs = await startHomeserver({ users: ['alice', 'bob', 'carol', 'caroline', 'root'], admins: ['root'] })
    const rename = (name: string, displayname: string) =>
      hs.as(name).put(`/profile/${hs.as(name).userId}/displayname`, { displayname })
    await rename('bob', 'Jörg van der Bob')
    await rename('caroline', 'Ångström')
    await hs.as('caroline').put(`/profile/${hs.as('caroline').userId}/avatar_url`, { avatar_url: 'mxc://test/face' })
  })
  afterAll(() => hs?.close())

  test.each([
    ['carol', ['@carol:test', '@caroline:test']], // whole before part
    ['CAROL', ['@carol:test', '@caroline:test']],
    ['aroli', ['@caroline:test']],
    ['jorg', ['@bob:test']],
    ['JÖRG', ['@bob:test']],
    ['bob jörg', ['@bob:test']], // every word, in any order
    ['ångström', ['@caroline:test']],
    ['@carol:test', ['@carol:test']],
    ['nobody of that name', []],
    ['', []],
    ['   ', []],
    ['alice', ['@alice:test']], // oneself too
  ])('%s finds %j', async (term, expected) => {
    expect(idsOf(await search(hs.as('alice'), term))).toEqual(expected)
  })

  test('come with name and picture, no more than asked for', async () => {
    expect((await search(hs.as('alice'), 'caroline')).results).toEqual([
      { user_id: '@caroline:test', display_name: 'Ångström', avatar_url: 'mxc://test/face' },
    ])
    expect(await search(hs.as('alice'), 'carol', 1)).toMatchObject({ results: [{}], limited: true })
    expect((await search(hs.as('alice'), 'carol', 2)).limited).toBe(false)
    expect(await search(hs.as('alice'), 'carol', 0)).toEqual({ results: [], limited: true })
  })

  test('are found under a new name at once, and not after their account has ended', async () => {
    await hs.as('carol').put(`/profile/${hs.as('carol').userId}/displayname`, { displayname: 'Zoe' })
    expect(idsOf(await search(hs.as('alice'), 'zoe'))).toEqual(['@carol:test'])
    await hs.as('root').post('/_synapse/admin/v1/deactivate/@carol:test', {})
    expect(idsOf(await search(hs.as('alice'), 'zoe'))).toEqual([])
  })

  test('wants a term', async () => {
    expect((await hs.as('alice').post('/user_directory/search', {})).body.errcode).toBe('M_BAD_JSON')
    const negative = await hs.as('alice').post('/user_directory/search', { search_term: 'x', limit: -1 })
    expect(negative.body.errcode).toBe('M_BAD_JSON')
  })
})

test('where not everybody is shown, those are found who share a room or are in an open one, oneself among them', async () => {
  await using hs = await startHomeserver({
    users: ['alice', 'friend', 'public', 'stranger'],
    config: (config) => {
      config.user_directory.all_local_users = false
    },
  })
  const alice = hs.as('alice')
  expect(idsOf(await search(alice, 'test'))).toEqual([])

  const roomId = await alice.createRoom({ preset: 'private_chat' })
  await alice.invite(roomId, hs.as('friend'))
  expect(idsOf(await search(alice, 'friend'))).toEqual([])
  await hs.as('friend').joinRoom(roomId)
  await hs.as('public').createRoom({ preset: 'public_chat', visibility: 'public' })
  await hs.as('stranger').createRoom({ preset: 'private_chat' })

  // What others do shows within seconds.
  await expect
    .poll(async () => idsOf(await search(alice, 'test')).sort(), { timeout: 10_000 })
    .toEqual(['@alice:test', '@friend:test', '@public:test'])
})

test('people of other servers are found by who shares a room with them, or where a room is open', {
  timeout: 30_000,
}, async () => {
  await using world = await startFederatingHomeservers(['alice', 'anna'], ['bob', 'boris'])
  const [a, b] = world.servers as [TestHomeserver, TestHomeserver]
  const [alice, anna, bob, boris] = [a.as('alice'), a.as('anna'), b.as('bob'), b.as('boris')]
  const join = (client: TestClient, roomId: string) =>
    client.post(`/join/${encodeURIComponent(roomId)}?via=${encodeURIComponent(a.config.server_name!)}`)
  const closed = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
  await expect.poll(async () => (await join(bob, closed)).status, { timeout: 10_000 }).toBe(200)

  expect(idsOf(await search(alice, 'bob'))).toEqual([bob.userId])
  expect(idsOf(await search(anna, 'bob'))).toEqual([])

  const open = await alice.createRoom({ preset: 'public_chat' })
  await join(boris, open)
  // What concerns others may take some seconds to show.
  await expect.poll(async () => idsOf(await search(anna, 'boris')), { timeout: 10_000 }).toEqual([boris.userId])
})

test('ten thousand people are searched in memory: a key pressed costs milliseconds and no read', {
  timeout: 60_000,
}, async () => {
  await using db = await openTestDatabase()
  const { rooms } = await makeTestRooms(db)
  for (let start = 0; start < 10_000; start += 1_000)
    await db.query(
      `FOR $n IN array::range(${start}, ${start + 1_000}) {
         CREATE type::record('user', '@u' + <string>$n + ':hearth.test') SET user_id = '@u' + <string>$n + ':hearth.test',
           displayname = 'Person ' + <string>$n, status = 'active', admin = false, kind = 'user', created_at = 1 }`,
    )
  let reads = 0
  const query: typeof db.query = (...given) => {
    reads++
    return db.query(...given)
  }
  const searchUsers = makeSearchUsers({
    allLocalUsers: true,
    db: { query, onCommitted: db.onCommitted },
    clock: fakeClock(),
    rooms,
    readOpenRooms: async () => new Set(),
  })
  expect((await searchUsers(user('u1') as UserId, 'person 77', 10)).isLimited).toBe(true)
  reads = 0

  const began = performance.now()
  for (const term of ['p', 'pe', 'per', 'person 123', 'person 1234', 'u9999', 'nobody'])
    await searchUsers(user('u1') as UserId, term, 10)

  expect(reads).toBe(0)
  expect((performance.now() - began) / 7).toBeLessThan(100)
})
