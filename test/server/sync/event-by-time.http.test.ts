/** Jumping to a date: the closest event in a direction that the asking user may see. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FakeClock, fakeClock } from '../../support/fake-clock.js'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

const hour = 3_600_000

describe('an event by its time', () => {
  let hs: TestHomeserver
  let clock: FakeClock
  let roomId: string
  let start: number
  const said: string[] = []
  const at = (user: string, ts: number, dir: string, room = roomId) =>
    hs.as(user).get(`/_matrix/client/v1/rooms/${encodeURIComponent(room)}/timestamp_to_event?ts=${ts}&dir=${dir}`)

  beforeAll(async () => {
    clock = fakeClock(Date.UTC(2026, 0, 1))
    hs = await startHomeserver({ users: ['alice', 'late', 'eve'], clock })
    const alice = hs.as('alice')
    roomId = await alice.createRoom({
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
    })
    start = clock.now() + hour
    // One an hour, 100 of them: more than are kept in memory.
    for (let i = 0; i < 100; i++) {
      clock.jump(hour)
      if (i === 60) await hs.as('late').joinRoom(roomId)
      said.push(await alice.say(roomId, `hour ${i}`))
    }
  })
  afterAll(() => hs?.close())

  test.each([
    ['exactly', 10, 0, 'f', 10],
    ['exactly', 10, 0, 'b', 10],
    ['between two, forwards', 10, 1, 'f', 11],
    ['between two, backwards', 10, 1, 'b', 10],
    ['after all, backwards', 500, 0, 'b', 99],
    ['at the last, forwards', 99, 0, 'f', 99],
    ['just after the newest but one', 98, 5, 'f', 99],
  ])('%s: hour %i + %i ms %s is hour %i', async (_, hours, ms, dir, expected) => {
    const { status, body } = await at('alice', start + hours * hour + ms, dir)
    expect(status).toBe(200)
    expect(body).toEqual({ event_id: said[expected], origin_server_ts: start + expected * hour })
  })

  test('before all, forwards, is the room’s first', async () => {
    const { body } = await at('alice', 0, 'f')
    const event = await hs
      .as('alice')
      .get(`/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(body.event_id)}`)
    expect(event.body.type).toBe('m.room.create')
  })

  test.each([
    ['after all, forwards', 500, 'f'],
    ['before all, backwards', -500, 'b'],
  ])('%s there is none', async (_, hours, dir) => {
    const { status, body } = await at('alice', start + hours * hour, dir)
    expect([status, body.errcode]).toEqual([404, 'M_NOT_FOUND'])
  })

  test('who came later gets the first that is theirs to see, and nothing from before', async () => {
    const { body } = await at('late', start, 'f')
    const event = await hs
      .as('late')
      .get(`/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(body.event_id)}`)
    expect([event.body.type, event.body.state_key]).toEqual(['m.room.member', '@late:test'])
    // The room was shared until it said otherwise: what was before that is everybody's.
    const before = (await at('late', start + 30 * hour, 'b')).body
    expect(before.origin_server_ts).toBeLessThan(start)
    expect(said).not.toContain(before.event_id)
    expect((await at('late', start + 70 * hour, 'b')).body.event_id).toBe(said[70])
  })

  test('outside the room it is 403, whether the room exists or not', async () => {
    expect((await at('eve', start, 'f')).body.errcode).toBe('M_FORBIDDEN')
    expect((await at('eve', start, 'f', '!nosuch:test')).body.errcode).toBe('M_FORBIDDEN')
  })

  test.each(['?dir=f', '?ts=1', '?ts=1&dir=x', '?ts=1.5&dir=f', '?ts=soon&dir=f'])('%s is refused', async (query) => {
    const path = `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event`
    expect((await hs.as('alice').get(path + query)).status).toBe(400)
  })
})
