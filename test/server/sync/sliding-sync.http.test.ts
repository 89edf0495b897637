/** Simplified sliding sync (MSC4186), over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

const path = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body
type Json = any

let hs: TestHomeserver
let connections = 0
beforeAll(async () => {
  hs = await startHomeserver()
})
afterAll(() => hs.close())

/** Two new users for one test. */
let people = 0
async function newPeople(): Promise<[TestClient, TestClient]> {
  people++
  return [await hs.register(`ana${people}`, false), await hs.register(`bo${people}`, false)]
}

/** A connection of its own, which goes on from its last answer. */
function connect(client: TestClient, body: Json) {
  const connection = {
    pos: undefined as string | undefined,
    body: { conn_id: `c${connections++}`, ...body },
    async ask(options: { timeout?: number; pos?: string } = {}): Promise<{ status: number; body: Json }> {
      const query = new URLSearchParams({ timeout: String(options.timeout ?? 0) })
      const pos = options.pos ?? connection.pos
      if (pos !== undefined) query.set('pos', pos)
      const answer = await client.post(`${path}?${query}`, connection.body)
      if (answer.status === 200) connection.pos = answer.body.pos
      return answer
    },
    next: async (timeout?: number) => (await connection.ask(timeout === undefined ? {} : { timeout })).body as Json,
  }
  return connection
}
const listOf = (more: Json = {}, last = 9) => ({
  lists: { all: { ranges: [[0, last]], required_state: [['m.room.name', '']], timeline_limit: 3, ...more } },
})
const bodies = (room: Json) =>
  room.timeline.flatMap(({ content }: Json) => (content.body === undefined ? [] : [content.body]))
const shown = (answer: Json, list = 'all') => answer.lists[list].ops.flatMap(({ room_ids }: Json) => room_ids)

describe('a list', () => {
  test('shows the rooms in which something was said last, and nothing comes twice', async () => {
    const [ana] = await newPeople()
    const [first, second, third] = [
      await ana.createRoom({ name: 'First' }),
      await ana.createRoom({ name: 'Second' }),
      await ana.createRoom({ name: 'Third' }),
    ]
    await ana.say(first, 'hello')
    const sync = connect(ana, listOf({}, 1))
    const start = await sync.next()
    expect(start.lists.all).toEqual({ count: 3, ops: [{ op: 'SYNC', range: [0, 1], room_ids: [first, third] }] })
    expect(Object.keys(start.rooms).sort()).toEqual([first, third].sort())
    expect(start.rooms[first]).toMatchObject({ initial: true, name: 'First', joined_count: 1, notification_count: 0 })
    expect(bodies(start.rooms[first])).toEqual(['hello'])
    expect(start.rooms[first].required_state.map(({ type }: Json) => type)).toEqual(['m.room.name'])
    expect(start.rooms[first].limited).toBe(true)

    expect((await sync.next()).rooms).toEqual({})

    // A room comes into the window; another goes out and keeps its place.
    await ana.say(second, 'and now here')
    const moved = await sync.next()
    expect(shown(moved)).toEqual([second, first])
    expect(Object.keys(moved.rooms)).toEqual([second])
    await ana.say(third, 'one')
    await ana.say(third, 'two')
    const back = await sync.next()
    expect(shown(back)).toEqual([third, second])
    expect(back.rooms[third].initial).toBeUndefined()
    expect(bodies(back.rooms[third])).toEqual(['one', 'two'])
    expect(back.rooms[third].num_live).toBe(2)
    // What does not speak does not bring a room up.
    await ana.put(`/rooms/${encodeURIComponent(first)}/state/m.room.topic/`, { topic: 'Quiet' })
    expect(shown(await sync.next())).toEqual([third, second])
  })

  test('is of those that its filters let through', async () => {
    const [ana, bo] = await newPeople()
    const space = await ana.createRoom({ creation_content: { type: 'm.space' } })
    const plain = await ana.createRoom({ name: 'Garden' })
    const secret = await ana.createRoom({
      initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    })
    const direct = await ana.createRoom({ is_direct: true, invite: [bo.userId] })
    await ana.put(`/user/${encodeURIComponent(ana.userId)}/account_data/m.direct`, { [bo.userId]: [direct] })
    await ana.put(`/user/${encodeURIComponent(ana.userId)}/rooms/${encodeURIComponent(plain)}/tags/m.favourite`, {})
    await ana.put(`/rooms/${encodeURIComponent(space)}/state/m.space.child/${encodeURIComponent(plain)}`, {
      via: ['test'],
    })
    const find = async (filters: Json) => {
      const answer = await connect(ana, { lists: { all: { ranges: [[0, 99]], filters, timeline_limit: 0 } } }).next()
      expect(answer.lists.all.count).toBe(shown(answer).length)
      return shown(answer).sort()
    }
    expect(await find({})).toEqual([space, plain, secret, direct].sort())
    expect(await find({ room_types: ['m.space'] })).toEqual([space])
    expect(await find({ not_room_types: ['m.space'] })).toEqual([plain, secret, direct].sort())
    expect(await find({ room_types: [null] })).toEqual([plain, secret, direct].sort())
    expect(await find({ is_encrypted: true })).toEqual([secret])
    expect(await find({ is_dm: true })).toEqual([direct])
    expect(await find({ tags: ['m.favourite'] })).toEqual([plain])
    expect(await find({ not_tags: ['m.favourite'], is_dm: false })).toEqual([space, secret].sort())
    expect(await find({ room_name_like: 'GARD' })).toEqual([plain])
    expect(await find({ spaces: [space] })).toEqual([plain])
    const invited = await connect(bo, { lists: { all: { ranges: [[0, 9]], filters: { is_invite: true } } } }).next()
    expect(shown(invited)).toEqual([direct])
    expect(invited.rooms[direct].invite_state.map(({ type }: Json) => type)).toContain('m.room.member')
  })
})

