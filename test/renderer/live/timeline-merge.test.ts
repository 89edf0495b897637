/** Merging a room's rows by seq: whatever order they come in, the timeline is the same. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  gapOf,
  mergeLiveRow,
  mergeRange,
  mergeRows,
  nothingLoaded,
  trimTimeline,
} from '../../../renderer/live/timeline-merge.js'
import { messageRow } from '../support/rows.js'

const row = (seq: number, body = `message ${seq}`) => messageRow({ seq, body })
const seqs = (timeline: { rows: readonly { seq: number }[] }) => timeline.rows.map(({ seq }) => seq)
const loaded = (from: number, to: number) =>
  mergeRange(
    nothingLoaded,
    Array.from({ length: to - from + 1 }, (_, index) => row(from + index)),
    from,
    to,
  )

describe('merging rows', () => {
  test('rows that arrive in any order, some twice, end up in order and once', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...Array(40).keys()], { minLength: 40 }),
        fc.array(fc.nat(39)),
        (order, again) => {
          const arrivals = [...order, ...again].map((index) => row(21 + index))
          const timeline = arrivals.reduce(mergeLiveRow, loaded(1, 20))
          expect(seqs(timeline)).toEqual([...Array(60).keys()].map((index) => index + 1))
          expect(timeline.high).toBe(60)
        },
      ),
    )
  })

  test('a row that comes again replaces the one before: it was redacted', () => {
    const timeline = mergeLiveRow(loaded(1, 5), { ...row(3), redacted_by: '$redaction' })

    expect(seqs(timeline)).toEqual([1, 2, 3, 4, 5])
    expect(timeline.rows[2]?.redacted_by).toBe('$redaction')
  })

  test('a row ahead of others is shown and the hole before it reported, until it is filled', () => {
    const ahead = mergeLiveRow(loaded(1, 5), row(9))

    expect(seqs(ahead)).toEqual([1, 2, 3, 4, 5, 9])
    expect(gapOf(ahead)).toEqual({ from: 6, to: 9 })

    const filled = mergeRange(ahead, [row(6), row(8)], 6, 9)
    expect(seqs(filled)).toEqual([1, 2, 3, 4, 5, 6, 8, 9])
    expect(gapOf(filled)).toBeUndefined()
  })

  test('a hole that stays after its range was read is no gap: those events are not for this user', () => {
    const timeline = mergeRange(loaded(1, 5), [row(9)], 6, 9)

    expect(gapOf(timeline)).toBeUndefined()
    expect(timeline.high).toBe(9)
  })

  test('the doorbell alone says that there is more', () => {
    expect(gapOf(loaded(1, 5), 5)).toBeUndefined()
    expect(gapOf(loaded(1, 5), 8)).toEqual({ from: 6, to: 8 })
    expect(gapOf(nothingLoaded, 8)).toBeUndefined()
  })

  test('a live row of before the loaded range is left for paging', () => {
    const timeline = loaded(10, 20)

    expect(mergeLiveRow(timeline, row(4))).toBe(timeline)
    expect(mergeLiveRow(nothingLoaded, row(4))).toBe(nothingLoaded)
  })

  test('older ranges join on below, down through zero', () => {
    const timeline = mergeRange(mergeRange(loaded(1, 3), [row(0), row(-1)], -1, 0), [row(-2)], -5, -2)

    expect(seqs(timeline)).toEqual([-2, -1, 0, 1, 2, 3])
    expect(timeline.low).toBe(-5)
  })

  test('a range far from what is loaded does not pretend to be next to it', () => {
    const timeline = mergeRange(loaded(1, 5), [row(50)], 50, 50)

    expect(timeline.high).toBe(5)
    expect(gapOf(timeline)).toEqual({ from: 6, to: 50 })
  })

  test('a room put aside keeps its newest rows', () => {
    const timeline = trimTimeline(loaded(1, 100), 10)

    expect(seqs(timeline)).toEqual([91, 92, 93, 94, 95, 96, 97, 98, 99, 100])
    expect(timeline.low).toBe(91)
    expect(mergeRows(timeline, []).rows).toHaveLength(10)
  })
})
