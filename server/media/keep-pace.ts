/**
 * Gives a transfer up whose sender drips: a least rate after a time of grace, and a deadline over all of it.
 *
 * A cap on each silence is not enough: one byte a minute is no silence.
 */
import type { Clock } from '../kernel/clock.js'

export type Pace = { graceMs: number; bytesPerSecond: number; atMostMs: number }

const checkEveryMs = 1_000

/** @returns `signal` aborts when the transfer is too slow; `note` counts what has come; `end` stops the watch */
export function keepPace(clock: Clock, { graceMs, bytesPerSecond, atMostMs }: Pace) {
  const controller = new AbortController()
  const since = clock.elapsed()
  let bytes = 0
  const timer = clock.every(checkEveryMs, () => {
    const tookMs = clock.elapsed() - since
    if (tookMs <= atMostMs && bytes >= ((tookMs - graceMs) / 1000) * bytesPerSecond) return
    timer.cancel()
    controller.abort()
  })
  return {
    signal: controller.signal,
    note(length: number) {
      bytes += length
    },
    end: () => timer.cancel(),
  }
}
