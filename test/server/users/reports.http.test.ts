/** Reports of events, rooms and users: who may make them, and what administrators see of them. */
import { describe, expect, test } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

const reports = '/_hearth/admin/v1/reports'
const inRoom = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`
const start = () => startHomeserver({ users: ['root', 'alice', 'bob', 'eve'], admins: ['root'] })
const listed = async (hs: TestHomeserver, query = '') => (await hs.as('root').get(reports + query)).body

describe('reports', () => {
  test('an event by a member of its room, a room by anybody, a user by anybody: administrators see them, newest first', async () => {
    await using hs = await start()
    const [alice, bob, eve] = [hs.as('alice'), hs.as('bob'), hs.as('eve')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.joinRoom(roomId)
    const eventId = await alice.say(roomId, 'bad words')

    const event = await bob.post(inRoom(roomId, `report/${encodeURIComponent(eventId)}`), {
      reason: 'bad',
      score: -100,
    })
    const room = await eve.post(inRoom(roomId, 'report'), { reason: 'worse' })
    const user = await eve.post(`/users/${encodeURIComponent(alice.userId)}/report`, { reason: '' })

    expect([event, room, user].map(({ status, body }) => [status, body])).toEqual(Array(3).fill([200, {}]))
    const { reports: list, total } = await listed(hs)
    const times = list.map((report: { received_ts: number }) => report.received_ts)
    expect(times).toEqual(times.toSorted((a: number, b: number) => b - a))
    expect(total).toBe(3)
    const expected = [
      { kind: 'event', reporter: '@bob:test', room_id: roomId, event_id: eventId, user_id: '@alice:test' },
      { kind: 'room', reporter: '@eve:test', room_id: roomId, reason: 'worse' },
      { kind: 'user', reporter: '@eve:test', user_id: '@alice:test', reason: '' },
    ]
    for (const report of expected) expect(list).toContainEqual(expect.objectContaining(report))
    expect(list).toContainEqual(expect.objectContaining({ reason: 'bad', score: -100 }))
  })

  test('of what is not there, or not yours to see, are 404, and nothing is kept', async () => {
    await using hs = await start()
    const [alice, eve] = [hs.as('alice'), hs.as('eve')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const eventId = await alice.say(roomId, 'hello')
    const words = { reason: 'x' }
    for (const path of [
      inRoom(roomId, `report/${encodeURIComponent(eventId)}`), // eve is not in the room
      inRoom('!nosuch:test', 'report'),
      `/users/${encodeURIComponent('@nobody:test')}/report`,
    ])
      expect((await eve.post(path, words)).body.errcode).toBe('M_NOT_FOUND')
    expect((await alice.post(inRoom(roomId, 'report/$nosuch'), words)).body.errcode).toBe('M_NOT_FOUND')
    const before = await alice.createRoom({
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
    })
    const hidden = await alice.say(before, 'before eve')
    await eve.joinRoom(before)
    expect((await eve.post(inRoom(before, `report/${encodeURIComponent(hidden)}`), words)).status).toBe(404)

    expect(await listed(hs)).toEqual({ reports: [], total: 0 })
  })

  test('want a reason where the specification does, of bounded size', async () => {
    await using hs = await start()
    const alice = hs.as('alice')
    const roomId = await alice.createRoom()
    expect((await alice.post(inRoom(roomId, 'report'), {})).body.errcode).toBe('M_BAD_JSON')
    expect((await alice.post(inRoom(roomId, 'report'), { reason: 'x'.repeat(40_000) })).body.errcode).toBe(
      'M_TOO_LARGE',
    )
    const eventId = await alice.say(roomId, 'hello')
    expect((await alice.post(inRoom(roomId, `report/${encodeURIComponent(eventId)}`), {})).status).toBe(200)
  })

  test('come in pages, are taken off the list when settled, and are for administrators alone', async () => {
    await using hs = await start()
    const [root, alice] = [hs.as('root'), hs.as('alice')]
    for (const reason of ['one', 'two', 'three']) await alice.post('/users/@bob:test/report', { reason })
    const first = await listed(hs, '?limit=2')
    const second = await listed(hs, `?limit=2&from=${first.next_token}`)
    expect([first.reports.length, second.reports.length, second.next_token]).toEqual([2, 1, undefined])

    expect((await root.delete(`${reports}/${second.reports[0].id}`)).status).toBe(200)
    expect((await root.delete(`${reports}/${second.reports[0].id}`)).status).toBe(404)
    expect((await root.delete(`${reports}/nonsense`)).status).toBe(404)
    expect((await listed(hs)).total).toBe(2)
    expect((await alice.get(reports)).status).toBe(403)
    expect((await alice.delete(`${reports}/${first.reports[0].id}`)).status).toBe(403)
  })
})
