/** A clock that moves only when told to; timers run, in order, as it passes them. */
import type { Clock, Timer } from '../../server/kernel/clock.js'

export type FakeClock = Clock & {
  /** Moves on by `ms` and runs what became due. */
  advance(ms: number): void
  /** Moves on by `ms` as the clock of a machine that slept: what became due runs once, however often it was missed. */
  jump(ms: number): void
  readonly timers: number
}

export function fakeClock(start = 1_800_000_000_000): FakeClock {
  let now = start
  let serial = 0
  const due = new Map<number, { at: number; run: () => void; every?: number }>()
  const add = (ms: number, run: () => void, every?: number): Timer => {
    const id = serial++
    due.set(id, { at: now + ms, run, ...(every !== undefined && { every }) })
    return { cancel: () => void due.delete(id) }
  }
  return {
    now: () => now,
    elapsed: () => now - start,
    after: (ms, run) => add(ms, run),
    every: (ms, run) => add(ms, run, ms),
    get timers() {
      return due.size
    },
    jump(ms) {
      now += ms
      for (const [id, timer] of [...due].filter(([, { at }]) => at <= now).sort(([, a], [, b]) => a.at - b.at)) {
        if (timer.every === undefined) due.delete(id)
        else timer.at = now + timer.every
        timer.run()
      }
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const next = [...due].filter(([, timer]) => timer.at <= end).sort(([, a], [, b]) => a.at - b.at)[0]
        if (!next) break
        const [id, timer] = next
        now = Math.max(now, timer.at)
        if (timer.every === undefined) due.delete(id)
        else timer.at += timer.every
        timer.run()
      }
      now = end
    },
  }
}
