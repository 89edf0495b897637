/** /sync, reading rooms, typing, receipts and presence over HTTP: routes, shapes and refusals. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

describe('reading over HTTP', () => {
  let hs: TestHomeserver
  let [alice, bob, eve] = [] as unknown as [TestClient, TestClient, TestClient]
  let roomId: string
  let said: string
  const room = (rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`

  beforeAll(async () => {
    hs = await startHomeserver({ users: ['alice', 'bob', 'eve', 'late'] })
    ;[alice, bob, eve] = [hs.as('alice'), hs.as('bob'), hs.as('eve')]
    roomId = await alice.createRoom({ preset: 'public_chat', name: 'Hall' })
    await bob.joinRoom(roomId)
    said = await alice.say(roomId, 'hello', 'my-txn')
  })
  afterAll(() => hs.close())

  test('a sync waits for an event and tells it with its transaction to the device that sent it', async () => {
    const [a, b] = [(await alice.get('/sync')).body, (await bob.get('/sync')).body]
    const waiting = bob.get(`/sync?since=${b.next_batch}&timeout=10000&set_presence=offline`)

    await alice.say(roomId, 'second', 'txn-2')

    const [his, hers] = [(await waiting).body, (await alice.get(`/sync?since=${a.next_batch}`)).body]
    const lastOf = (answer: typeof his) => answer.rooms.join[roomId].timeline.events.at(-1)
    expect(lastOf(his).content.body).toBe('second')
    expect(lastOf(his).unsigned.transaction_id).toBeUndefined()
    expect(lastOf(hers).unsigned.transaction_id).toBe('txn-2')
  })

  test('a first sync has the rooms, the push rules and presence', async () => {
    const { status, body } = await alice.get(
      '/sync?filter=%7B%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A1%7D%7D%7D',
    )

    expect(status).toBe(200)
    expect(Object.keys(body.rooms.join)).toEqual([roomId])
    expect(body.account_data.events.map(({ type }: { type: string }) => type)).toContain('m.push_rules')
    expect(body.rooms.join[roomId].timeline).toMatchObject({ limited: true, events: [expect.anything()] })
  })

  test.each([
    ['/sync?since=rubbish', 400, 'M_INVALID_PARAM'],
    ['/sync?since=s1_99999999_x_0', 400, 'M_UNKNOWN_POS'],
    ['/sync?filter=nosuch', 400, 'M_INVALID_PARAM'],
    ['/sync?filter=%7Boops', 400, 'M_NOT_JSON'],
    ['/sync?timeout=soon', 400, 'M_INVALID_PARAM'],
    ['/sync?set_presence=asleep', 400, 'M_INVALID_PARAM'],
  ])('%s is refused with %i %s', async (path, status, errcode) => {
    const refused = await alice.get(path)

    expect([refused.status, refused.body.errcode]).toEqual([status, errcode])
  })

  test('messages, context and event', async () => {
    const messages = await bob.get(room('messages?dir=b&limit=2'))
    const older = await bob.get(room(`messages?dir=b&limit=100&from=${messages.body.end}`))
    const context = await bob.get(room(`context/${said}?limit=4`))
    const event = await bob.get(room(`event/${said}`))
    const lazy = await bob.get(
      room(`messages?dir=b&limit=1&filter=${encodeURIComponent('{"lazy_load_members":true}')}`),
    )

    expect([messages.body.chunk.length, older.body.end]).toEqual([2, undefined])
    expect(context.body.event.event_id).toBe(said)
    expect(context.body.events_before).toHaveLength(2)
    expect(event.body.content.body).toBe('hello')
    expect(lazy.body.state.map(({ state_key }: { state_key: string }) => state_key)).toEqual([alice.userId])
  })

  test('state: whole, one event, its content or all of it', async () => {
    const all = await bob.get(room('state'))
    const [content, slash] = [await bob.get(room('state/m.room.name')), await bob.get(room('state/m.room.name/'))]
    const event = await bob.get(room('state/m.room.name/?format=event'))
    const member = await bob.get(room(`state/m.room.member/${encodeURIComponent(bob.userId)}`))
    const missing = await bob.get(room('state/org.example.none'))

    expect(all.body.length).toBeGreaterThan(6)
    expect([content.body, slash.body]).toEqual([{ name: 'Hall' }, { name: 'Hall' }])
    expect(event.body).toMatchObject({ type: 'm.room.name', state_key: '', content: { name: 'Hall' } })
    expect(member.body.membership).toBe('join')
    expect([missing.status, missing.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
  })

  test('members, now and at a token, by membership', async () => {
    const before = (await alice.get('/sync')).body.next_batch
    const late = hs.as('late')
    await late.joinRoom(roomId)
    await late.leaveRoom(roomId)

    const usersIn = async (query: string) =>
      (await alice.get(room(`members${query}`))).body.chunk
        .map(({ state_key }: { state_key: string }) => state_key)
        .sort()
    expect(await usersIn('?membership=join')).toEqual([alice.userId, bob.userId])
    expect(await usersIn('?membership=leave')).toEqual([late.userId])
    expect(await usersIn('?not_membership=leave')).toEqual([alice.userId, bob.userId])
    expect(await usersIn(`?at=${before}`)).toEqual([alice.userId, bob.userId])
    expect(Object.keys((await alice.get(room('joined_members'))).body.joined).sort()).toEqual([
      alice.userId,
      bob.userId,
    ])
  })

  test.each(['messages?dir=b', 'state', 'state/m.room.name', 'members', 'joined_members'])(
    'a stranger is refused %s with M_FORBIDDEN',
    async (path) => {
      const closed = await alice.createRoom({ preset: 'private_chat' })
      const refused = await eve.get(`/rooms/${encodeURIComponent(closed)}/${path}`)

      expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    },
  )

  test('a direction that is none, and a token that is none, are refused', async () => {
    expect((await bob.get(room('messages?dir=x'))).status).toBe(400)
    expect((await bob.get(room('messages?dir=b&from=zzz'))).body.errcode).toBe('M_INVALID_PARAM')
    expect((await bob.get(room('messages'))).status).toBe(400)
  })

  test('typing, for oneself only', async () => {
    const { next_batch: since } = (await alice.get('/sync')).body
    const typing = await bob.put(room(`typing/${encodeURIComponent(bob.userId)}`), { typing: true, timeout: 5000 })
    const told = (await alice.get(`/sync?since=${since}`)).body.rooms.join[roomId].ephemeral.events
    const stopped = await bob.put(room(`typing/${encodeURIComponent(bob.userId)}`), { typing: false })
    const forged = await eve.put(room(`typing/${encodeURIComponent(bob.userId)}`), { typing: true })
    const shapeless = await bob.put(room(`typing/${encodeURIComponent(bob.userId)}`), { typing: 'yes' })

    expect([typing.status, stopped.status, forged.status, shapeless.status]).toEqual([200, 200, 403, 400])
    expect(told).toEqual([{ type: 'm.typing', content: { user_ids: [bob.userId] } }])
    expect(shapeless.body.errcode).toBe('M_BAD_JSON')
  })

  test('receipts and read markers', async () => {
    const { next_batch: since } = (await bob.get('/sync')).body
    const sent = await alice.say(roomId, 'read me')
    const receipt = await bob.post(room(`receipt/m.read/${sent}`))
    const threaded = await bob.post(room(`receipt/m.read/${sent}`), { thread_id: 'main' })
    const numbered = await bob.post(room(`receipt/m.read/${sent}`), { thread_id: 5 })
    const marker = await bob.post(room('read_markers'), { 'm.fully_read': sent, 'm.read.private': sent })
    const fully = await bob.post(room(`receipt/m.fully_read/${sent}`))
    const odd = await bob.post(room(`receipt/m.odd/${sent}`))

    const section = (await bob.get(`/sync?since=${since}`)).body.rooms.join[roomId]
    expect([receipt, threaded, numbered, marker, fully, odd].map(({ status }) => status)).toEqual([
      200, 200, 400, 200, 200, 400,
    ])
    expect(numbered.body.errcode).toBe('M_INVALID_PARAM')
    expect(Object.keys(section.ephemeral.events[0].content[sent]).sort()).toEqual(['m.read', 'm.read.private'])
    expect(section.account_data.events).toEqual([{ type: 'm.fully_read', content: { event_id: sent } }])
    expect(section.unread_notifications.notification_count).toBe(0)
  })

  test('presence, of oneself and of those one shares a room with', async () => {
    const path = `/presence/${encodeURIComponent(bob.userId)}/status`
    const set = await bob.put(path, { presence: 'unavailable', status_msg: 'lunch' })
    const [seen, unseen, forged] = [
      await alice.get(path),
      await eve.get(path),
      await eve.put(path, { presence: 'online' }),
    ]

    expect([set.status, unseen.status, forged.status]).toEqual([200, 403, 403])
    expect(seen.body).toMatchObject({ presence: 'unavailable', status_msg: 'lunch' })
  })

  test('a server that closes lets those who wait go', async () => {
    const other = await startHomeserver({ users: ['ann'] })
    const ann = other.as('ann')
    const { next_batch: since } = (await ann.get('/sync')).body
    const start = performance.now()
    const waiting = ann.get(`/sync?since=${since}&timeout=60000`).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 50))

    await other.close()
    await waiting

    expect(performance.now() - start).toBeLessThan(5_000)
  })
})
