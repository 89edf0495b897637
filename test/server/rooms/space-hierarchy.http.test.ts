/** Walking a space: order, depth, pages, what is not to be seen, and rooms of other servers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFederatingHomeservers } from '../../support/federating-homeservers.js'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

const hierarchy = (roomId: string, query = '') =>
  `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/hierarchy${query}`
const space = (name: string) => ({ name, preset: 'public_chat', creation_content: { type: 'm.space' } })
const addChild = (client: TestClient, parent: string, child: string, via: string, content: object = {}) =>
  client.put(`/rooms/${encodeURIComponent(parent)}/state/m.space.child/${encodeURIComponent(child)}`, {
    via: [via],
    ...content,
  })
const names = (rooms: { name: string }[]) => rooms.map(({ name }) => name)

describe('on this server', () => {
  let hs: TestHomeserver
  let alice: TestClient
  let root: string
  beforeAll(async () => {
    hs = await startHomeserver({ users: ['alice', 'eve'] })
    alice = hs.as('alice')
    const room = (name: string, preset = 'public_chat') => alice.createRoom({ name, preset })
    root = await alice.createRoom(space('root'))
    const inner = await alice.createRoom(space('inner'))
    await addChild(alice, root, await room('last'), 'test')
    await addChild(alice, root, await room('second'), 'test', { order: 'b', suggested: true })
    await addChild(alice, root, inner, 'test', { order: 'a' })
    await addChild(alice, root, await room('private', 'private_chat'), 'test', { order: 'c' })
    await addChild(alice, inner, await room('deep'), 'test')
    await addChild(alice, inner, root, 'test') // a loop
    await alice.put(
      `/rooms/${encodeURIComponent(root)}/state/m.space.child/${encodeURIComponent(await room('removed'))}`,
      {},
    )
    await alice.put(`/rooms/${encodeURIComponent(root)}/state/m.space.child/nonsense`, { via: ['test'] })
    await addChild(alice, root, '!gone:test', 'test')
  })
  afterAll(() => hs?.close())

  test('goes depth first in the order of the space, once to each room', async () => {
    const { status, body } = await alice.get(hierarchy(root))
    expect(status).toBe(200)
    expect(names(body.rooms)).toEqual(['root', 'inner', 'deep', 'second', 'private', 'last'])
    expect(body).not.toHaveProperty('next_batch')
    const [first, , deep] = body.rooms
    expect(first).toMatchObject({ room_id: root, room_type: 'm.space', num_joined_members: 1, join_rule: 'public' })
    expect(first.children_state).toHaveLength(6) // the child that was taken out is none
    expect(Object.keys(first.children_state[0]).sort()).toEqual([
      'content',
      'origin_server_ts',
      'sender',
      'state_key',
      'type',
    ])
    expect(deep.children_state).toEqual([])
  })

  test('shows what the user may see', async () => {
    const { body } = await hs.as('eve').get(hierarchy(root))
    expect(names(body.rooms)).toEqual(['root', 'inner', 'deep', 'second', 'last'])
  })

  test.each([
    ['?max_depth=0', ['root']],
    ['?max_depth=1', ['root', 'inner', 'second', 'private', 'last']],
    ['?suggested_only=true', ['root', 'second']],
  ])('%s: %j', async (query, expected) => {
    expect(names((await alice.get(hierarchy(root, query))).body.rooms)).toEqual(expected)
  })

  test('in pages, each from the token of the one before', async () => {
    const seen: string[] = []
    let from = ''
    for (let pages = 0; pages < 10; pages++) {
      const { body } = await alice.get(hierarchy(root, `?limit=4${from}`))
      seen.push(...names(body.rooms))
      expect(body.rooms.length).toBeLessThanOrEqual(4)
      if (!body.next_batch) break
      from = `&from=${body.next_batch}`
    }
    expect(seen).toEqual(['root', 'inner', 'deep', 'second', 'private', 'last'])
  })

  test('a token with another depth, a token that is none and wrong numbers are refused', async () => {
    const { body } = await alice.get(hierarchy(root, '?limit=1&max_depth=1'))
    for (const query of [
      `?from=${body.next_batch}&max_depth=2`,
      `?from=${body.next_batch}&max_depth=1&suggested_only=true`,
      '?from=nonsense',
      '?limit=0',
      '?limit=-1',
      '?max_depth=-1',
    ])
      expect((await alice.get(hierarchy(root, query))).body.errcode).toBe('M_INVALID_PARAM')
    expect((await alice.get(hierarchy(root, `?from=${body.next_batch}&max_depth=1`))).status).toBe(200)
  })

  test('a space that is not the user’s to see is 403, as is one that is not there', async () => {
    const own = await alice.createRoom({ ...space('own'), preset: 'private_chat' })
    expect((await hs.as('eve').get(hierarchy(own))).body.errcode).toBe('M_FORBIDDEN')
    expect((await hs.as('eve').get(hierarchy('!nosuch:test'))).body.errcode).toBe('M_FORBIDDEN')
  })

  test('a room that is no space is a walk of one step', async () => {
    const room = await alice.createRoom({ name: 'alone' })
    expect(names((await alice.get(hierarchy(room))).body.rooms)).toEqual(['alone'])
  })
})

test('rooms of another server are in it, as far as that server lets this one know', { timeout: 30_000 }, async () => {
  await using world = await startFederatingHomeservers(['alice'], ['bob'])
  const [a, b] = world.servers as [TestHomeserver, TestHomeserver]
  const [alice, bob] = [a.as('alice'), b.as('bob')]
  const theirs = a.config.server_name!
  const far = await alice.createRoom(space('far'))
  await addChild(alice, far, await alice.createRoom({ name: 'open', preset: 'public_chat' }), theirs, { order: 'a' })
  await addChild(alice, far, await alice.createRoom({ name: 'secret', preset: 'private_chat' }), theirs)
  const root = await bob.createRoom(space('root'))
  await addChild(bob, root, far, theirs)
  await addChild(bob, root, '!nosuch:localhost:1', 'localhost:1')

  const { body } = await bob.get(hierarchy(root))

  expect(names(body.rooms)).toEqual(['root', 'far', 'open'])
  expect(body.rooms[1].children_state).toHaveLength(2)
})
