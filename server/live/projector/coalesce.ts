/**
 * Runs a piece of work soon after it was asked for, but not too often: at once when it has been quiet,
 * otherwise with a pause between, so long that work takes at most a fifth of the time.
 */
import type { Clock } from '../../kernel/clock.js'

export type Coalesced = {
  ask(): void
  /** Runs what was asked for and resolves when nothing is under way. */
  settle(): Promise<void>
  /** Nothing new is started. */
  close(): Promise<void>
}

const pausePerWork = 4

/**
 * @param pauseMs shortest pause between two runs, asked for after each
 * @param work    must not throw
 */
export function coalesce(clock: Clock, pauseMs: () => number, work: () => Promise<void>): Coalesced {
  let isAsked = false
  let isClosed = false
  let earliest = Number.NEGATIVE_INFINITY
  let running: Promise<void> | undefined
  let isPlanned = false

  const run = async () => {
    while (isAsked && !isClosed) {
      const wait = earliest - clock.elapsed()
      if (wait > 0) return plan(wait)
      isAsked = false
      const start = clock.elapsed()
      await work()
      const took = clock.elapsed() - start
      earliest = clock.elapsed() + Math.max(pauseMs(), pausePerWork * took)
    }
  }
  const begin = () => {
    if (running || isPlanned || isClosed) return
    running = run().finally(() => {
      running = undefined
      if (isAsked) begin()
    })
  }
  const plan = (ms: number) => {
    isPlanned = true
    clock.after(ms, () => {
      isPlanned = false
      begin()
    })
  }

  return {
    ask() {
      isAsked = true
      begin()
    },
    async settle() {
      await running
      if (!isAsked || isClosed) return
      isAsked = false
      await work()
    },
    async close() {
      isClosed = true
      await running
    },
  }
}