describe('a room', () => {
  test('comes as an invite, as one’s own after the join, and ends with the kick', async () => {
    const [ana, bo] = await newPeople()
    const roomId = await ana.createRoom({ preset: 'private_chat' })
    const sync = connect(
      bo,
      listOf({
        required_state: [
          ['m.room.member', '$ME'],
          ['m.room.member', '$LAZY'],
        ],
      }),
    )
    await sync.next()
    await ana.invite(roomId, bo)
    const invited = await sync.next()
    expect(invited.rooms[roomId]).toMatchObject({ initial: true })
    expect(invited.rooms[roomId].invite_state.length).toBeGreaterThan(0)
    expect(invited.rooms[roomId].timeline).toBeUndefined()
    expect((await sync.next()).rooms).toEqual({})

    await bo.joinRoom(roomId)
    await ana.say(roomId, 'welcome')
    const joined = await sync.next()
    expect(joined.rooms[roomId]).toMatchObject({ initial: true, joined_count: 2 })
    expect(bodies(joined.rooms[roomId])).toEqual(['welcome'])
    const members = joined.rooms[roomId].required_state.map(({ state_key }: Json) => state_key)
    expect(members.sort()).toEqual([ana.userId, bo.userId].sort())
    expect(joined.rooms[roomId].heroes.map(({ user_id }: Json) => user_id)).toEqual([ana.userId])

    // A member who was sent is not sent again; one who changes is.
    await ana.say(roomId, 'again')
    expect((await sync.next()).rooms[roomId].required_state).toBeUndefined()
    await ana.put(`/profile/${encodeURIComponent(ana.userId)}/displayname`, { displayname: 'Ana B.' })
    await expect
      .poll(async () => (await sync.next()).rooms[roomId]?.required_state?.[0]?.content.displayname)
      .toBe('Ana B.')

    await ana.post(`/rooms/${encodeURIComponent(roomId)}/kick`, { user_id: bo.userId, reason: 'bye' })
    await ana.say(roomId, 'not for bo')
    const out = await sync.next()
    expect(out.lists.all.count).toBe(0)
    expect(out.rooms[roomId].timeline.at(-1)).toMatchObject({ type: 'm.room.member', state_key: bo.userId })
    expect(bodies(out.rooms[roomId])).toEqual([])
    expect(out.rooms[roomId].required_state).toMatchObject([{ state_key: bo.userId, content: { membership: 'leave' } }])
    expect((await sync.next()).rooms).toEqual({})
    await ana.invite(roomId, bo)
    await bo.joinRoom(roomId)
    expect((await sync.next()).rooms[roomId]).toMatchObject({ initial: true })
  })

  test('a gap is told, and what the state became in it', async () => {
    const [ana] = await newPeople()
    const roomId = await ana.createRoom({ name: 'Old' })
    const sync = connect(ana, listOf())
    await sync.next()
    await ana.put(`/rooms/${encodeURIComponent(roomId)}/state/m.room.name/`, { name: 'New' })
    for (let n = 0; n < 5; n++) await ana.say(roomId, `m${n}`)
    const { rooms } = await sync.next()
    expect(rooms[roomId]).toMatchObject({ limited: true, name: 'New', num_live: 3 })
    expect(bodies(rooms[roomId])).toEqual(['m2', 'm3', 'm4'])
    expect(rooms[roomId].required_state.map(({ content }: Json) => content.name)).toEqual(['New'])
    const page = await ana.get(
      `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&from=${rooms[roomId].prev_batch}&limit=2`,
    )
    expect(page.body.chunk.map(({ content }: Json) => content.body)).toEqual(['m1', 'm0'])
  })

  test('by subscription has more than the list asks for, as soon as it is asked', async () => {
    const [ana, bo] = await newPeople()
    const roomId = await ana.createRoom({ name: 'Deep', topic: 'Wells', preset: 'public_chat' })
    for (let n = 0; n < 8; n++) await ana.say(roomId, `m${n}`)
    const sync = connect(ana, listOf({ timeline_limit: 1 }))
    expect(bodies((await sync.next()).rooms[roomId])).toEqual(['m7'])
    sync.body.room_subscriptions = { [roomId]: { timeline_limit: 6, required_state: [['m.room.topic', '']] } }
    const more = (await sync.next()).rooms[roomId]
    expect(more).toMatchObject({ unstable_expanded_timeline: true, num_live: 0 })
    expect(bodies(more)).toEqual(['m2', 'm3', 'm4', 'm5', 'm6', 'm7'])
    expect(more.required_state.map(({ type }: Json) => type).sort()).toEqual(['m.room.name', 'm.room.topic'])
    expect((await sync.next()).rooms).toEqual({})
    // Of a room one is not in there is nothing.
    const stranger = connect(bo, { room_subscriptions: { [roomId]: { timeline_limit: 5 } } })
    expect((await stranger.next()).rooms).toEqual({})
  })
})

