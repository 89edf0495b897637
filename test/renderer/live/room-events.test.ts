/** The timeline of a room over a live connection: snapshot, live rows, holes, the doorbell, paging back. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { makeRoomTimeline } from '../../../renderer/live/room-events.js'
import type { MessagesPage } from '../../../renderer/platform/matrix/events.js'
import type { RoomEventRow, RoomSummaryRow } from '../../../server/api/live/rows.js'
import { makeFakeConnection } from '../support/fake-connection.js'
import { messageRow, roomId, summaryRow } from '../support/rows.js'

const rows = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => messageRow({ seq: from + index }))

function openRoom(table: RoomEventRow[], summary: Partial<RoomSummaryRow> = {}, pages: MessagesPage[] = []) {
  const fake = makeFakeConnection(table)
  const state: { summary: RoomSummaryRow; place?: string } = {
    summary: summaryRow({ max_seq: Math.max(0, ...table.map(({ seq }) => seq)), ...summary }),
  }
  const listeners = new Set<() => void>()
  const asked: (string | undefined)[] = []
  const timeline = makeRoomTimeline(roomId, {
    connection: fake.connection,
    readSummary: () => state.summary,
    onSummary(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async readMessages(_roomId, from, _limit, { isAskedAgain = false } = {}) {
      asked.push(isAskedAgain ? `${from} again` : from)
      return pages.shift() ?? { start: 'x', chunk: [] }
    },
    readTokenBefore: async (_roomId, eventId) => state.place ?? `before ${eventId}`,
  })
  timeline.open()
  return {
    ...fake,
    timeline,
    asked,
    seqs: () => timeline.store.get().timeline.rows.map(({ seq }) => seq),
    ring(max_seq: number) {
      state.summary = { ...state.summary, max_seq }
      for (const listener of listeners) listener()
    },
    /** Where `/context` says an event is. */
    setPlace(place: string) {
      state.place = place
    },
    setSummary(changes: Partial<RoomSummaryRow>) {
      state.summary = { ...state.summary, ...changes }
    },
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())
const settle = () => vi.advanceTimersByTimeAsync(400)

describe('opening a room', () => {
  test('shows its last twenty events', () => {
    const room = openRoom(rows(1, 100))

    expect(room.seqs()).toEqual(rows(81, 100).map(({ seq }) => seq))
  })

  test('goes on by itself when hardly anything of them is for this user', async () => {
    const room = openRoom([...rows(1, 60), ...rows(98, 100)], { max_seq: 100 })

    await settle()

    expect(room.seqs().length).toBeGreaterThan(3)
    expect(room.seqs()).toEqual([...new Set(room.seqs())])
  })
})

