/** Segments of a timeline: where news goes, where history fills in, and what lies around a gap between events. */
import { describe, expect, test } from 'vitest'
import type { EventId } from '../../../server/kernel/identifiers.js'
import {
  countEvents,
  hasHoleAbove,
  holeAbove,
  holeBelow,
  isFilledIn,
  leastSeq,
  type Segmented,
  seqOfNumber,
  stretchAbove,
  stretchBelow,
  withHistory,
  withNews,
} from '../../../server/rooms/segments.js'

const id = (name: string) => `$${name}` as EventId
const empty: Segmented = { segments: [], maxSeq: 0 }

/** The room with one more event. */
function add(room: Segmented, depth: number, ...absent: EventId[]): Segmented & { seq: number } {
  const seq = leastSeq(room, depth, absent)
  return { segments: withNews(room, { seq, depth, position: seq, absent }), maxSeq: seq, seq }
}
const first = add(empty, 1)
const three = add(add(first, 2), 3)
const above = add(three, 50, id('missed'))

describe('news', () => {
  test('is numbered from 1, one by one, and begins with the room', () => {
    expect(three.maxSeq).toBe(3)
    expect(three.segments).toMatchObject([{ origin: 1, low: 1, high: undefined, below: 'start', ends: [] }])
  })

  test('that stands on what is not here begins a segment high above, with place below', () => {
    expect(above.seq - three.maxSeq).toBeGreaterThanOrEqual(2 ** 24)
    expect(above.segments).toMatchObject([
      { low: 1, high: 3, below: 'start' },
      { origin: above.seq, low: above.seq, below: 'unknown', ends: ['$missed'], depth: 50 },
    ])
    expect(add(above, 51).seq).toBe(above.seq + 1)
  })

  test('that lacks what lies before the newest segment, which is open too, gives that hole one end more', () => {
    const branch = add(above, 50, id('other'))
    expect(branch.seq).toBe(above.seq + 1)
    expect(branch.segments.at(-1)).toMatchObject({ ends: ['$missed', '$other'] })
  })

  test('that lacks what came after the newest segment began leaves another hole', () => {
    const later = add(above, 90, id('later'))
    expect(later.segments).toHaveLength(3)
    expect(later.segments.map(({ below }) => below)).toEqual(['start', 'unknown', 'unknown'])
  })

  test('of a room that was joined has a hole before it, and the next absence another', () => {
    const joined = add(empty, 200, id('past'))
    expect(joined.segments).toMatchObject([{ origin: 1, below: 'unknown', ends: ['$past'] }])
    expect(add(add(joined, 201), 300, id('missed')).segments).toHaveLength(2)
  })

  test('with more open ends than one hole keeps begins another', () => {
    const many = Array.from({ length: 99 }, (_, i) => id(`end${i}`))
    const full = add(three, 50, ...many)
    expect(add(full, 50, id('a')).segments).toHaveLength(2)
    expect(add(full, 50, id('a'), id('b')).segments).toHaveLength(3)
  })
})

describe('what is filled in', () => {
  const { origin } = above.segments[1]!
  const half = { ...above, segments: withHistory(above.segments, origin, origin - 10, [id('deeper')]) }
  const whole = { ...above, segments: withHistory(above.segments, origin, origin - 20, []) }

  test('leaves the hole below it while an end is open, and links when none is', () => {
    expect(half.segments[1]).toMatchObject({ low: origin - 10, below: 'unknown', ends: ['$deeper'] })
    expect(whole.segments[1]).toMatchObject({ low: origin - 20, below: 'linked', ends: [] })
    const joined = add(empty, 9, id('past'))
    expect(withHistory(joined.segments, 1, -7, [])).toMatchObject([{ low: -7, below: 'start' }])
  })

  test('is told from what came as news', () => {
    expect([origin - 20, origin - 1, origin, 1, 3].map((seq) => isFilledIn(whole, seq))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })

  test('counts, and is found by number', () => {
    expect(countEvents(whole)).toBe(3 + 21)
    expect([0, 2, 3, 23].map((number) => seqOfNumber(whole, number))).toEqual([1, 3, origin - 20, origin])
  })
})

describe('around a gap', () => {
  const { seq } = above
  test('the place after a segment is below the hole, that before the next one above it', () => {
    expect(holeBelow(above, seq)?.origin).toBe(seq)
    expect(holeBelow(above, seq + 1)).toBeUndefined()
    expect(holeBelow(above, 4)).toBeUndefined()
    expect(holeAbove(above, 4)?.origin).toBe(seq)
    expect(holeAbove(above, seq)).toBeUndefined()
    expect(holeAbove(above, 2)).toBeUndefined()
    expect(holeBelow(add(empty, 9, id('past')), 1)?.origin).toBe(1)
    expect(holeBelow(three, 1)).toBeUndefined()
  })

  test('stretches end where the segment does, and none is empty', () => {
    expect(stretchBelow(above, seq + 1)).toEqual({ low: seq, high: seq })
    expect(stretchBelow(above, seq)).toEqual({ low: 1, high: 3 })
    expect(stretchBelow(above, 3)).toEqual({ low: 1, high: 2 })
    expect(stretchBelow(above, 1)).toBeUndefined()
    expect(stretchAbove(above, 2)).toEqual({ low: 2, high: 3 })
    expect(stretchAbove(above, 4)).toEqual({ low: seq, high: seq })
    expect(stretchAbove(above, seq + 1)).toBeUndefined()
  })

  test('whether events are missing above one', () => {
    expect(hasHoleAbove(above, 3)).toBe(true)
    expect(hasHoleAbove(above, seq)).toBe(false)
    expect(hasHoleAbove(three, 1)).toBe(false)
  })
})
