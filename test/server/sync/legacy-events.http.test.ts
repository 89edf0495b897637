/** What was before /sync: copies of rooms, following them, and looking into those that anybody may read. */
import { afterAll, describe, expect, test } from 'vitest'
import type { HomeserverConfig } from '../../../server/kernel/config.js'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'

type Event = { type: string; event_id: string; room_id?: string; content: Record<string, unknown> }
const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`
const bodies = (events: Event[]) =>
  events.flatMap(({ type, content }) => (type === 'm.room.message' ? content.body : []))

function config(given: HomeserverConfig): void {
  given.registration.guests = true
}

describe('before /sync', async () => {
  const hs = await startHomeserver({ users: ['alice'], config })
  afterAll(() => hs.close())
  const alice = hs.as('alice')
  let users = 0
  const newUser = () => hs.register(`user${++users}`, false)
  const worldReadable = [
    { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'world_readable' } },
  ]
  const events = (client: TestClient, query: string) => client.get(`/events?${query}`)

  test('a room that anybody may read is looked into and followed by who is not in it, and by a guest', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Square', initial_state: worldReadable })
    for (const text of ['one', 'two', 'three']) await alice.say(roomId, text)
    const guest = (await hs.request('POST', '/register?kind=guest', { body: {} })).body
    for (const token of [(await newUser()).token, guest.access_token as string]) {
      const copy = (await hs.request('GET', path(roomId, 'initialSync?limit=2'), { token })).body
      expect(copy).toMatchObject({ room_id: roomId, visibility: 'private', account_data: [] })
      expect(copy).not.toHaveProperty('membership')
      expect(bodies(copy.messages.chunk)).toEqual(['two', 'three'])
      expect(copy.state.map(({ type }: Event) => type)).toContain('m.room.name')
      const older = await hs.request('GET', path(roomId, `messages?dir=b&limit=1&from=${copy.messages.start}`), {
        token,
      })
      expect(bodies(older.body.chunk)).toEqual(['one'])

      const next = (from: string, timeout = 10_000) =>
        hs.request('GET', `/events?room_id=${encodeURIComponent(roomId)}&from=${from}&timeout=${timeout}`, { token })
      const waiting = next(copy.messages.end)
      await new Promise((resolve) => setImmediate(resolve))
      await alice.say(roomId, 'four')
      const { body } = await waiting
      expect(bodies(body.chunk)).toEqual(['four'])
      expect(body.start).toBe(copy.messages.end)
      await alice.say(roomId, 'five')
      const later = await next(body.end)
      expect(bodies(later.body.chunk)).toEqual(['five'])
      expect((await next(later.body.end, 0)).body.chunk).toEqual([])
      for (const text of ['one', 'two', 'three']) await alice.say(roomId, text)
    }
  })

  test('more than fits into an answer comes with the next, each once', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', initial_state: worldReadable })
    const bob = await newUser()
    let { end: from } = (await bob.get(path(roomId, 'initialSync'))).body.messages
    const all = Array.from({ length: 250 }, (_, n) => `${n}`)
    for (const text of all) await alice.say(roomId, text)
    const got: unknown[] = []
    while (got.length < all.length) {
      const { body } = await events(bob, `room_id=${encodeURIComponent(roomId)}&from=${from}&timeout=5000`)
      expect(body.chunk.length).toBeGreaterThan(0)
      got.push(...bodies(body.chunk))
      from = body.end
    }
    expect(got).toEqual(all)
  })

  test('a room that not everybody may read is for its members alone, and after leaving up to there', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    const bob = await newUser()
    const query = `room_id=${encodeURIComponent(roomId)}&timeout=0`
    for (const each of [path(roomId, 'initialSync'), `/events?${query}`]) expect((await bob.get(each)).status).toBe(403)
    await alice.invite(roomId, bob)
    await bob.joinRoom(roomId)
    await alice.say(roomId, 'inside')
    const { body } = await bob.get(path(roomId, 'initialSync'))
    expect(body).toMatchObject({ membership: 'join', messages: { chunk: expect.any(Array) } })
    await bob.leaveRoom(roomId)
    await alice.say(roomId, 'outside')
    const after = (await events(bob, `${query}&from=${body.messages.end}`)).body
    expect(bodies(after.chunk)).toEqual([])
    expect(bodies((await bob.get(path(roomId, 'initialSync'))).body.messages.chunk)).toEqual(['inside'])
  })

  test('all rooms at once, and what happens in them, messages to devices left for /sync', async () => {
    const bob = await newUser()
    const [joined, invited, left] = [await alice.createRoom(), await alice.createRoom(), await alice.createRoom()]
    for (const roomId of [joined, invited, left]) await alice.invite(roomId, bob)
    for (const roomId of [joined, left]) await bob.joinRoom(roomId)
    await bob.leaveRoom(left)
    await alice.say(joined, 'hello')
    await alice.put(`/sendToDevice/m.test/x${users}`, { messages: { [bob.userId]: { [bob.deviceId]: { n: 1 } } } })
    const { body } = await bob.get('/initialSync?limit=5')
    const byId = new Map(body.rooms.map((room: { room_id: string }) => [room.room_id, room]))
    expect([...byId.keys()].sort()).toEqual([joined, invited].sort())
    expect(byId.get(invited)).toMatchObject({ membership: 'invite', inviter: alice.userId })
    const room = byId.get(joined) as { membership: string; messages: { chunk: Event[] }; state: Event[] }
    expect([room.membership, bodies(room.messages.chunk)]).toEqual(['join', ['hello']])
    expect(room.state.map(({ type }) => type)).toContain('m.room.create')
    const archived = (await bob.get('/initialSync?archived=true')).body.rooms as {
      room_id: string
      membership: string
    }[]
    expect(archived.find(({ room_id }) => room_id === left)?.membership).toBe('leave')

    const waiting = events(bob, `from=${body.end}&timeout=10000`)
    const eventId = await alice.say(joined, 'news')
    const { body: news } = await waiting
    const [event] = news.chunk.filter(({ type }: Event) => type === 'm.room.message')
    expect(event).toMatchObject({ event_id: eventId, room_id: joined })
    await alice.invite(await alice.createRoom(), bob)
    const invite = await events(bob, `from=${news.end}&timeout=5000`)
    expect(invite.body.chunk).toContainEqual(expect.objectContaining({ type: 'm.room.member', state_key: bob.userId }))
    await events(bob, `from=${invite.body.end}&timeout=0`)
    expect((await bob.get('/sync')).body.to_device.events).toHaveLength(1)
  })

  test('one event by its ID, where one may see it', async () => {
    const roomId = await alice.createRoom()
    const eventId = await alice.say(roomId, 'here')
    const bob = await newUser()
    expect((await alice.get(`/events/${encodeURIComponent(eventId)}`)).body).toMatchObject({
      room_id: roomId,
      event_id: eventId,
    })
    for (const id of [eventId, '$nothing'])
      expect((await bob.get(`/events/${encodeURIComponent(id)}`)).status).toBe(404)
    for (const from of ['nonsense', 's1_999999999_x_0'])
      expect((await events(alice, `from=${from}&timeout=0`)).status).toBe(400)
  })
})
