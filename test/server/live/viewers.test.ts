/** Who looks, and at what. */
import { expect, test } from 'vitest'
import type { DeviceId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import { type Charge, LiveViewers, type Question } from '../../../server/live/viewers.js'

const [ann, ben] = ['@ann:x' as UserId, '@ben:x' as UserId]
const [phone, desk] = ['phone' as DeviceId, 'desk' as DeviceId]
const [a, b] = ['!a:x' as RoomId, '!b:x' as RoomId]
const liveOn = (table: string, room?: RoomId) => {
  const sql = room ? `LIVE SELECT * FROM ${table} WHERE room_id = $room` : `LIVE SELECT * FROM ${table}`
  return { sql, statements: [{ kind: 'live' as const, sql, table, weight: 1 }], bindings: room ? { room } : {} }
}
const free: Charge = (work) => work()
function listening(viewers: LiveViewers) {
  const told: string[] = []
  const asked: Question[] = []
  viewers.listen({
    come: (userId) => void told.push(`come ${userId}`),
    go: (userId) => void told.push(`go ${userId}`),
    deviceGone: (userId, deviceId) => void told.push(`${deviceId} of ${userId}`),
    ask: async (question) => void asked.push(question),
  })
  return { told, asked }
}

test('a user comes with the first channel and goes with the last, a device with its own; who was there before is told of', () => {
  const viewers = new LiveViewers()
  const first = { id: '1', userId: ann, deviceId: phone }
  const others = [desk, phone].map((deviceId, n) => ({ id: `${2 + n}`, userId: ann, deviceId }))
  viewers.addChannel(first)
  const { told } = listening(viewers)
  for (const channel of others) viewers.addChannel(channel)
  viewers.addChannel({ id: '4', userId: ben, deviceId: phone })
  viewers.removeChannel(first)
  viewers.removeChannel(first)
  for (const channel of others) viewers.removeChannel(channel)

  expect(told).toEqual([`come ${ann}`, `come ${ben}`, `desk of ${ann}`, `phone of ${ann}`, `go ${ann}`])
})

test('a room may be watched while a query that is bound to it, or to none, is there', async () => {
  const viewers = new LiveViewers()
  const channel = { id: '1', userId: ann, deviceId: phone }
  viewers.addChannel(channel)
  await viewers.ask(channel, liveOn('room_events', a), free)
  const may = (room: RoomId, count = 1) => viewers.mayWatch('room_events', room, () => count)
  expect([may(a), may(b), may(a, 0)]).toEqual([true, false, false])

  await viewers.ask(channel, liveOn('room_events'), free)
  expect([may(a), may(b)]).toEqual([true, true])
  viewers.removeChannel(channel)
  expect([may(a), may(b)]).toEqual([false, false])
})

test("a question of a channel that is closed is nobody's", async () => {
  const viewers = new LiveViewers()
  const { asked } = listening(viewers)
  const channel = { id: '1', userId: ann, deviceId: phone }
  await viewers.ask(channel, liveOn('room_members', a), free)
  expect(asked).toEqual([])

  viewers.addChannel(channel)
  await viewers.ask(channel, liveOn('room_members', a), free)
  expect(asked).toMatchObject([{ userId: ann, deviceId: phone, rooms: [a], tables: new Set(['room_members']) }])
})
