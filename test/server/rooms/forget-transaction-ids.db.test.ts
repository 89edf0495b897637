/** Answers kept for repeated requests: gone a day later, in bounded batches, and not before. */
import { describe, expect, test } from 'vitest'
import type { DeviceId } from '../../../server/kernel/identifiers.js'
import { answersKeptMs, makeForgetTransactionIds } from '../../../server/rooms/forget-transaction-ids.js'
import { makeTransactionIds, type RecordAnswer } from '../../../server/rooms/transaction-ids.js'
import { insertTxnAnswer, readTxnAnswer } from '../../../server/store/transaction-id-store.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { user } from '../../support/rooms.js'

const device = { userId: user('ann'), deviceId: 'DEV' as DeviceId }
const keep = (db: TestDatabase, paths: readonly string[], at: number) =>
  db.commit(() => ({
    writes: paths.map((path) => insertTxnAnswer([user('ann'), 'DEV' as DeviceId, path], '{"event_id":"$x"}', at)),
    changes: [],
    result: undefined,
  }))
const numbered = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `/${prefix}${i}`)

describe('answers to transaction IDs', () => {
  test('are forgotten after a day, batch by batch, and newer ones stay', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const forget = makeForgetTransactionIds({ db, clock })
    await keep(db, numbered(25, 'old'), clock.now())
    clock.advance(answersKeptMs)
    await keep(db, numbered(3, 'new'), clock.now())

    expect(await forget(10)).toBe(0) // a day to the millisecond is not more than a day

    clock.advance(1)
    expect([await forget(10), await forget(10), await forget(10), await forget(10)]).toEqual([10, 10, 5, 0])
    expect(await readTxnAnswer(db, [user('ann'), 'DEV' as DeviceId, '/old0'])).toBeUndefined()
    expect(await readTxnAnswer(db, [user('ann'), 'DEV' as DeviceId, '/new2'])).toBe('{"event_id":"$x"}')
  })

  test('are found by the index, also those that were written before there was one', async () => {
    await using db = await openTestDatabase()
    await keep(db, numbered(50, 'row'), 1)

    const [plan] = await db.query<[unknown[]]>(
      'SELECT VALUE id FROM txn WITH INDEX txn_created_at WHERE created_at < 5 LIMIT 10 EXPLAIN',
    )

    expect(JSON.stringify(plan)).toContain('txn_created_at')
  })

  test('a request that is repeated within the day, by a process that has forgotten it, gets the kept answer', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const run = (answer: { n: number }) => async (record: RecordAnswer<{ n: number }>) => {
      await db.commit(() => ({ writes: record(answer), changes: [], result: undefined }))
      return answer
    }
    const first = await makeTransactionIds(db, clock).oncePerTxn(device, '/path', run({ n: 1 }))
    clock.advance(answersKeptMs)
    await makeForgetTransactionIds({ db, clock })(10)

    const again = await makeTransactionIds(db, clock).oncePerTxn(device, '/path', run({ n: 2 }))

    expect([first, again]).toEqual([{ n: 1 }, { n: 1 }])
  })
})
