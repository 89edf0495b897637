/** When old rows are deleted: after the start and once a day, in batches with pauses, and never after the end. */
import { describe, expect, test } from 'vitest'
import { loggerFor } from '../../server/kernel/logger.js'
import { cleaning, type ForgetBatch, startCleaning } from '../../server/start-cleaning.js'
import { silentLogger } from '../support/database.js'
import { fakeClock } from '../support/fake-clock.js'

/** Lets what was promised happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

function start(tasks: Readonly<Record<string, ForgetBatch>>) {
  const clock = fakeClock()
  return { clock, ...startCleaning({ clock, logger: loggerFor(silentLogger, 'server'), tasks }) }
}

describe('cleaning', () => {
  test('goes on, with pauses, until a batch is not full; then the next task begins', async () => {
    const asked: string[] = []
    const counts = [cleaning.batchRows, cleaning.batchRows, 7]
    const { clock } = start({
      first: async (limit) => {
        asked.push(`first ${limit}`)
        return counts.shift() ?? 0
      },
      second: async () => {
        asked.push('second')
        return 0
      },
    })

    clock.advance(cleaning.firstAfterMs)
    await settle()
    expect(asked).toEqual(['first 200'])
    for (let i = 0; i < 2; i++) {
      clock.advance(cleaning.pauseMs)
      await settle()
    }

    expect(asked).toEqual(['first 200', 'first 200', 'first 200', 'second'])
  })

  test('comes again a day later, also after a task that failed', async () => {
    const asked: string[] = []
    const { clock } = start({
      broken: async () => {
        asked.push('broken')
        throw new Error('no')
      },
      good: async () => {
        asked.push('good')
        return 0
      },
    })

    clock.advance(cleaning.firstAfterMs)
    await settle()
    clock.advance(cleaning.everyMs)
    await settle()

    expect(asked).toEqual(['broken', 'good', 'broken', 'good'])
  })

  test('closing waits for the batch in hand and asks for no other', async () => {
    let finish = (_count: number) => {}
    let asked = 0
    const { clock, close } = start({
      slow: () => {
        asked++
        return new Promise((resolve) => {
          finish = resolve
        })
      },
    })
    clock.advance(cleaning.firstAfterMs)
    await settle()

    let isClosed = false
    const closing = close().then(() => {
      isClosed = true
    })
    await settle()
    expect(isClosed).toBe(false)
    finish(cleaning.batchRows)
    await closing
    clock.advance(2 * cleaning.everyMs)

    expect(asked).toBe(1)
    expect(clock.timers).toBe(0)
  })
})
