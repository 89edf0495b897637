/** A room is upgraded: what it was goes on in the new one, for everybody who was in it. */
import { describe, expect, test, vi } from 'vitest'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`
const stateOf = async (client: TestClient, roomId: string, type: string, key = '') =>
  (await client.get(path(roomId, `state/${type}/${encodeURIComponent(key)}`))).body
const put = (client: TestClient, roomId: string, type: string, content: object, key = '') =>
  client.put(path(roomId, `state/${type}/${encodeURIComponent(key)}`), content)

async function upgrade(client: TestClient, roomId: string, new_version: string, more: object = {}): Promise<string> {
  const { status, body } = await client.post(path(roomId, 'upgrade'), { new_version, ...more })
  expect(status, JSON.stringify(body)).toBe(200)
  return body.replacement_room
}

const withUsers = () => startHomeserver({ users: ['alice', 'bob', 'mod'] })
const people = (hs: TestHomeserver) =>
  [hs.as('alice'), hs.as('bob'), hs.as('mod')] as [TestClient, TestClient, TestClient]

describe('an upgraded room', () => {
  test('knows the tombstone that it came from below version 12, and the room alone from there', async () => {
    await using hs = await withUsers()
    const [alice] = people(hs)
    const roomId = await alice.createRoom({ room_version: '10' })
    const eleven = await upgrade(alice, roomId, '11')
    const { body: old } = await alice.get(path(roomId, 'state'))
    const tombstone = old.find(({ type }: { type: string }) => type === 'm.room.tombstone')
    expect(tombstone.content).toMatchObject({ replacement_room: eleven })
    expect((await stateOf(alice, eleven, 'm.room.create')).predecessor).toEqual({
      room_id: roomId,
      event_id: tombstone.event_id,
    })
    const twelve = await upgrade(alice, eleven, '12')
    expect((await stateOf(alice, twelve, 'm.room.create')).predecessor).toEqual({ room_id: eleven })
    expect(await stateOf(alice, eleven, 'm.room.tombstone')).toMatchObject({ replacement_room: twelve })
  })

  test('gives a moderator who upgrades no more than before, and has everything all the same', async () => {
    await using hs = await withUsers()
    const [alice, bob, mod] = people(hs)
    const roomId = await alice.createRoom({
      room_version: '9',
      preset: 'public_chat',
      name: 'Hall',
      power_level_content_override: {
        users: { [alice.userId]: '100', [mod.userId]: 50 },
        events: { 'm.room.tombstone': 50, 'm.room.power_levels': 50, 'm.room.server_acl': 100 },
      },
    })
    await put(alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['evil.test'] })
    await mod.post(path(roomId, 'join'), {})
    await alice.post(path(roomId, 'ban'), { user_id: bob.userId, reason: 'spam' })

    const replacement = await upgrade(mod, roomId, '11')

    const { users } = await stateOf(mod, replacement, 'm.room.power_levels')
    expect(users).toEqual({ [alice.userId]: 100, [mod.userId]: 50 })
    expect(await stateOf(mod, replacement, 'm.room.name')).toEqual({ name: 'Hall' })
    expect(await stateOf(mod, replacement, 'm.room.server_acl')).toMatchObject({ deny: ['evil.test'] })
    expect(await stateOf(mod, replacement, 'm.room.member', bob.userId)).toEqual({ membership: 'ban', reason: 'spam' })
    expect(await bob.post(path(replacement, 'join'), {})).toMatchObject({ status: 403 })
  })

  test('closes the old one, whatever its users have by default', async () => {
    await using hs = await withUsers()
    const [alice, bob] = people(hs)
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      power_level_content_override: { users_default: 60 },
    })
    await bob.post(path(roomId, 'join'), {})
    await upgrade(alice, roomId, '12')
    const said = await bob.put(path(roomId, 'send/m.room.message/x'), { msgtype: 'm.text', body: 'still here' })
    expect(said).toMatchObject({ status: 403 })
  })

  test('keeps its addresses and its place in the directory', async () => {
    await using hs = await withUsers()
    const [alice] = people(hs)
    const roomId = await alice.createRoom({ preset: 'public_chat', visibility: 'public', room_alias_name: 'hall' })
    const alias = `#hall:${hs.config.server_name}`
    const replacement = await upgrade(alice, roomId, '12')
    expect((await alice.get(`/directory/room/${encodeURIComponent(alias)}`)).body.room_id).toBe(replacement)
    expect(await stateOf(alice, replacement, 'm.room.canonical_alias')).toEqual({ alias })
    expect(await stateOf(alice, roomId, 'm.room.canonical_alias')).toEqual({})
    const { chunk } = (await alice.get('/publicRooms')).body
    expect(chunk.map(({ room_id }: { room_id: string }) => room_id)).toEqual([replacement])
  })

  test('is a space with the same rooms in it', async () => {
    await using hs = await withUsers()
    const [alice] = people(hs)
    const space = await alice.createRoom({ creation_content: { type: 'm.space' } })
    const [child, gone] = [await alice.createRoom(), await alice.createRoom()]
    const via = [hs.config.server_name]
    await put(alice, space, 'm.space.child', { via, order: 'a' }, child)
    await put(alice, space, 'm.space.child', { via }, gone)
    await put(alice, space, 'm.space.child', {}, gone)
    const replacement = await upgrade(alice, space, '12')
    expect(await stateOf(alice, replacement, 'm.space.child', child)).toEqual({ via, order: 'a' })
    expect((await alice.get(path(replacement, `state/m.space.child/${encodeURIComponent(gone)}`))).status).toBe(404)
  })

  test('asks guests in only where the old one did, and nobody by a rule that its version does not know', async () => {
    await using hs = await withUsers()
    const [alice] = people(hs)
    const rule = { join_rule: 'knock_restricted', allow: [] }
    const initial_state = [
      { type: 'm.room.join_rules', content: rule },
      { type: 'm.room.guest_access', content: { guest_access: 'forbidden' } },
    ]
    const roomId = await alice.createRoom({ room_version: '11', initial_state })
    const six = await upgrade(alice, roomId, '6')
    expect(await stateOf(alice, six, 'm.room.join_rules')).toEqual({ join_rule: 'invite' })
    expect(await stateOf(alice, six, 'm.room.guest_access')).toEqual({ guest_access: 'forbidden' })
  })

  test('follows each member: tags, direct chat and push rules, once', async () => {
    await using hs = await withUsers()
    const [alice, bob] = people(hs)
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.post(path(roomId, 'join'), {})
    for (const user of [alice, bob]) {
      const own = `/user/${encodeURIComponent(user.userId)}`
      await user.put(`${own}/rooms/${encodeURIComponent(roomId)}/tags/m.favourite`, { order: 0.5 })
      await user.put(`${own}/account_data/m.direct`, { '@zoe:elsewhere': [roomId] })
      const rule = `/pushrules/global/override/${encodeURIComponent(roomId)}`
      const conditions = [{ kind: 'event_match', key: 'room_id', pattern: roomId }]
      expect(await user.put(rule, { actions: [], conditions })).toMatchObject({ status: 200 })
    }
    const replacement = await upgrade(alice, roomId, '12')
    await bob.post(path(replacement, 'join'), {})
    const kept = async (user: TestClient) => {
      const own = `/user/${encodeURIComponent(user.userId)}`
      const rule = (await user.get(`/pushrules/global/override/${encodeURIComponent(replacement)}`)).body
      return {
        tags: (await user.get(`${own}/rooms/${encodeURIComponent(replacement)}/tags`)).body.tags,
        direct: (await user.get(`${own}/account_data/m.direct`)).body,
        pattern: rule.conditions?.[0]?.pattern,
      }
    }
    for (const user of [alice, bob])
      await vi.waitFor(async () =>
        expect(await kept(user)).toEqual({
          tags: { 'm.favourite': { order: 0.5 } },
          direct: { '@zoe:elsewhere': [roomId, replacement] },
          pattern: replacement,
        }),
      )
    const own = `/user/${encodeURIComponent(bob.userId)}`
    await bob.put(`${own}/account_data/m.direct`, {})
    await bob.post(path(replacement, 'leave'), {})
    await bob.post(path(replacement, 'join'), {})
    await bob.say(replacement, 'here')
    expect((await bob.get(`${own}/account_data/m.direct`)).body).toEqual({})
  })

  test('does not follow into a room that only claims to replace another one', async () => {
    await using hs = await withUsers()
    const [alice, bob] = people(hs)
    const roomId = await bob.createRoom()
    const own = `/user/${encodeURIComponent(bob.userId)}`
    await bob.put(`${own}/rooms/${encodeURIComponent(roomId)}/tags/m.favourite`, {})
    const creation_content = { predecessor: { room_id: roomId, event_id: '$x' } }
    const claim = await alice.createRoom({ preset: 'public_chat', creation_content })
    await bob.post(path(claim, 'join'), {})
    await bob.say(claim, 'here')
    expect((await bob.get(`${own}/rooms/${encodeURIComponent(claim)}/tags`)).body.tags).toEqual({})
  })

  test('is one room, however many ask for it at once', async () => {
    await using hs = await withUsers()
    const [alice] = people(hs)
    const roomId = await alice.createRoom({ room_version: '11' })
    const made = await Promise.all([1, 2, 3].map(() => upgrade(alice, roomId, '12')))
    expect(new Set(made).size).toBe(1)
  })
})

describe('who may invite in a new room', () => {
  test.each([
    ['public_chat', 50],
    ['private_chat', 0],
    ['trusted_private_chat', 0],
  ])('%s: from level %i', async (preset, level) => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const roomId = await hs.as('alice').createRoom({ preset })
    expect((await stateOf(hs.as('alice'), roomId, 'm.room.power_levels')).invite).toBe(level)
  })

  test('a room that is listed without a preset is a public one', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const roomId = await hs.as('alice').createRoom({ visibility: 'public' })
    expect((await stateOf(hs.as('alice'), roomId, 'm.room.power_levels')).invite).toBe(50)
  })
})
