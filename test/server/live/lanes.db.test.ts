/** Lanes of the projector: each with its own mark, form and failures, and one order between two of them. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import type { RoomEventRow } from '../../../server/kernel/live-rows.js'
import { setAccountDataEntry } from '../../../server/store/account-data-store.js'
import type { LaneName } from '../../../server/store/projection-store.js'
import type { Write } from '../../../server/store/writes.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { MemoryChannel } from '../../support/memory-channel.js'
import { user } from '../../support/rooms.js'

const [alice, bob] = [user('alice'), user('bob')]

const rowsOf = async <Row>(hs: LiveServer, sql: string, bindings: Record<string, unknown> = {}): Promise<Row[]> =>
  (await hs.db.query<[Row[]]>(sql, bindings))[0]
const bodiesIn = async (hs: LiveServer, room: RoomId) => {
  const rows = await rowsOf<RoomEventRow>(hs, 'SELECT * FROM room_events:[$room, NONE]..[$room, ..]', { room })
  return rows.flatMap(({ event }) => (event as { content: { body?: string } }).content.body ?? [])
}
const lagOf = (hs: LiveServer, lane: LaneName) => hs.live.projector.lanes.find((each) => each.lane === lane)?.lag

async function roomWithBoth(hs: LiveServer): Promise<RoomId> {
  const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
  await hs.rooms.joinRoom({ roomId: room, sender: bob })
  const eventId = await hs.rooms.sendText(room, alice, 'hello')
  await hs.receipts.set({ userId: bob, roomId: room, receiptType: 'm.read', eventId })
  await hs.db.commit((grant) => {
    const position = grant.position()
    const entry = { roomId: undefined, type: 'm.x', content: '{}', position }
    const change = { kind: 'account_data' as const, userId: bob, type: 'm.x', content: {}, position }
    return { writes: [setAccountDataEntry(bob, entry)], changes: [change], result: undefined }
  })
  await hs.settled()
  return room
}

/** Holds writes to a table until it is let go. */
function hold(hs: LiveServer, table: string) {
  const { live } = hs.db
  const write = live.writeLive.bind(live)
  let letGo = () => {}
  const gate = new Promise<void>((resolve) => {
    letGo = resolve
  })
  let held = 0
  live.writeLive = async (writes: readonly Write[], options) => {
    if (writes.some((each) => 'table' in each && each.table === table)) {
      held++
      await gate
    }
    return write(writes, options)
  }
  return { letGo, held: () => held }
}

/** Nothing that the lane writes with its mark goes through. @returns mends it */
function breakLane(hs: LiveServer, lane: LaneName): () => void {
  const { live } = hs.db
  const write = live.writeLive.bind(live)
  live.writeLive = async (writes: readonly Write[], options) => {
    if (writes.some((each) => each.op === 'upsert' && each.table === 'projection' && each.row.id === lane))
      throw new Error('broken')
    return write(writes, options)
  }
  return () => {
    live.writeLive = write
  }
}

describe('marks and forms', () => {
  test('a lane goes on from its own mark, and the others are left as they are', async () => {
    await using hs = await startLiveServer()
    const room = await roomWithBoth(hs)
    await hs.live.close()
    await hs.db.query('DELETE room_access:[$room, $bob]; UPDATE projection:access SET position = 0', { room, bob })
    await hs.db.query('UPDATE room_events SET touched = true; UPDATE receipts SET touched = true')

    await hs.restartLive()
    await hs.settled()

    expect(await rowsOf(hs, 'SELECT membership FROM room_access:[$room, $bob]', { room, bob })).toEqual([
      { membership: 'join' },
    ])
    const [events, receipts] = await hs.db.query<[unknown[], unknown[]]>(
      'SELECT * FROM room_events WHERE touched != true; SELECT * FROM receipts WHERE touched != true',
    )
    expect([events, receipts]).toEqual([[], []])
  })

  test.each<[LaneName, string]>([
    ['access', 'room_access'],
    ['events', 'room_events'],
    ['members', 'room_members'],
    ['receipts', 'receipts'],
    ['account_data', 'account_data'],
  ])('the lane %s is written anew where its form is another, alone', async (lane, table) => {
    await using hs = await startLiveServer()
    await roomWithBoth(hs)
    const tables = ['room_access', 'room_events', 'room_members', 'receipts', 'account_data']
    const count = async (name: string) =>
      (await rowsOf<{ n: number }>(hs, `SELECT count() AS n FROM ${name} WHERE touched != true GROUP ALL`))[0]?.n ?? 0
    const before = await count(table)
    expect(before).toBeGreaterThan(0)
    await hs.live.close()
    for (const each of tables) await hs.db.query(`UPDATE ${each} SET touched = true`)
    await hs.db.query(`UPDATE projection:${lane} SET version = 0`)

    await hs.restartLive()
    await hs.settled()

    expect(await count(table)).toBe(before)
    for (const each of tables) if (each !== table) expect(await count(each), each).toBe(0)
  })

  test('a lane that was never there reads the feed from its start', async () => {
    await using hs = await startLiveServer()
    const room = await roomWithBoth(hs)
    await hs.live.close()
    await hs.db.query('DELETE projection:receipts; DELETE receipts')

    await hs.restartLive()
    await hs.settled()

    expect(await rowsOf(hs, 'SELECT user_id FROM receipts WHERE room_id = $room', { room })).toEqual([{ user_id: bob }])
  })

  test('the marks of all lanes move on where only one had anything to do', async () => {
    await using hs = await startLiveServer()
    const room = await roomWithBoth(hs)
    for (let n = 0; n < 5; n++) await hs.rooms.sendText(room, alice, `${n}`)
    await hs.settled()
    await hs.live.close()

    const marks = await rowsOf<{ position: number }>(hs, 'SELECT position FROM projection')
    expect(marks.map(({ position }) => position)).toEqual(Array.from({ length: 5 }, () => hs.db.position))
    await hs.restartLive()
  })
})

