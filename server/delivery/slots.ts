/**
 * Exchanges under way at once, over all destinations, so that a message to five hundred of them does not open
 * five hundred sockets.
 *
 * First come, first served, but nobody waits for the dead: destinations that failed last time have slots of
 * their own, and an exchange that takes long gives its slot to the next while it goes on.
 */
import type { Clock } from '../kernel/clock.js'

/** @returns the function that gives the slot back; calling it again does nothing */
export type TakeSlot = (isFailing: boolean) => Promise<() => void>

type Options = { healthy: number; failing: number; passOnAfterMs: number }

export function makeSlots(clock: Clock, { healthy, failing, passOnAfterMs }: Options): TakeSlot {
  const takeHealthy = makeSemaphore(healthy)
  const takeFailing = makeSemaphore(failing)
  return async (isFailing) => {
    const release = await (isFailing ? takeFailing() : takeHealthy())
    const timer = isFailing ? undefined : clock.after(passOnAfterMs, release)
    return () => {
      timer?.cancel()
      release()
    }
  }
}

function makeSemaphore(count: number): () => Promise<() => void> {
  let free = count
  const waiting: (() => void)[] = []
  const giveBack = () => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }
  return async () => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    let isHeld = true
    return () => {
      if (isHeld) giveBack()
      isHeld = false
    }
  }
}
