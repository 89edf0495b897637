/** What is kept only where somebody looks: room lists, members of large rooms, old history, whose presence may be read. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { RoomId, UserId } from '../../../server/kernel/identifiers.js'
import type { RoomEventRow, RoomMemberRow, RoomSummaryRow } from '../../../server/kernel/live-rows.js'
import { UserLimits } from '../../../server/live/user-limits.js'
import { setAccountDataEntry } from '../../../server/store/account-data-store.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { MemoryChannel } from '../../support/memory-channel.js'
import { user } from '../../support/rooms.js'

const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]

/** Who was charged for rows that were made. */
function watchCharges(): UserId[] {
  const charged: UserId[] = []
  const atExpense = UserLimits.prototype.atExpense
  const spy = vi.spyOn(UserLimits.prototype, 'atExpense').mockImplementation(function (this: UserLimits, userId, work) {
    charged.push(userId)
    return atExpense.call(this, userId, work) as ReturnType<typeof work>
  })
  onTestFinished(() => spy.mockRestore())
  return charged
}

async function look(hs: LiveServer, name: string): Promise<MemoryChannel> {
  const channel = new MemoryChannel()
  hs.bridge.openLiveChannel(channel)
  await channel.call('authenticate', [await hs.token(name)])
  return channel
}
const rowsOf = async <Row>(hs: LiveServer, sql: string, bindings: Record<string, unknown> = {}): Promise<Row[]> =>
  (await hs.db.query<[Row[]]>(sql, bindings))[0]
const ownLines = async (channel: MemoryChannel): Promise<RoomSummaryRow[]> =>
  (await channel.query<RoomSummaryRow[]>('SELECT * FROM room_summaries:[$user_id, NONE]..[$user_id, ..]'))[0] ?? []

describe('room lists', () => {
  test('lines are made for users who look, and for nobody else', async () => {
    await using hs = await startLiveServer({ users: ['alice', 'bob', 'carol'] })
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', name: 'Den' })
    for (const sender of [bob, carol]) await hs.rooms.joinRoom({ roomId: room, sender })
    await hs.rooms.sendText(room, alice, 'one')
    await hs.settled()
    expect(await rowsOf(hs, 'SELECT * FROM room_summaries')).toEqual([])

    const channel = await look(hs, 'bob')
    expect(await ownLines(channel)).toMatchObject([{ name: 'Den', last_event: { preview: 'one' } }])
    await hs.rooms.sendText(room, alice, 'two')
    await hs.settled()

    expect(await rowsOf(hs, 'SELECT user_id, last_event.preview AS preview FROM room_summaries')).toEqual([
      { user_id: bob, preview: 'two' },
    ])
  })

  test('who comes back finds the lines of last time, brought up to date; away, nothing is made', async () => {
    await using hs = await startLiveServer()
    const [busy, quiet] = [
      await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', name: 'Busy' }),
      await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', name: 'Quiet' }),
    ]
    for (const roomId of [busy, quiet]) await hs.rooms.joinRoom({ roomId, sender: bob })
    const channel = await look(hs, 'bob')
    expect(await ownLines(channel)).toHaveLength(2)
    const quietLine = (await ownLines(channel)).find(({ room_id }) => room_id === quiet)
    channel.hangUp()
    await pause(50)
    await hs.rooms.sendText(busy, alice, 'news')
    await hs.settled()
    expect(await rowsOf(hs, 'SELECT last_event FROM room_summaries:[$bob, $busy]', { bob, busy })).toEqual([
      { last_event: undefined },
    ])

    const lines = await ownLines(await look(hs, 'bob'))

    expect(lines.find(({ room_id }) => room_id === busy)).toMatchObject({ last_event: { preview: 'news' } })
    expect(lines.find(({ room_id }) => room_id === quiet)).toEqual(quietLine)
  })

  test('what a user did while away shows, also across a restart', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    const channel = await look(hs, 'bob')
    expect(await ownLines(channel)).toMatchObject([{ is_direct: false }])
    channel.hangUp()
    await pause(50)
    await hs.db.commit((grant) => {
      const position = grant.position()
      const content = JSON.stringify({ [alice]: [room] })
      const entry = { roomId: undefined, type: 'm.direct', content, position }
      const change = { kind: 'account_data' as const, userId: bob, type: 'm.direct', content: {}, position }
      return { writes: [setAccountDataEntry(bob, entry)], changes: [change], result: undefined }
    })
    await hs.settled()
    await hs.live.close()
    await hs.restartLive()

    expect(await ownLines(await look(hs, 'bob'))).toMatchObject([{ is_direct: true }])
  })

  test('a line does not speak of a message whose row is not there yet', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    const eventId = await hs.rooms.sendText(room, alice, 'before')
    const channel = await look(hs, 'alice')
    const [before] = await ownLines(channel)
    const { live } = hs.db
    const write = live.writeLive.bind(live)
    let letGo = () => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    live.writeLive = async (writes, options) => {
      if (writes.some((each) => 'table' in each && each.table === 'room_events')) await gate
      return write(writes, options)
    }
    await hs.rooms.sendText(room, alice, 'held')
    await hs.receipts.set({ userId: alice, roomId: room, receiptType: 'm.read', eventId }) // rings the line
    await pause(300)
    expect((await ownLines(channel))[0]?.max_seq).toBe(before?.max_seq)
    letGo()

    await expect.poll(async () => (await ownLines(channel))[0]?.max_seq).toBe(Number(before?.max_seq) + 1)
    live.writeLive = write
  })

  test('lines of a user who has been away for more than a day are dropped, and made anew when they come', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    for (const name of ['alice', 'bob']) {
      const channel = await look(hs, name)
      expect(await ownLines(channel)).toHaveLength(1)
      channel.hangUp()
    }
    await hs.settled()
    await hs.live.close()
    await hs.db.query('UPDATE list_viewer SET seen_at = 0 WHERE user_id = $bob', {
      bob,
    })
    await hs.restartLive()

    await expect.poll(() => rowsOf(hs, 'SELECT VALUE user_id FROM room_summaries'), { timeout: 8_000 }).toEqual([alice])
    expect(await ownLines(await look(hs, 'bob'))).toMatchObject([{ membership: 'join' }])
  })

  test('a forgotten room has no line when its user comes back', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    const channel = await look(hs, 'bob')
    expect(await ownLines(channel)).toHaveLength(1)
    channel.hangUp()
    await pause(50)
    await hs.rooms.leaveRoom({ roomId: room, sender: bob })
    await hs.rooms.forgetRoom({ roomId: room, sender: bob })

    await expect.poll(async () => ownLines(await look(hs, 'bob'))).toEqual([])
  })
})

