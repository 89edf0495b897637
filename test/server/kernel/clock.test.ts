/** Timers of any length, and that nothing on the server sets one without the clock. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { longestTimerMs, pause, systemClock } from '../../../server/kernel/clock.js'
import { readSources } from '../../support/sources.js'

const dayMs = 86_400_000

describe('a timer', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }))
  afterEach(() => void vi.useRealTimers())

  test.each([1, 1_000, longestTimerMs, longestTimerMs + 1, 60 * dayMs, 3 * longestTimerMs + 5])(
    'of %d ms runs then, once and not before',
    (ms) => {
      let ran = 0
      systemClock.after(ms, () => ran++)

      vi.advanceTimersByTime(ms - 1)
      expect(ran).toBe(0)
      vi.advanceTimersByTime(1)
      expect(ran).toBe(1)
      vi.advanceTimersByTime(100 * dayMs)
      expect(ran).toBe(1)
    },
  )

  test('that is cancelled in its second leg never runs', () => {
    let ran = 0
    const timer = systemClock.after(60 * dayMs, () => ran++)
    vi.advanceTimersByTime(40 * dayMs)

    timer.cancel()

    vi.advanceTimersByTime(100 * dayMs)
    expect(ran).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('for ever is none', () => {
    let ran = 0
    systemClock.after(Number.POSITIVE_INFINITY, () => ran++)

    vi.advanceTimersByTime(1_000 * dayMs)

    expect(ran).toBe(0)
  })

  test('every sixty days runs every sixty days until it is cancelled', () => {
    let ran = 0
    const timer = systemClock.every(60 * dayMs, () => ran++)

    vi.advanceTimersByTime(59 * dayMs)
    expect(ran).toBe(0)
    vi.advanceTimersByTime(62 * dayMs)
    expect(ran).toBe(2)
    timer.cancel()
    vi.advanceTimersByTime(200 * dayMs)
    expect(ran).toBe(2)
  })

  test('that is waited for is no longer than timers can be', async () => {
    let isOver = false
    void pause(2 ** 40).then(() => {
      isOver = true
    })

    await vi.advanceTimersByTimeAsync(1_000)

    expect(isOver).toBe(false)
  })
})

test('no part of the server sets a timer but by the clock, which knows how long one may be', () => {
  const found = readSources(['server'], ['kernel/clock.ts']).filter(({ text }) =>
    /\b(?:setTimeout|setInterval)\b/.test(text),
  )

  expect(found.map(({ path }) => path)).toEqual([])
})
