/** The watchdog of transactions: one that does not settle is an error like any other, and the gravest. */
import type { Clock } from '../kernel/clock.js'
import { TransactionStuckError } from './errors.js'

/** The engine's own timeout ends statements after 10 s, but nothing ends a commit that waits for ever. */
export const settleWithinMs = 30_000

/** @throws TransactionStuckError when `transaction` has neither succeeded nor failed in time */
export function settleInTime<T>(transaction: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(settleWithinMs, () =>
      reject(new TransactionStuckError(`a transaction did not settle within ${settleWithinMs / 1000} s`)),
    )
    transaction.finally(() => timer.cancel()).then(resolve, reject)
  })
}