describe('members', () => {
  const crowd = Array.from({ length: 60 }, (_, n) => user(`member${n}`))
  const membersOf = (hs: LiveServer, room: RoomId) =>
    rowsOf<RoomMemberRow>(hs, 'SELECT * FROM room_members:[$room, NONE]..[$room, ..]', { room })

  /** A room of more than fifty that nobody looks at, as after a restart. */
  async function crowded(hs: LiveServer): Promise<RoomId> {
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11', name: 'Crowd' })
    for (const sender of crowd) await hs.rooms.joinRoom({ roomId: room, sender })
    await hs.settled()
    await hs.live.close()
    await hs.db.query('DELETE room_members')
    await hs.restartLive()
    return room
  }

  test('those of a large room are written when somebody looks, and kept then', async () => {
    await using hs = await startLiveServer()
    const room = await crowded(hs)
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    await hs.settled()
    expect(await membersOf(hs, room)).toEqual([])
    const charged = watchCharges()

    const channel = await look(hs, 'alice')
    const [, first = []] = await channel.query<RoomMemberRow[]>(
      'LIVE SELECT * FROM room_members WHERE room_id = $room; SELECT * FROM room_members:[$room, NONE]..[$room, ..]',
      { room },
    )
    await expect.poll(async () => (await membersOf(hs, room)).length, { timeout: 5_000 }).toBe(62)
    expect(first.length).toBeLessThanOrEqual(62)
    expect(new Set(charged)).toEqual(new Set([alice]))
    await hs.rooms.sendEvent(room, {
      type: 'm.room.power_levels',
      sender: alice,
      stateKey: '',
      content: { users: { [alice]: 100, [bob]: 50 } },
    })
    await hs.rooms.leaveRoom({ roomId: room, sender: crowd[0]! })
    await hs.settled()

    const of = async (userId: UserId) => (await membersOf(hs, room)).find(({ user_id }) => user_id === userId)
    await expect.poll(() => of(bob)).toMatchObject({ role: 'Editor' })
    await expect.poll(() => of(crowd[0]!)).toMatchObject({ membership: 'leave' })
    await expect.poll(() => channel.notes.some(({ result }) => result.membership === 'leave')).toBe(true)
  })

  test('nobody who is not in a room has its members written', async () => {
    await using hs = await startLiveServer()
    const room = await crowded(hs)
    const channel = await look(hs, 'bob')

    const [rows] = await channel.query('SELECT * FROM room_members:[$room, NONE]..[$room, ..]', { room })
    await pause(300)

    expect(rows).toEqual([])
    expect(await membersOf(hs, room)).toEqual([])
  })

  test('who moves while the rest is filled in is not put back', async () => {
    await using hs = await startLiveServer()
    const room = await crowded(hs)
    const { rooms } = hs.rooms
    const read = rooms.readMembers
    let letGo = () => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    rooms.readMembers = async (of) => {
      const before = await read(of)
      await gate
      return before
    }
    const channel = await look(hs, 'alice')
    await channel.query('SELECT * FROM room_members:[$room, NONE]..[$room, ..]', { room })

    await hs.rooms.leaveRoom({ roomId: room, sender: crowd[7]! })
    await hs.settled()
    letGo()
    await expect.poll(async () => (await membersOf(hs, room)).length, { timeout: 5_000 }).toBe(61)

    const row = (await membersOf(hs, room)).find(({ user_id }) => user_id === crowd[7])
    const left = await rooms.readMember((await rooms.get(room))!, crowd[7]!)
    expect(row).toMatchObject({ membership: 'leave', event_id: left?.eventId })
    rooms.readMembers = read
  })
})

