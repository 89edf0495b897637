/**
 * The watchdog of transactions: one that does not settle is an error like any other, and the gravest.
 *
 * It counts seconds in which the process was running. A machine that slept, or a clock that jumped, is one second of
 * them: a commit that was under way when the lid was closed has its whole time when it is opened.
 */
import type { Clock, Timer } from '../kernel/clock.js'
import { TransactionStuckError } from './errors.js'

/** The engine's own timeout ends statements after 10 s, but nothing ends a commit that waits for ever. */
export const settleWithinSeconds = 30
const secondMs = 1_000

/** @throws TransactionStuckError when `transaction` has neither succeeded nor failed in time */
export function settleInTime<T>(transaction: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    let waited = 0
    let isSettled = false
    let timer: Timer
    const tick = () => {
      waited += 1
      if (waited === settleWithinSeconds)
        reject(new TransactionStuckError(`a transaction did not settle within ${settleWithinSeconds} s`))
      // The next second begins when everything that had become due meanwhile is done.
      else setImmediate(() => !isSettled && begin())
    }
    const begin = () => {
      timer = clock.after(secondMs, tick)
    }
    begin()
    transaction
      .finally(() => {
        isSettled = true
        timer.cancel()
      })
      .then(resolve, reject)
  })
}
