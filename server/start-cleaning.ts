/**
 * Deletes what has outlived its time: soon after the start and once a day, in small batches with pauses, so that it
 * never stands in the way of anybody's message.
 */
import type { Clock, Timer } from './kernel/clock.js'
import type { Logger } from './kernel/logger.js'

/** Deletes at most `limit` rows. @returns how many; fewer than `limit` when none is left */
export type ForgetBatch = (limit: number) => Promise<number>

export const cleaning = { firstAfterMs: 20_000, everyMs: 24 * 60 * 60_000, batchRows: 200, pauseMs: 100 }

/** @param tasks by the name that the log gives them; one that fails stops until the next day, the others go on */
export function startCleaning(needs: { clock: Clock; logger: Logger; tasks: Readonly<Record<string, ForgetBatch>> }) {
  const { clock, logger, tasks } = needs
  let timer: Timer | undefined
  let isClosed = false
  let running: Promise<unknown> = Promise.resolve()
  let endPause: (() => void) | undefined

  const pause = () =>
    new Promise<void>((resolve) => {
      const waiting = clock.after(cleaning.pauseMs, resolve)
      endPause = () => {
        waiting.cancel()
        resolve()
      }
    })

  async function clean(name: string, forgetBatch: ForgetBatch): Promise<void> {
    let deleted = 0
    try {
      for (;;) {
        const count = await forgetBatch(cleaning.batchRows)
        deleted += count
        if (isClosed || count < cleaning.batchRows) break
        await pause()
        if (isClosed) break
      }
      if (deleted > 0) logger.info({ what: name, rows: deleted }, 'old rows deleted')
    } catch (error) {
      if (!isClosed) logger.warn({ err: error, what: name }, 'old rows could not be deleted')
    }
  }

  async function cleanAll(): Promise<void> {
    for (const [name, forgetBatch] of Object.entries(tasks)) if (!isClosed) await clean(name, forgetBatch)
  }

  function schedule(ms: number): void {
    timer = clock.after(ms, () => {
      running = cleanAll()
      schedule(cleaning.everyMs)
    })
  }
  schedule(cleaning.firstAfterMs)

  return {
    /** Resolves when nothing more will be asked of the database. */
    async close() {
      isClosed = true
      timer?.cancel()
      endPause?.()
      await running
    },
  }
}