describe('live rows', () => {
  test('that overtake each other need no query', async () => {
    const table = rows(1, 5)
    const room = openRoom(table)
    table.push(...rows(6, 8))

    for (const seq of [8, 6, 7]) room.deliver(messageRow({ seq }), 'CREATE')
    await settle()

    expect(room.seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(room.queries).toEqual([])
  })

  test('one that was lost is read by one range query', async () => {
    const table = rows(1, 5)
    const room = openRoom(table)
    table.push(...rows(6, 9))

    room.deliver(messageRow({ seq: 9 }), 'CREATE')
    await settle()

    expect(room.queries).toEqual([{ from: 6, to: 9 }])
    expect(room.seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('a hole that is not for this user is asked for once', async () => {
    const table = rows(1, 5)
    const room = openRoom(table)
    table.push(messageRow({ seq: 9 }))

    room.deliver(messageRow({ seq: 9 }), 'CREATE')
    await settle()
    room.deliver(messageRow({ seq: 9, body: 'again' }))
    await settle()

    expect(room.queries).toHaveLength(1)
  })
})

describe('the doorbell', () => {
  test('brings what was written without a notification', async () => {
    const table = rows(1, 5)
    const room = openRoom(table)
    table.push(...rows(6, 60))

    room.ring(60)
    await settle()

    expect(room.seqs().at(-1)).toBe(60)
    expect(room.queries).toEqual([{ from: 6, to: 60 }])
  })

  test('after a very large burst the end is shown and the middle is left for paging', async () => {
    const table = rows(1, 5)
    const room = openRoom(table)
    table.push(...rows(6, 5_000))

    room.ring(5_000)
    await settle()

    expect(room.seqs().at(-1)).toBe(5_000)
    expect(room.seqs()[0]).toBeGreaterThan(4_900)
  })
})

describe('a reconnect', () => {
  test('fills in what happened meanwhile, and what was rewritten', async () => {
    const table = rows(1, 30)
    const room = openRoom(table)
    table[29] = messageRow({ seq: 30, body: 'redacted', redacted_by: '$x' })
    table.push(...rows(31, 40))
    room.setSummary({ max_seq: 40 })

    room.reconnect()
    await settle()

    expect(room.seqs()).toEqual(rows(11, 40).map(({ seq }) => seq))
    expect(room.timeline.store.get().timeline.rows.find(({ seq }) => seq === 30)?.redacted_by).toBe('$x')
  })

  test('after a long absence starts over at the end', async () => {
    const table = rows(1, 30)
    const room = openRoom(table)
    table.push(...rows(31, 900))
    room.setSummary({ max_seq: 900 })

    room.reconnect()
    await settle()

    expect(room.seqs()[0]).toBeGreaterThan(800)
    expect(room.seqs().at(-1)).toBe(900)
  })
})

describe('paging back', () => {
  test('reads page by page to the beginning and then says so', async () => {
    const room = openRoom(rows(1, 100))

    for (let round = 0; round < 5; round++) await room.timeline.loadOlder()

    expect(room.seqs()).toEqual(rows(1, 100).map(({ seq }) => seq))
    expect(room.timeline.store.get().isAtStart).toBe(true)
    expect(room.asked).toEqual([])
  })

  test('asks the server for older history where it is not complete, then reads the rows it made', async () => {
    const table = rows(1, 30)
    const room = openRoom(table, { history_complete: false }, [
      { start: 'a', end: 'b', chunk: [clientEvent('$old1'), clientEvent('$old0')] },
    ])
    await room.timeline.loadOlder()
    table.push(messageRow({ seq: 0, event_id: '$old1' }), messageRow({ seq: -1, event_id: '$old0' }))

    await room.timeline.loadOlder()

    expect(room.asked).toEqual(['before $event1'])
    expect(room.seqs().slice(0, 3)).toEqual([-1, 0, 1])
  })

  test('shows from /messages what is in no row', async () => {
    const room = openRoom(rows(1, 30), { history_complete: false }, [
      { start: 'a', end: 'b', chunk: [clientEvent('$old1'), clientEvent('$old0')] },
      { start: 'b', chunk: [] },
    ])
    await room.timeline.loadOlder()

    await room.timeline.loadOlder()
    await room.timeline.loadOlder()

    const shown = room.timeline.store.get().timeline.rows.map(({ event_id }) => event_id)
    expect(shown.slice(0, 3)).toEqual(['$old0', '$old1', '$event1'])
    expect(room.timeline.store.get().isAtStart).toBe(true)
  })

  describe('a hole in the history', () => {
    const above = 1_000
    /** Thirty events, a hole, thirty more from `low` up. */
    const segments = (low: number, hole: boolean) => [
      { low: 1, high: 30, hole: false },
      { low, high: above + 29, hole },
    ]
    const openAbove = (table: RoomEventRow[], pages: MessagesPage[]) =>
      openRoom(table, { max_seq: above + 29, history_complete: true, segments: segments(above, true) }, pages)

    test('is filled by asking /messages from above it, and read on over the jump below', async () => {
      const table = [...rows(1, 30), ...rows(above, above + 29)]
      const room = openAbove(table, [{ start: 'a', end: 'b', chunk: [clientEvent('$x')] }])
      await room.timeline.loadOlder()
      expect(room.asked).toEqual([])
      table.push(...rows(above - 5, above - 1)) // what the server has filled in by the time it answers
      const loading = room.timeline.loadOlder()
      expect(room.timeline.store.get().isAskingServers).toBe(true)
      await loading
      expect(room.timeline.store.get().isAskingServers).toBe(false)
      expect(room.asked).toEqual([`before $event${above}`])
      expect(room.seqs()[0]).toBe(above - 5)

      room.setSummary({ segments: segments(above - 5, false) })
      await room.timeline.loadOlder()
      expect(room.seqs().slice(0, 31)).toEqual([...rows(1, 30).map(({ seq }) => seq), above - 5])
      await room.timeline.loadOlder()
      expect(room.timeline.store.get().isAtStart).toBe(true)
    })

    test('that nobody can fill is passed, and what is filled in later is read when the room says so', async () => {
      const table = [...rows(1, 30), ...rows(above, above + 29)]
      const room = openAbove(table, [{ start: 'a', end: 'b', chunk: [] }])
      await room.timeline.loadOlder()
      await room.timeline.loadOlder()
      expect(room.seqs().slice(0, 2)).toEqual([1, 2])
      expect(room.asked).toHaveLength(1)

      table.push(...rows(above - 5, above - 1))
      room.setSummary({ segments: segments(above - 5, false) })
      room.ring(above + 29)
      await settle()
      expect(room.seqs().slice(29, 32)).toEqual([30, above - 5, above - 4])
    })
  })

  test('an error is kept, and the next try forgets it', async () => {
    const room = openRoom(rows(1, 100))
    room.setDown(true)
    await room.timeline.loadOlder()
    expect(room.timeline.store.get().error).toBeInstanceOf(Error)

    room.setDown(false)
    await room.timeline.loadOlder()

    expect(room.timeline.store.get().error).toBeUndefined()
    expect(room.seqs()[0]).toBe(41)
  })
})

describe('a place far back', () => {
  const shown = (room: ReturnType<typeof openRoom>) => room.timeline.store.get()

  test('replaces what is loaded, and leads to the newest page by page', async () => {
    const room = openRoom(rows(1, 1_000))
    await room.timeline.showAround(300)
    expect([room.seqs()[0], room.seqs().at(-1)]).toEqual([260, 340])
    expect(shown(room).hasNewer).toBe(true)

    for (let round = 0; round < 20; round++) await room.timeline.loadNewer()

    expect(room.seqs()).toEqual(rows(260, 1_000).map(({ seq }) => seq))
    expect(shown(room).hasNewer).toBe(false)
  })

  test('that is near is loaded with all that lies between', async () => {
    const room = openRoom(rows(1, 200))
    await room.timeline.showAround(150)
    expect(room.seqs()).toEqual(rows(110, 200).map(({ seq }) => seq))
    expect(shown(room).hasNewer).toBe(false)
  })

  test('is not mixed with what comes live at the end, which is there once the end is', async () => {
    const table = rows(1, 1_000)
    const room = openRoom(table)
    await room.timeline.showAround(300)
    table.push(...rows(1_001, 1_002))
    room.deliver(messageRow({ seq: 1_001 }), 'CREATE')
    room.deliver(messageRow({ seq: 310, body: 'changed' }))
    room.ring(1_002)
    await settle()
    expect(room.seqs().at(-1)).toBe(340)
    expect(shown(room).timeline.rows.find(({ seq }) => seq === 310)?.event.content).toMatchObject({ body: 'changed' })

    await room.timeline.showLatest()
    expect(shown(room).hasNewer).toBe(false)
    expect(room.seqs().at(-1)).toBe(1_002)
    room.deliver(messageRow({ seq: 1_003 }), 'CREATE')
    await settle()
    expect(room.seqs().at(-1)).toBe(1_003)
  })

  test('stays where it is over a reconnect', async () => {
    const room = openRoom(rows(1, 1_000))
    await room.timeline.showAround(300)
    room.reconnect()
    await settle()
    expect([room.seqs()[0], room.seqs().at(-1)]).toEqual([260, 340])
  })

  test('while older events are on their way is not disturbed by them', async () => {
    const room = openRoom(rows(1, 1_000))
    await Promise.all([room.timeline.loadOlder(), room.timeline.showAround(300)])
    await settle()
    expect(room.seqs()).toEqual(rows(room.seqs()[0]!, 340).map(({ seq }) => seq))
  })

  test('right below a hole goes on above it, where the hole is told and can be filled', async () => {
    const segments = [
      { low: 1, high: 30, hole: false },
      { low: 1_000, high: 1_299, hole: true },
    ]
    const table = [...rows(1, 30), ...rows(1_000, 1_299)]
    const room = openRoom(table, { max_seq: 1_299, segments }, [{ start: 'a', end: 'b', chunk: [] }])
    await room.timeline.showAround(30)
    expect(room.seqs()).toEqual([...rows(1, 30), ...rows(1_000, 1_039)].map(({ seq }) => seq))

    table.push(...rows(960, 999))
    await room.timeline.fillHole(1_000)
    await room.timeline.fillHole(1_000) // the room's line does not say yet that the hole is further down

    expect(room.asked).toEqual(['before $event1000', 'before $event960'])
    expect([...shown(room).passed]).toEqual([1_000, 960])

    await room.timeline.fillHole(1_000, true) // a person presses the button
    expect(room.asked.at(-1)).toBe('before $event960 again')
  })

  test('by its event: the server says where that is; what is not in its place is not shown as if', async () => {
    const room = openRoom(rows(1, 1_000))
    room.setPlace('t1_500')
    expect(await room.timeline.showEvent('$event500')).toBe(500)
    expect(room.seqs()).toContain(500)
    expect(await room.timeline.showEvent('$hidden')).toBeUndefined()
  })
})

test('a closed room stops its live query and keeps its rows for the next time', () => {
  const room = openRoom(rows(1, 30))

  room.timeline.close()

  expect(room.isWatched()).toBe(false)
  expect(room.seqs()).toHaveLength(20)
})

const clientEvent = (event_id: string) => ({
  event_id,
  type: 'm.room.message',
  sender: '@ana:test',
  origin_server_ts: 1,
  content: { msgtype: 'm.text', body: event_id },
})