describe('failures', () => {
  test('a lane that fails does not hold up another, and goes on when it can', async () => {
    await using hs = await startLiveServer()
    const room = await roomWithBoth(hs)
    const mend = breakLane(hs, 'members')
    await hs.rooms.leaveRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'meanwhile')

    await expect.poll(() => bodiesIn(hs, room), { timeout: 8_000 }).toContain('meanwhile')
    await expect.poll(() => lagOf(hs, 'events'), { timeout: 8_000 }).toBe(0)
    expect(lagOf(hs, 'members')).toBeGreaterThan(0)
    mend()
    await hs.settled()

    expect(await rowsOf(hs, 'SELECT membership FROM room_members:[$room, $bob]', { room, bob })).toEqual([
      { membership: 'leave' },
    ])
  })

  test('a bound that cannot be written is taken away, so that it does not stay open', async () => {
    await using hs = await startLiveServer()
    const room = await roomWithBoth(hs)
    await hs.db.query("DEFINE EVENT broken ON room_access WHEN $after.membership = 'leave' THEN { THROW 'no' }")
    await hs.rooms.leaveRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'without bob')
    await hs.settled()

    expect(await rowsOf(hs, 'SELECT * FROM room_access:[$room, $bob]', { room, bob })).toEqual([])
    expect(await bodiesIn(hs, room)).toContain('without bob')
  })

  test('a database that does not answer for a while loses nothing', async () => {
    await using hs = await startLiveServer()
    const room = await roomWithBoth(hs)
    const { live } = hs.db
    const write = live.writeLive.bind(live)
    live.writeLive = () => Promise.reject(new Error('gone'))
    await hs.rooms.sendText(room, alice, 'one')
    await hs.rooms.sendText(room, alice, 'two')
    await pause(1_500) // longer than a change is tried alone
    live.writeLive = write
    await hs.rooms.sendText(room, alice, 'three')

    await expect.poll(() => bodiesIn(hs, room), { timeout: 8_000 }).toEqual(['hello', 'one', 'two', 'three'])
  })
})

describe('access before events', () => {
  test('an event is not written before the bounds that govern it', async () => {
    await using hs = await startLiveServer()
    const room = await roomWithBoth(hs)
    const channel = new MemoryChannel()
    hs.bridge.openLiveChannel(channel)
    await channel.call('authenticate', [await hs.token('bob')])
    await channel.query('LIVE SELECT * FROM room_events')
    const access = hold(hs, 'room_access')

    await hs.rooms.kickUser({ roomId: room, sender: alice, target: bob })
    await hs.rooms.sendText(room, alice, 'about bob')
    await expect.poll(() => access.held()).toBe(1)
    await pause(200)
    expect(await bodiesIn(hs, room)).toEqual(['hello'])
    access.letGo()
    await hs.settled()

    expect(await bodiesIn(hs, room)).toEqual(['hello', 'about bob'])
    await pause(100)
    const told = channel.notes.map(({ result }) => (result as { event_type: string }).event_type)
    expect(told).toEqual(['m.room.member'])
  })

  test('members, receipts and the rest are not waited for', async () => {
    await using hs = await startLiveServer()
    const room = await roomWithBoth(hs)
    const others = ['room_members', 'receipts', 'account_data'].map((table) => hold(hs, table))
    const eventId = await hs.rooms.sendText(room, alice, 'one')
    await hs.receipts.set({ userId: bob, roomId: room, receiptType: 'm.read', eventId })
    await hs.rooms.leaveRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'two')

    await expect.poll(() => bodiesIn(hs, room)).toEqual(['hello', 'one', 'two'])
    for (const other of others) other.letGo()
    await hs.settled()
  })
})
