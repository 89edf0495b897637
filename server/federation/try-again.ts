/**
 * PDUs that were acknowledged and could not be taken yet, because servers that may have what they lack do not
 * answer: tried again at growing distances, over about a day. Their transaction stays in the inbox meanwhile, so
 * that a restart takes them up too. After that they are let go: the next event of their server leads to them.
 */
import type { Clock, Timer } from '../kernel/clock.js'
import type { Logger } from '../kernel/logger.js'

/** One try. @returns whether nothing is left to try; one that throws counts as a failed try */
export type Attempt = () => Promise<boolean>

export type TryAgain = {
  /** @param settle called once, when nothing is left or it was tried often enough */
  later(attempt: Attempt, settle: () => Promise<void>): void
  stop(): void
}

const delaysMs = [2_000, 10_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 43_200_000]
/** More are left in the inbox, for the next start. */
const maxWaiting = 500

export function makeTryAgain({ clock, log }: { clock: Pick<Clock, 'after'>; log: Logger }): TryAgain {
  const timers = new Set<Timer>()
  let isStopped = false

  function schedule(attempt: Attempt, settle: () => Promise<void>, tries: number): void {
    const delayMs = delaysMs[tries]
    if (isStopped) return
    if (delayMs === undefined)
      return void settle().catch((error: unknown) => log.warn({ err: error }, 'a PDU could not be let go'))
    const timer = clock.after(delayMs, () => {
      timers.delete(timer)
      attempt()
        .then((isDone) => (isDone ? settle() : schedule(attempt, settle, tries + 1)))
        .catch((error: unknown) => {
          log.warn({ err: error }, 'another try of a PDU failed')
          schedule(attempt, settle, tries + 1)
        })
    })
    timers.add(timer)
  }

  return {
    later(attempt, settle) {
      if (timers.size >= maxWaiting) return log.warn('too many PDUs wait for another try: some wait for the next start')
      schedule(attempt, settle, 0)
    },
    stop() {
      isStopped = true
      for (const timer of timers) timer.cancel()
    },
  }
}
