/** Bulk goes in silently, and a line of the room list rings the bell. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import { makeInsertHistory } from '../../../server/rooms/insert-history.js'
import { forgetBeginning, toldAs } from '../../support/holes.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { MemoryChannel, type Note } from '../../support/memory-channel.js'
import { user } from '../../support/rooms.js'

const alice = user('alice')
let hs: LiveServer
let roomId: RoomId
beforeEach(async () => {
  hs = await startLiveServer({ users: ['alice'] })
  roomId = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
  await hs.settled()
})
afterEach(() => hs[Symbol.asyncDispose]())

async function watch(...tables: string[]): Promise<MemoryChannel> {
  const channel = new MemoryChannel()
  hs.bridge.openLiveChannel(channel)
  await channel.call('authenticate', [await hs.token('alice')])
  for (const table of tables) await channel.query(`LIVE SELECT * FROM ${table}`)
  return channel
}
const tableOf = ({ record }: Note) => String(record).split(':')[0]

describe('silence', () => {
  test('a burst that live queries would slow down is not told row by row, and nothing of it is lost', async () => {
    const channels = await Promise.all(Array.from({ length: 8 }, () => watch('room_events')))
    const bell = await watch('room_summaries')

    await Promise.all(Array.from({ length: 400 }, (_, n) => hs.rooms.sendText(roomId, alice, `${n}`)))
    await hs.settled()

    const told = channels[0]!.notes.length
    expect(told).toBeLessThan(400)
    await expect.poll(() => bell.notes.at(-1)?.result.max_seq).toBeGreaterThanOrEqual(400)
    const [rows] = await channels[0]!.query<unknown[]>(
      'SELECT seq FROM room_events:[$room, 1]..=[$room, 1000] WHERE event_type = "m.room.message"',
      { room: roomId },
    )
    expect(rows).toHaveLength(400)
  })

  test('events of a room that no live query is about cost no telling; one that is about any room hears of them', async () => {
    const elsewhere = await hs.rooms.createRoom({ creator: alice })
    await hs.settled()
    const channel = await watch()
    const watched = 'LIVE SELECT * FROM room_events WHERE room_id = $room AND seq > 0'
    await channel.query(Array.from({ length: 8 }, () => watched).join(';'), { room: roomId })
    const { live } = hs.db
    const write = live.writeLive.bind(live)
    let loud = 0
    live.writeLive = (writes, options) => {
      if (!options?.silent) loud += writes.filter((each) => 'table' in each && each.table === 'room_events').length
      return write(writes, options)
    }
    await hs.rooms.sendText(elsewhere, alice, 'not told')
    await hs.settled()
    expect(loud).toBe(0)
    await hs.rooms.sendText(roomId, alice, 'told')
    await hs.settled()
    expect(loud).toBe(1)
    const anywhere = await watch('room_events')
    await hs.rooms.sendText(elsewhere, alice, 'told too')
    await hs.settled()

    await expect.poll(() => anywhere.notes.map(({ result }) => result.room_id)).toEqual([elsewhere])
    live.writeLive = write
  })

  test('when it is quiet again, each event is told', async () => {
    const channel = await watch('room_events')
    for (let n = 0; n < 20; n++) await hs.rooms.sendText(roomId, alice, `${n}`)
    await hs.settled()

    await expect.poll(() => channel.notes.length).toBe(20)
    expect(new Set(channel.notes.map(tableOf))).toEqual(new Set(['room_events']))
  })

  test('history that is filled in is not told, but its line is', async () => {
    const { rooms } = hs.rooms
    const room = (await rooms.get(roomId))!
    const oldest = room.recent[0]!
    const channel = await watch('room_events', 'room_summaries')
    const before = (await hs.db.query<[{ first_seq: number }[]]>('SELECT first_seq FROM room_summaries'))[0]
    expect(before).toMatchObject([{ first_seq: 1 }])

    const [template] = await rooms.readEvents([oldest.eventId])
    const idOf = (n: number) => `$history${n}` as typeof oldest.eventId
    const history = [1, 2, 3].map((n) => ({
      ...template!,
      eventId: idOf(n),
      pdu: {
        ...template!.pdu,
        type: 'm.room.message',
        content: { body: `old ${n}` },
        depth: n,
        prev_events: n === 1 ? [] : [idOf(n - 1)],
      },
    }))
    for (const event of history) delete (event.pdu as { state_key?: string }).state_key
    await forgetBeginning(rooms, roomId, [idOf(3)])
    await makeInsertHistory(rooms, Date.now)(roomId, toldAs(room.segments[0]!.origin, history))
    await hs.settled()

    await expect.poll(() => channel.notes.some(({ result }) => result.first_seq === -2)).toBe(true)
    expect(channel.notes.filter((note) => tableOf(note) === 'room_events')).toEqual([])
    const [rows] = await channel.query<{ seq: number }[]>('SELECT seq FROM room_events:[$room, -9]..=[$room, 0]', {
      room: roomId,
    })
    expect(rows).toEqual([{ seq: -2 }, { seq: -1 }, { seq: 0 }])
  })
})
