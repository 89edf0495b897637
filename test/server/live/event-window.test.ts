/** Which rows of a room's history are kept: the newest thousand, and older ones for as long as somebody reads them. */
import { describe, expect, test } from 'vitest'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import { blockRows, EventWindow, windowLow, windowRows } from '../../../server/live/projector/event-window.js'
import type { Room } from '../../../server/rooms/room.js'
import type { Write } from '../../../server/store/writes.js'
import { fakeClock } from '../../support/fake-clock.js'

const roomId = '!r:x' as RoomId
const roomOf = (maxSeq: number, minSeq = 1) => ({ roomId, maxSeq, minSeq }) as Room

/** A window over a table that is a set of seqs. */
function windowOver(rows: Set<number>) {
  const clock = fakeClock()
  const window = new EventWindow({
    clock,
    db: {
      async query<T extends unknown[]>(_sql: string, bindings: Record<string, unknown> = {}) {
        const { from, to } = bindings as { from: number; to: number }
        return [[...rows].filter((seq) => seq >= from && seq < to)] as unknown as T
      },
    },
    live: {
      async writeLive(writes: readonly Write[]) {
        for (const write of writes) if (write.op === 'delete') rows.delete((write.id as [string, number])[1])
      },
    },
    async writeRange(_room, from, to) {
      for (let seq = from; seq <= to; seq++) rows.add(seq)
    },
  })
  const prune = async () => {
    while (await window.prune());
  }
  return { clock, window, prune }
}
const seqs = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe('the newest thousand', () => {
  test.each([
    [1, 1, 1],
    [999, 1, 1],
    [1_000, 1, 1],
    [1_250, 1, 251],
    [1_499, 1, 251],
    [1_500, 1, 501],
    [5, -400, -400],
    [5, -2_000, -999],
  ])('of a room with seqs up to %i from %i on begin at %i', (maxSeq, minSeq, low) => {
    expect(windowLow({ maxSeq, minSeq } as Room)).toBe(low)
    if (low > minSeq) expect(maxSeq - low).toBeGreaterThanOrEqual(windowRows - 1)
    expect(maxSeq - low).toBeLessThan(windowRows + blockRows)
  })

  test('are all that is left once a room has moved on', async () => {
    const rows = new Set(seqs(1, 1_600))
    const { window, prune } = windowOver(rows)
    window.note(roomOf(1_600), 1_600)
    expect(window.isDue).toBe(true)
    await prune()

    expect([...rows]).toEqual(seqs(501, 1_600))
    expect(window.isDue).toBe(false)
  })

  test('a row that was written before them, for a redaction, goes again', async () => {
    const rows = new Set(seqs(501, 1_600))
    const { window, prune } = windowOver(rows)
    window.note(roomOf(1_600), 1_600)
    await prune()
    rows.add(7)
    window.note(roomOf(1_600), 7)
    await prune()

    expect(rows.has(7)).toBe(false)
  })
})

describe('older rows', () => {
  test('are made once, kept while they are read, and deleted ten minutes after', async () => {
    const rows = new Set(seqs(501, 1_600))
    const { clock, window, prune } = windowOver(rows)
    const room = roomOf(1_600)
    expect(window.lacks(room, 100, 140)).toBe(true)
    await window.show(room, 100, 140)
    expect([...rows].filter((seq) => seq < 501)).toEqual(seqs(1, 250))
    expect(window.lacks(room, 100, 140)).toBe(false)

    clock.advance(9 * 60_000)
    expect(window.lacks(room, 1, 20)).toBe(false) // read again
    clock.advance(9 * 60_000)
    window.note(room, 1_600)
    await prune()
    expect(rows.has(1)).toBe(true)

    clock.advance(60_001)
    await prune()
    expect([...rows]).toEqual(seqs(501, 1_600))
    expect(window.lacks(room, 100, 140)).toBe(true)
  })

  test('of a long range the newest few blocks are made, and nothing for rows that are always there', async () => {
    const rows = new Set(seqs(9_001, 10_000))
    const { window } = windowOver(rows)
    const room = roomOf(10_000)
    expect(window.lacks(room, 9_100, 9_900)).toBe(false)
    await window.show(room, 1, 9_500)

    expect([...rows].filter((seq) => seq < 9_001)).toHaveLength(windowRows)
  })
})
