/** The unmodified SurrealDB SDK of another process, over a socket: what it may do, what it sees, how it ends. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { user } from '../../support/rooms.js'
import { SdkClient } from '../../support/sdk-client.js'
import { planStatements } from './plan-statements.js'

const [alice, bob] = [user('alice'), user('bob')]

let hs: LiveServer
let client: SdkClient
beforeEach(async () => {
  hs = await startLiveServer()
  client = new SdkClient()
})
afterEach(async () => {
  await client[Symbol.asyncDispose]()
  await hs[Symbol.asyncDispose]()
})
const loginAs = async (name: string, on = client) => on.login(hs.url, await hs.token(name))

describe('the SDK of another process', () => {
  test('connects, authenticates, queries, listens and kills', async () => {
    const roomId = await hs.rooms.createRoom({ creator: alice, preset: 'private_chat' })
    await hs.rooms.sendText(roomId, alice, 'before')
    await hs.settled()

    await loginAs('alice')
    const [rows] = await client.call<[{ event: { content: { body?: string } } }[]]>(
      'query',
      'SELECT * FROM room_events:[$room, 0]..[$room, 1000]',
      { room: roomId },
    )
    await client.call('live', 'events', 'LIVE SELECT * FROM room_events WHERE room_id = $room_id', { room_id: roomId })
    await hs.rooms.sendText(roomId, alice, 'after')
    const [note] = await client.hears('events', 1)
    await client.call('kill', 'events')
    await hs.rooms.sendText(roomId, alice, 'unheard')
    await hs.settled()

    expect(rows.at(-1)?.event.content.body).toBe('before')
    expect(note).toMatchObject({ action: 'CREATE', row: { room_id: roomId, event: { content: { body: 'after' } } } })
    expect(hs.registry.size).toBe(0)
    expect(client.notes).toHaveLength(1)
  })

  test('its builders work where they say what we allow: live on a table, select of a record', async () => {
    const roomId = await hs.rooms.createRoom({ creator: alice })
    await hs.settled()
    await loginAs('alice')

    await client.call('liveTable', 'lines', 'room_summaries')
    await hs.rooms.sendText(roomId, alice, 'ring')

    expect((await client.hears('lines', 1))[0]?.row).toMatchObject({ user_id: alice, room_id: roomId })
    expect(await client.call('select', 'room_members', [roomId, alice])).toMatchObject({ membership: 'join' })
  })

  test('gets nothing before it has authenticated', async () => {
    await client.call('connect', hs.url)
    await client.call('use', 'matrix', 'homeserver')

    await expect(client.call('query', 'SELECT * FROM room_events')).rejects.toThrow(/Authenticate first/)
    await expect(client.call('query', 'INFO FOR ROOT')).rejects.toThrow(/Authenticate first/)
    await expect(client.call('query', 'RETURN 1')).rejects.toThrow(/Authenticate first/)
    await expect(client.call('authenticate', 'not.a.token')).rejects.toThrow(/not valid/)
    await expect(client.call('query', 'RETURN 1')).rejects.toThrow(/Authenticate first/)
  })

  test('may use no other namespace or database', async () => {
    await client.call('connect', hs.url)

    await expect(client.call('use', 'other', 'homeserver')).rejects.toThrow(/matrix/)
    await expect(client.call('use', 'matrix', 'other')).rejects.toThrow(/homeserver/)
  })

  test.each([
    ['a sign-in', 'signin', [{ username: 'root', password: 'root' }]],
    ['a transaction', 'begin', []],
    ['a write', 'query', ["CREATE room_events:['!x', 1]"]],
    ['a definition', 'query', ['DEFINE USER eve ON ROOT PASSWORD "x" ROLES OWNER']],
    ['a hidden table', 'query', ['SELECT * FROM access_token']],
    ['sleeping', 'query', ['RETURN sleep(1s)']],
    ['a protected variable', 'set', ['auth', 'x']],
  ])('is refused %s and goes on', async (_, method, args) => {
    await loginAs('alice')

    await expect(client.call(method, ...args)).rejects.toThrow(/not allowed|cannot be bound/)
    expect(await client.call('query', 'SELECT * FROM receipts')).toEqual([[]])
  })

  test('cannot pass for somebody else by binding $user_id', async () => {
    await loginAs('alice')
    await hs.rooms.createRoom({ creator: bob })
    await hs.settled()

    const sql = 'SELECT $user_id AS me, user_id FROM room_members WHERE user_id = $user_id'
    expect(await client.call('query', sql, { user_id: bob })).toEqual([[]])
  })

  test('may have a session of its own beside the first, of the same login', async () => {
    await loginAs('alice')
    await client.call('newSession', 'second')
    await client.call('useIn', 'second', 'matrix', 'homeserver')

    await expect(client.call('query', 'SELECT * FROM receipts', {}, 'second')).rejects.toThrow(/Authenticate first/)
    await expect(client.call('authenticate', await hs.token('bob'), 'second')).rejects.toThrow(/not valid/)
    await client.call('authenticate', await hs.token('alice'), 'second')
    expect(await client.call('query', 'SELECT * FROM receipts', {}, 'second')).toEqual([[]])
  })

  test('is nobody after invalidate or reset, never an owner', async () => {
    await loginAs('alice')
    await client.call('invalidate')
    await expect(client.call('query', 'SELECT * FROM receipts')).rejects.toThrow(/Authenticate first/)
    await client.call('authenticate', await hs.token('alice'))
    await client.call('reset')

    await expect(client.call('query', 'SELECT * FROM receipts')).rejects.toThrow(/Authenticate first/)
    expect(hs.sessions.openCount).toBe(0)
  })
})

describe('live queries', () => {
  test("the plan's three statements run verbatim and deliver", async () => {
    const roomId = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.rooms.joinRoom({ roomId, sender: bob })
    await hs.settled()
    const [events, presence, typing] = planStatements

    await loginAs('alice')
    await client.call('live', 'events', events[0], { room_id: roomId })
    await client.call('live', 'presence', presence[0], { followed_users: [bob] })
    await client.call('live', 'typing', typing[0], { room_id: roomId })
    await hs.rooms.sendText(roomId, alice, 'mine')
    await hs.rooms.sendText(roomId, bob, 'theirs')
    hs.live.writeTyping({ room_id: roomId, user_id: bob, expires_at: Date.now() + 1000 })
    hs.live.writeTyping({ room_id: roomId, user_id: alice, expires_at: Date.now() + 1000 })
    hs.live.writePresence({
      user_id: bob,
      presence: 'online',
      last_active_ago: 3,
      last_active_ts: 1,
      currently_active: true,
    })

    expect((await client.hears('events', 1)).map(({ row }) => row.sender)).toEqual([bob])
    expect((await client.hears('typing', 1))[0]).toMatchObject({ action: 'CREATE', row: { user_id: bob } })
    expect((await client.hears('presence', 1))[0]?.row).toEqual({
      user_id: bob,
      presence: 'online',
      last_active_ago: 3,
    })
    hs.live.deleteTyping(roomId, bob)
    expect((await client.hears('typing', 2))[1]).toMatchObject({ action: 'DELETE', row: { user_id: bob } })
    expect(client.notes.filter(({ live }) => live === 'typing')).toHaveLength(2)
  })

  test('a member gets each new event within 50 ms, somebody else none', async () => {
    await using stranger = new SdkClient()
    const roomId = await hs.rooms.createRoom({ creator: alice, preset: 'private_chat' })
    await hs.settled()
    const live = 'LIVE SELECT * FROM room_events'
    await loginAs('alice')
    await client.call('live', 'events', live)
    await loginAs('bob', stranger)
    await stranger.call('live', 'events', live)

    const delays: number[] = []
    for (let n = 0; n < 20; n++) {
      await hs.rooms.sendText(roomId, alice, `${n}`)
      const acknowledged = Date.now()
      const note = (await client.hears('events', n + 1))[n]!
      delays.push(note.at - acknowledged)
    }

    expect(client.notes.map(({ row }) => (row.event as { content: { body: string } }).content.body)).toEqual(
      Array.from({ length: 20 }, (_, n) => `${n}`),
    )
    // One that waits for its turn on a busy machine must not fail the test; the usual one must be far below.
    const sorted = delays.sort((a, b) => a - b)
    expect(sorted[10]).toBeLessThan(50)
    expect(stranger.notes).toEqual([])
  })

  test('who joins hears the event of their joining, who is removed hears that and no more', async () => {
    const roomId = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.settled()
    await loginAs('bob')
    await client.call('live', 'events', 'LIVE SELECT * FROM room_events WHERE room_id = $room_id', { room_id: roomId })
    await hs.rooms.sendText(roomId, alice, 'before')
    await hs.rooms.joinRoom({ roomId, sender: bob })
    await hs.rooms.sendText(roomId, alice, 'within')
    await hs.rooms.kickUser({ roomId, sender: alice, target: bob })
    await hs.rooms.sendText(roomId, alice, 'after')
    await hs.settled()

    const heard = (await client.hears('events', 3)).map(
      ({ row }) => row.event as { type: string; content: Record<string, string> },
    )

    expect(heard.map(({ type, content }) => content.body ?? `${type} ${content.membership}`)).toEqual([
      'm.room.member join',
      'within',
      'm.room.member leave',
    ])
  })

  test('a channel has at most eight, and one may be killed by its own channel alone', async () => {
    await using other = new SdkClient()
    await loginAs('alice')
    await loginAs('bob', other)
    for (let n = 0; n < 8; n++) await client.call('live', `l${n}`, 'LIVE SELECT * FROM receipts')
    const id = hs.registry.all()[0]!.id

    await expect(client.call('live', 'l8', 'LIVE SELECT * FROM receipts')).rejects.toThrow(/at most 8/)
    await expect(other.call('query', `KILL u"${id}"`)).rejects.toThrow(/no such live query/)
    await client.call('query', `KILL u"${id}"`)
    await client.call('live', 'l8', 'LIVE SELECT * FROM receipts')
  })

  test('a live query that shows live queries is told of itself once a second at most', async () => {
    await loginAs('alice')
    await client.call('live', 'own', 'LIVE SELECT * FROM live_subscriptions')

    const [first] = await client.hears('own', 1)

    expect(first?.row).toMatchObject({
      user_id: alice,
      table: 'live_subscriptions',
      node: 'node1',
      sid: hs.sidOf('alice'),
    })
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(client.notes.length).toBeLessThanOrEqual(3)
  })

  test('metrics come once a second, to admins', async () => {
    await using admin = new SdkClient()
    await hs.addUser('root', true)
    await loginAs('root', admin)
    await loginAs('alice')
    await admin.call('live', 'metrics', 'LIVE SELECT * FROM server_metrics')
    await client.call('live', 'metrics', 'LIVE SELECT * FROM server_metrics')
    const roomId = await hs.rooms.createRoom({ creator: alice })
    await hs.rooms.sendText(roomId, alice, 'x')

    const [note] = await admin.hears('metrics', 1)

    expect(note?.row).toMatchObject({
      live_channels: 2,
      live_queries: 2,
      active_rooms: 1,
      rooms: [[roomId, expect.any(Number)]],
    })
    expect(note?.row.events_per_second).toBeGreaterThan(0)
    expect(note?.row.rss_bytes).toBeGreaterThan(10_000_000)
    expect(client.notes).toEqual([])
  })
})

describe('the end of a channel', () => {
  const watching = async (roomId: RoomId) => {
    await loginAs('alice')
    await client.call('live', 'events', 'LIVE SELECT * FROM room_events WHERE room_id = $room_id', { room_id: roomId })
  }
  const livesOf = async (table: string) =>
    Object.keys((await hs.db.query<[{ lives: object }]>(`INFO FOR TABLE ${table}`))[0].lives)

  test('logout closes it with 4403, and its live queries are gone', async () => {
    const roomId = await hs.rooms.createRoom({ creator: alice })
    await watching(roomId)
    expect(await livesOf('room_events')).toHaveLength(1)

    await hs.sessions.endLoginSession(hs.sidOf('alice'))
    await hs.rooms.sendText(roomId, alice, 'too late')
    await hs.settled()

    expect(await client.closed).toMatchObject({ code: 4403 })
    expect(await livesOf('room_events')).toEqual([])
    expect(client.notes).toEqual([])
    expect(hs.bridge.channels).toBe(0)
  })

  test('a client that goes away leaves nothing behind', async () => {
    await watching(await hs.rooms.createRoom({ creator: alice }))

    await client.call('close')

    await expect.poll(() => hs.bridge.channels).toBe(0)
    await expect.poll(() => livesOf('room_events')).toEqual([])
    expect(hs.registry.size).toBe(0)
    expect(hs.sessions.openCount).toBe(0)
  })

  test('a token refreshed on the same channel keeps its live queries, one of another login is refused', async () => {
    const roomId = await hs.rooms.createRoom({ creator: alice })
    await watching(roomId)

    await client.call('authenticate', await hs.token('alice'))
    await expect(client.call('authenticate', await hs.token('bob'))).rejects.toThrow(/not valid/)
    await hs.rooms.sendText(roomId, alice, 'still here')

    expect(await client.hears('events', 1)).toHaveLength(1)
  })

  test('a login session that has ended gets no channel', async () => {
    const token = await hs.token('alice')
    await hs.db.query("UPDATE type::record('login_session', $sid) SET active = false", { sid: hs.sidOf('alice') })
    await client.call('connect', hs.url)

    await expect(client.call('authenticate', token)).rejects.toThrow(/has ended/)
    expect(await client.closed).toMatchObject({ code: 4403 })
  })

  test('three bad tokens close it with 4401', async () => {
    await client.call('connect', hs.url)
    for (let n = 0; n < 3; n++) await expect(client.call('authenticate', 'a.b.c')).rejects.toThrow(/not valid/)

    expect(await client.closed).toMatchObject({ code: 4401 })
  })

  test('a server that ends says 1012', async () => {
    await loginAs('alice')
    hs.bridge.close()

    expect(await client.closed).toMatchObject({ code: 1012 })
  })
})
