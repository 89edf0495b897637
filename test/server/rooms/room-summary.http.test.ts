/** A room's summary: whom it is told to, on this server and by way of another. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFederatingHomeservers } from '../../support/federating-homeservers.js'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

const summaryOf = (room: string) => `/_matrix/client/v1/room_summary/${encodeURIComponent(room)}`
const state = (type: string, content: object) => ({ type, state_key: '', content })

describe('on this server', () => {
  let hs: TestHomeserver
  const rooms: Record<string, string> = {}
  beforeAll(async () => {
    hs = await startHomeserver({ users: ['alice', 'bob', 'eve'] })
    const alice = hs.as('alice')
    const make = async (name: string, request: object) => {
      rooms[name] = await alice.createRoom({ name, ...request })
    }
    await make('public', {
      preset: 'public_chat',
      topic: 'for all',
      room_alias_name: 'public',
      creation_content: { type: 'm.space' },
      initial_state: [
        state('m.room.avatar', { url: 'mxc://test/abc' }),
        state('m.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' }),
      ],
    })
    await make('private', { preset: 'private_chat' })
    await make('knock', { initial_state: [state('m.room.join_rules', { join_rule: 'knock' })] })
    await make('readable', {
      preset: 'private_chat',
      initial_state: [state('m.room.history_visibility', { history_visibility: 'world_readable' })],
    })
    await make('restricted', {
      initial_state: [
        state('m.room.join_rules', {
          join_rule: 'restricted',
          allow: [{ type: 'm.room_membership', room_id: rooms.private }, { type: 'other' }, 7],
        }),
        state('m.room.avatar', { url: 'https://not.a/matrix/address' }),
      ],
    })
    await alice.invite(rooms.private!, hs.as('bob'))
    await hs.as('bob').joinRoom(rooms.private!)
  })
  afterAll(() => hs?.close())

  test('everything that a room tells of itself, by ID and by alias, to anybody', async () => {
    const expected = {
      ...{ room_id: rooms.public, name: 'public', topic: 'for all', canonical_alias: '#public:test' },
      ...{ avatar_url: 'mxc://test/abc', room_type: 'm.space', encryption: 'm.megolm.v1.aes-sha2' },
      ...{ num_joined_members: 1, world_readable: false, guest_can_join: false, join_rule: 'public' },
      room_version: '12',
    }
    expect((await hs.request('GET', summaryOf(rooms.public!))).body).toEqual(expected)
    expect((await hs.as('eve').get(summaryOf('#public:test'))).body).toEqual(expected)
    expect((await hs.as('alice').get(summaryOf('#public:test'))).body).toEqual({ ...expected, membership: 'join' })
  })

  test.each([
    ['public', 'nobody', 200],
    ['knock', 'nobody', 200],
    ['readable', 'nobody', 200],
    ['private', 'nobody', 404],
    ['restricted', 'nobody', 404],
    ['private', 'eve', 404],
    ['private', 'bob', 200],
    ['restricted', 'eve', 404],
    ['restricted', 'bob', 200], // he is in the room whose members may join
  ])('a %s room is told to %s: %i', async (name, user, status) => {
    const token = user === 'nobody' ? undefined : hs.as(user).token
    const answer = await hs.request('GET', summaryOf(rooms[name]!), { token })
    expect(answer.status).toBe(status)
    if (status === 404) expect(answer.body.errcode).toBe('M_NOT_FOUND')
  })

  test('who is invited is told, with the membership', async () => {
    const alice = hs.as('alice')
    const room = await alice.createRoom({ preset: 'private_chat', invite: ['@eve:test'] })
    expect((await hs.as('eve').get(summaryOf(room))).body).toMatchObject({ membership: 'invite', join_rule: 'invite' })
  })

  test('rooms whose members may join are named; what is no address of a picture is not', async () => {
    const { body } = await hs.as('alice').get(summaryOf(rooms.restricted!))
    expect(body.allowed_room_ids).toEqual([rooms.private])
    expect(body).not.toHaveProperty('avatar_url')
  })

  test('what is not there is 404, what is no room is 400, a bad token 401', async () => {
    expect((await hs.request('GET', summaryOf('!nosuch:test'))).status).toBe(404)
    expect((await hs.request('GET', summaryOf('#nosuch:test'))).status).toBe(404)
    expect((await hs.request('GET', summaryOf('@alice:test'))).status).toBe(400)
    expect((await hs.request('GET', summaryOf(rooms.public!), { token: 'nonsense' })).status).toBe(401)
  })
})

test('of another server’s rooms, as far as they are this user’s business', { timeout: 30_000 }, async () => {
  await using world = await startFederatingHomeservers(['alice'], ['bob'])
  const [a, b] = world.servers as [TestHomeserver, TestHomeserver]
  const [alice, bob] = [a.as('alice'), b.as('bob')]
  const via = `?via=${encodeURIComponent(a.config.server_name!)}`
  const open = await alice.createRoom({ preset: 'public_chat', name: 'Open', room_alias_name: 'open' })
  const closed = await alice.createRoom({ preset: 'private_chat', name: 'Closed' })
  const members = await alice.createRoom({
    name: 'Members',
    initial_state: [
      state('m.room.join_rules', { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: open }] }),
    ],
  })

  expect((await bob.get(summaryOf(open) + via)).body).toMatchObject({ room_id: open, name: 'Open' })
  expect((await bob.get(summaryOf(`#open:${a.config.server_name}`))).body).toMatchObject({ name: 'Open' })
  expect((await bob.get(summaryOf(closed) + via)).status).toBe(404)
  expect((await bob.get(summaryOf(members) + via)).status).toBe(404)
  // Nobody is asked for who has not logged in.
  expect((await b.request('GET', summaryOf(open) + via)).status).toBe(404)

  await bob.post(`/join/${encodeURIComponent(open)}${via}`)
  expect((await bob.get(summaryOf(members) + via)).body).toMatchObject({ name: 'Members', join_rule: 'restricted' })
  expect((await bob.get(summaryOf(open))).body).toMatchObject({ membership: 'join', num_joined_members: 2 })
})