describe('a connection', () => {
  test('waits for news, and is woken by them', async () => {
    const [ana] = await newPeople()
    const roomId = await ana.createRoom()
    const sync = connect(ana, listOf())
    await sync.next()
    const waiting = sync.next(20_000)
    await ana.say(roomId, 'wake up')
    expect(bodies((await waiting).rooms[roomId])).toEqual(['wake up'])
    const began = performance.now()
    expect((await sync.next(150)).rooms).toEqual({})
    expect(performance.now() - began).toBeGreaterThan(120)
  })

  test('a lost answer is given again, whole', async () => {
    const [ana] = await newPeople()
    const roomId = await ana.createRoom()
    const sync = connect(ana, listOf({ required_state: [['m.room.member', '$LAZY']] }))
    const { pos } = await sync.next()
    await ana.say(roomId, 'once')
    const lost = await sync.next()
    await ana.say(roomId, 'twice')
    const again = (await sync.ask({ pos })).body
    expect(bodies(lost.rooms[roomId])).toEqual(['once'])
    expect(bodies(again.rooms[roomId])).toEqual(['once', 'twice'])
    expect(sync.pos).toBe(again.pos)
    // The answer that did not arrive is nothing to go on from any more.
    const gone = await sync.ask({ pos: lost.pos })
    expect([gone.status, gone.body.errcode]).toEqual([400, 'M_UNKNOWN_POS'])
  })

  test('that is not known begins anew; two of one device do not meddle', async () => {
    const [ana] = await newPeople()
    const roomId = await ana.createRoom()
    const [one, two] = [connect(ana, listOf()), connect(ana, listOf())]
    await one.next()
    await two.next()
    await ana.say(roomId, 'for both')
    expect(bodies((await one.next()).rooms[roomId])).toEqual(['for both'])
    expect(bodies((await two.next()).rooms[roomId])).toEqual(['for both'])
    for (const pos of ['x', 's1_1_a_1', String(one.pos)]) {
      const refused = await two.ask({ pos })
      expect([refused.status, refused.body.errcode]).toEqual([400, 'M_UNKNOWN_POS'])
    }
  })

  test('what somebody who is ignored says, and their invite, is not told', async () => {
    const [ana, bo] = await newPeople()
    const roomId = await ana.createRoom({ invite: [bo.userId] })
    await bo.joinRoom(roomId)
    const sync = connect(ana, listOf())
    await sync.next()
    const ignore = { ignored_users: { [bo.userId]: {} } }
    await ana.put(`/user/${encodeURIComponent(ana.userId)}/account_data/m.ignored_user_list`, ignore)
    await bo.say(roomId, 'psst')
    const own = await bo.createRoom({ invite: [ana.userId] })
    await ana.say(roomId, 'la la la')
    const answer = await sync.next()
    expect(bodies(answer.rooms[roomId])).toEqual(['la la la'])
    expect(answer.rooms[own]).toBeUndefined()
    expect(answer.lists.all.count).toBe(1)
  })
})

