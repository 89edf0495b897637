/** Answers kept for repeated requests: gone a day later, in bounded batches, and not before. */
import { describe, expect, test } from 'vitest'
import type { DeviceId, EventId } from '../../../server/kernel/identifiers.js'
import { answersKeptMs, makeForgetTransactionIds } from '../../../server/rooms/forget-transaction-ids.js'
import { makeTransactionIds, type RecordAnswer } from '../../../server/rooms/transaction-ids.js'
import { insertTxn, readTxn, toTxnId } from '../../../server/store/transaction-id-store.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { user } from '../../support/rooms.js'

const device = { userId: user('ann'), deviceId: 'DEV' as DeviceId }
const idOf = (path: string) => toTxnId(device.userId, device.deviceId, path)
const keep = (db: TestDatabase, paths: readonly string[], at: number) =>
  db.commit(() => ({
    writes: paths.map((path) => insertTxn(idOf(path), '$x' as EventId, at)),
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
    expect(await readTxn(db, idOf('/old0'))).toBeUndefined()
    expect(await readTxn(db, idOf('/new2'))).toEqual({ answer: '$x' })
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
    const run = (eventId: EventId) => async (record: RecordAnswer<EventId>) => {
      await db.commit(() => ({ writes: record(eventId), changes: [], result: undefined }))
      return eventId
    }
    const first = await makeTransactionIds(db, clock).oncePerTxn(device, '/path', run('$1' as EventId))
    clock.advance(answersKeptMs)
    await makeForgetTransactionIds({ db, clock })(10)

    const again = await makeTransactionIds(db, clock).oncePerTxn(device, '/path', run('$2' as EventId))

    expect([first, again]).toEqual(['$1', '$1'])
  })
})
