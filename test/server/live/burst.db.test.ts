/**
 * Hundreds of people come into one room at once, while windows look at it and others talk elsewhere: nobody waits for
 * ever, nothing is lost, and what is durable shows soon. `BURST_JOINS` makes the crowd larger (3,000 is the whole).
 */
import { expect, test } from 'vitest'
import { mostUnderWay } from '../../../server/rooms/write-room.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { MemoryChannel } from '../../support/memory-channel.js'
import { user } from '../../support/rooms.js'

const joins = Number(process.env.BURST_JOINS ?? 300)
const windows = 10
const talkers = 50
const alice = user('alice')

async function watch(hs: LiveServer, room: string): Promise<MemoryChannel> {
  const channel = new MemoryChannel()
  hs.bridge.openLiveChannel(channel)
  await channel.call('authenticate', [await hs.token('alice')])
  for (const table of ['room_events', 'room_members'])
    await channel.query(`LIVE SELECT * FROM ${table} WHERE room_id = $room`, { room })
  return channel
}

test(
  `${joins} joins of one room before ten windows, and fifty people who talk elsewhere`,
  async () => {
    await using hs = await startLiveServer({ users: ['alice'] })
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    const elsewhere = await Promise.all(
      Array.from({ length: 10 }, () => hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })),
    )
    const speakers = Array.from({ length: talkers }, (_, n) => user(`talker${n}`))
    for (const [n, sender] of speakers.entries()) await hs.rooms.joinRoom({ roomId: elsewhere[n % 10]!, sender })
    await hs.settled()
    const channels = await Promise.all(Array.from({ length: windows }, () => watch(hs, room)))
    /** Seq of the newest row, of the last twenty there may be. */
    const newestRow = async (): Promise<number> => {
      const to = (await hs.rooms.rooms.get(room))!.maxSeq
      const bindings = { room, from: to - 20, to }
      const [seqs] = await hs.db.query<[number[]]>(
        'SELECT VALUE seq FROM room_events:[$room, $from]..=[$room, $to]',
        bindings,
      )
      return seqs.at(-1) ?? 0
    }

    let isOver = false
    let said = 0
    const talk = speakers.map(async (sender, n) => {
      while (!isOver) {
        await hs.rooms.sendText(elsewhere[n % 10]!, sender, 'hello')
        said++
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })
    const began = performance.now()
    let joined = 0
    await Promise.all(
      Array.from({ length: joins }, async (_, n) => {
        await hs.rooms.joinRoom({ roomId: room, sender: user(`crowd${n}`) })
        joined++
      }),
    )
    const tookMs = performance.now() - began
    const saidMeanwhile = said
    isOver = true
    await Promise.all(talk)
    const durable = (await hs.rooms.rooms.get(room))!.maxSeq
    await expect.poll(newestRow, { timeout: Math.max(2_000, tookMs / 4), interval: 50 }).toBe(durable)

    expect(joined).toBe(joins)
    expect(saidMeanwhile).toBeGreaterThan(0) // a room that is full of people stops no other
    // Every window that listens has been told of the last, and may read the rest.
    for (const channel of channels)
      await expect
        .poll(() => Math.max(...channel.notes.map(({ result }) => Number(result.seq ?? 0))), { timeout: 5_000 })
        .toBe(durable)
    await hs.settled()
    const [members] = await hs.db.query<[{ n: number }[]]>(
      'SELECT count() AS n FROM room_members:[$room, NONE]..[$room, ..] GROUP ALL',
      { room },
    )
    expect(members[0]?.n).toBe(joins + 1)
    expect(channels.map(({ closedWith }) => closedWith)).toEqual(Array(windows).fill(undefined))
  },
  60_000 + joins * 100,
)

test('of one room no more is on its way than a batch takes, and all of it arrives', async () => {
  await using hs = await startLiveServer()
  const room = await hs.rooms.createRoom({ creator: alice })
  const before = (await hs.rooms.rooms.get(room))!.maxSeq
  const commit = hs.db.commit.bind(hs.db)
  let [underWay, most] = [0, 0]
  hs.db.commit = async (unit) => {
    most = Math.max(most, ++underWay)
    return commit(unit).finally(() => underWay--)
  }

  await Promise.all(Array.from({ length: 300 }, (_, n) => hs.rooms.sendText(room, alice, `${n}`)))

  expect(most).toBeGreaterThan(mostUnderWay / 2)
  expect(most).toBeLessThanOrEqual(mostUnderWay)
  expect((await hs.rooms.rooms.get(room))!.maxSeq).toBe(before + 300)
})
