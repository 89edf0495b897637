/** What /sync costs: reads of the database, and time where the design sets a budget. */
import { describe, expect, test } from 'vitest'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import type { Database } from '../../../server/store/reader.js'
import { openTestDatabase } from '../../support/database.js'
import { user } from '../../support/rooms.js'
import { bodies, makeTestSyncing, only } from '../../support/syncing.js'

const alice = user('alice')
const bob = user('bob')

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

describe('the cost of /sync', async () => {
  const real = await openTestDatabase()
  let reads = 0
  let writes = 0
  const db: Database = {
    query(sql, bindings) {
      reads++
      return real.query(sql, bindings)
    },
    commit(unit) {
      writes++
      return real.commit(unit)
    },
    seedRoom: (roomId, bounds) => real.seedRoom(roomId, bounds),
    get position() {
      return real.position
    },
    onCommitted: (phase, follower) => real.onCommitted(phase, follower),
  }
  const hs = await makeTestSyncing(db)
  const roomIds: RoomId[] = []
  for (let i = 0; i < 500; i += 25)
    roomIds.push(
      ...(await Promise.all(
        Array.from({ length: 25 }, () => hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })),
      )),
    )
  for (const roomId of roomIds.slice(0, 20)) await hs.joinRoom({ roomId, sender: bob })

  test('with nothing to say about 500 rooms: no read, no write, at most 2 ms', async () => {
    const device = hs.device(alice)
    let { next_batch: since } = await device.sync({ filter: { room: { timeline: { limit: 1 } } } })
    ;[reads, writes] = [0, 0]
    const times: number[] = []
    for (let i = 0; i < 40; i++) {
      const start = performance.now()
      const answer = await device.sync({ since })
      times.push(performance.now() - start)
      expect(answer.rooms).toBeUndefined()
      since = answer.next_batch
    }

    console.log(
      `quiet /sync over 500 rooms: median ${median(times).toFixed(2)} ms (the check against the spec included)`,
    )
    expect([reads, writes]).toEqual([0, 0])
    expect(Math.min(...times)).toBeLessThan(2)
  })

  test('an event is read from memory, whatever the number of readers', async () => {
    const [roomId] = roomIds as [RoomId]
    const devices = [hs.device(alice, 'A'), hs.device(alice, 'B'), hs.device(bob, 'C')]
    const tokens = await Promise.all(devices.map(async (device) => (await device.sync()).next_batch))
    await hs.sendText(roomId, bob, 'first')
    const next = await Promise.all(devices.map((device, at) => device.sync({ since: tokens[at] ?? '' })))
    await hs.sendText(roomId, alice, 'second')
    ;[reads, writes] = [0, 0]

    const answers = await Promise.all(devices.map((device, at) => device.sync({ since: next[at]?.next_batch ?? '' })))

    for (const answer of answers) expect(bodies(only(answer).timeline.events)).toEqual(['second'])
    expect([reads, writes]).toEqual([0, 0])
  })

  test('a room of three hundred members: an event costs no row and no read, whoever has asked for their count', async () => {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat' })
    const members = Array.from({ length: 300 }, (_, i) => user(`member${i}`))
    for (const sender of members) await hs.joinRoom({ roomId, sender })
    const send = async (n: number) => {
      const before = process.cpuUsage()
      for (let i = 0; i < n; i++) await hs.sendText(roomId, alice, `message ${i}`)
      const { user: inUser, system } = process.cpuUsage(before)
      return (inUser + system) / n / 1_000
    }
    /** The quietest of several rounds: the machine has other things to do. */
    const least = async () => Math.min(...[await send(25), await send(25), await send(25), await send(25)])
    await send(50)
    const uncounted = await least()
    for (const userId of members) await hs.unreadCounts.countUnread(userId, roomId)
    await send(50)
    ;[reads, writes] = [0, 0]
    const counted = await least()

    expect(reads).toBe(0)
    expect(writes).toBeLessThanOrEqual(101) // the events, and the checkpoints of all members in one transaction
    console.log(`CPU of an event: ${uncounted.toFixed(2)} ms, with 300 counts ${counted.toFixed(2)} ms`)
    expect(counted - uncounted).toBeLessThan(6) // a tenth of one on a quiet machine; a row or a read for each would be a hundred
    expect((await hs.unreadCounts.countUnread(members[7]!, roomId)).notification_count).toBe(300)
  })

  test('who waits is woken by the commit', async () => {
    const [roomId] = roomIds as [RoomId]
    const device = hs.device(bob)
    let { next_batch: since } = await device.sync()
    const delays: number[] = []
    for (let i = 0; i < 60; i++) {
      const waiting = device.sync({ since, timeoutMs: 5_000 })
      while (hs.notifier.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
      await hs.sendText(roomId, alice, `ping ${i}`)
      const acknowledged = performance.now()
      const answer = await waiting
      delays.push(performance.now() - acknowledged)
      expect(bodies(only(answer).timeline.events)).toEqual([`ping ${i}`])
      since = answer.next_batch
    }

    console.log(`acknowledged → waiting /sync answers: median ${median(delays).toFixed(2)} ms`)
    expect(median(delays)).toBeLessThan(6)
  })
})