describe('old history', () => {
  const seqsIn = async (channel: MemoryChannel, room: RoomId, from: number, to: number) => {
    const [rows = []] = await channel.query<RoomEventRow[]>('SELECT * FROM room_events:[$room, $from]..=[$room, $to]', {
      ...{ room, from, to },
    })
    return rows
  }

  test('a room keeps its newest thousand rows; older ones are made when they are read, and redacted too', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    const sent: string[] = []
    for (let round = 0; round < 4; round++)
      sent.push(
        ...(await Promise.all(Array.from({ length: 400 }, (_, n) => hs.rooms.sendText(room, alice, `${round} ${n}`)))),
      )
    await hs.settled()
    const count = async () =>
      (
        await rowsOf<{ n: number }>(hs, 'SELECT count() AS n FROM room_events:[$room, NONE]..[$room, ..] GROUP ALL', {
          room,
        })
      )[0]?.n
    await expect.poll(count, { timeout: 10_000 }).toBeLessThanOrEqual(1_250)
    expect(await count()).toBeGreaterThanOrEqual(1_000)

    const channel = await look(hs, 'alice')
    const charged = watchCharges()
    const old = await seqsIn(channel, room, 1, 100)
    expect(old.map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
    expect(charged).toEqual([alice])

    const target = old.at(-1)!.event_id as (typeof sent)[number]
    const redaction = { type: 'm.room.redaction', sender: alice, content: { redacts: target } }
    await hs.rooms.sendEvent(room, redaction)
    await hs.settled()
    expect((await seqsIn(channel, room, 100, 100))[0]).toMatchObject({ event: { content: {} } })
  }, 60_000)

  test('a stranger has no history made', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    await Promise.all(Array.from({ length: 1_300 }, (_, n) => hs.rooms.sendText(room, alice, `${n}`)))
    await hs.settled()
    const oldest = async () =>
      (await rowsOf<{ seq: number }>(hs, 'SELECT seq FROM room_events:[$room, NONE]..[$room, 20]', { room }))[0]?.seq
    await expect.poll(oldest, { timeout: 10_000 }).toBeUndefined()

    expect(await seqsIn(await look(hs, 'bob'), room, 1, 20)).toEqual([])
    expect(await oldest()).toBeUndefined()
  }, 60_000)
})

describe('presence', () => {
  const online = (userId: UserId) => ({
    ...{ user_id: userId, presence: 'online' as const, last_active_ago: 0, last_active_ts: 1, currently_active: true },
  })
  const seenBy = async (channel: MemoryChannel) => {
    const [rows = []] = await channel.query<{ user_id: string }[]>('SELECT user_id FROM user_presence')
    return rows.map(({ user_id }) => user_id).sort()
  }

  test('it is seen by those who share a room, from both sides, as they come and go', async () => {
    await using hs = await startLiveServer({ users: ['alice', 'bob', 'carol'] })
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    for (const userId of [alice, bob, carol]) hs.live.writePresence(online(userId))
    const [ofAlice, ofBob, ofCarol] = await Promise.all(['alice', 'bob', 'carol'].map((name) => look(hs, name)))

    expect(await seenBy(ofAlice!)).toEqual([alice, bob])
    expect(await seenBy(ofBob!)).toEqual([alice, bob])
    expect(await seenBy(ofCarol!)).toEqual([carol])

    await hs.rooms.joinRoom({ roomId: room, sender: carol })
    await expect.poll(() => seenBy(ofCarol!)).toEqual([alice, bob, carol])
    await expect.poll(() => seenBy(ofAlice!)).toEqual([alice, bob, carol])

    await hs.rooms.leaveRoom({ roomId: room, sender: bob })
    await expect.poll(() => seenBy(ofBob!)).toEqual([bob])
    await expect.poll(() => seenBy(ofAlice!)).toEqual([alice, carol])
  })

  test('the first presence of somebody is told to who may see it, and to nobody else', async () => {
    await using hs = await startLiveServer({ users: ['alice', 'bob', 'carol'] })
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    const [ofBob, ofCarol] = [await look(hs, 'bob'), await look(hs, 'carol')]
    for (const channel of [ofBob, ofCarol]) await channel.query('LIVE SELECT * FROM user_presence')

    hs.live.writePresence(online(alice))

    await expect.poll(() => ofBob.notes.map(({ result }) => result.user_id)).toEqual([alice])
    await pause(100)
    expect(ofCarol.notes).toEqual([])
  })

  test('after a restart nobody sees through rows of the run before', async () => {
    await using hs = await startLiveServer()
    await hs.db.query('CREATE presence_access:[$bob, $alice] SET readable = true', { bob, alice })
    await hs.live.close()
    await hs.restartLive()

    expect(await rowsOf(hs, 'SELECT * FROM presence_access')).toEqual([])
  })
})