describe('extensions', () => {
  test('messages to the device, keys, account data, receipts and typing, each once', async () => {
    const [ana, bo] = await newPeople()
    const roomId = await ana.createRoom({ invite: [bo.userId] })
    await bo.joinRoom(roomId)
    const on = { enabled: true }
    const extensions: Json = { to_device: on, e2ee: on, account_data: on, receipts: on, typing: on }
    const sync = connect(ana, { ...listOf(), extensions })
    const start = await sync.next()
    expect(start.extensions.account_data.global.map(({ type }: Json) => type)).toContain('m.push_rules')
    expect(start.extensions.e2ee).toMatchObject({
      device_one_time_keys_count: {},
      device_unused_fallback_key_types: [],
    })

    const seen = await bo.say(roomId, 'read me')
    await bo.put(`/sendToDevice/m.test/t1`, { messages: { [ana.userId]: { [ana.deviceId]: { n: 1 } } } })
    await bo.put(`/rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(bo.userId)}`, {
      typing: true,
      timeout: 20_000,
    })
    await bo.post(`/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(seen)}`)
    await ana.put(`/user/${encodeURIComponent(ana.userId)}/rooms/${encodeURIComponent(roomId)}/tags/u.x`, {})
    sync.body.extensions.to_device.since = start.extensions.to_device.next_batch
    const { extensions: news, rooms } = await sync.next()
    expect(rooms[roomId].notification_count).toBe(1)
    expect(news.to_device.events).toEqual([{ sender: bo.userId, type: 'm.test', content: { n: 1 } }])
    expect(news.typing.rooms[roomId].content.user_ids).toEqual([bo.userId])
    expect(Object.keys(news.receipts.rooms[roomId].content)).toEqual([seen])
    expect(news.account_data.rooms[roomId].map(({ type }: Json) => type)).toEqual(['m.tag'])

    // Until it is acknowledged it comes again, and then no more.
    expect((await sync.next()).extensions.to_device.events).toHaveLength(1)
    sync.body.extensions.to_device.since = news.to_device.next_batch
    const quiet = (await sync.next()).extensions
    expect(quiet.to_device.events).toEqual([])
    expect([quiet.typing.rooms, quiet.receipts.rooms, quiet.account_data.rooms]).toEqual([{}, {}, {}])

    // Reading on another device takes the count away here.
    await ana.post(`/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(seen)}`)
    expect((await sync.next()).rooms[roomId]).toMatchObject({ notification_count: 0 })
  })

  test('a device list that changes is told', async () => {
    const [ana, bo] = await newPeople()
    const roomId = await ana.createRoom({ invite: [bo.userId] })
    await bo.joinRoom(roomId)
    const sync = connect(ana, { ...listOf(), extensions: { e2ee: { enabled: true } } })
    expect((await sync.next()).extensions.e2ee.device_lists).toBeUndefined()
    await hs.logIn(bo.userId.slice(1).split(':')[0]!)
    expect((await sync.next()).extensions.e2ee.device_lists.changed).toContain(bo.userId)
  })
})

test.each([
  { lists: { all: { ranges: [[0]] } } },
  { lists: { all: { ranges: [[-1, 5]] } } },
  { lists: [] },
  { room_subscriptions: { '!a:b': { timeline_limit: -1 } } },
  { extensions: { to_device: { enabled: true, since: 'x' } } },
])('%j is refused', async (body) => {
  const [ana] = await newPeople()
  const refused = await connect(ana, body).ask()
  expect(refused.status).toBe(400)
})
