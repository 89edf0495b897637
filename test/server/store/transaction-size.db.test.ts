/**
 * What somebody has piled up is deleted in pieces: with our settings of RocksDB one transaction of tens of megabytes makes
 * the next write wait for ever, and `DELETE` of a range is one transaction.
 */
import { expect, test } from 'vitest'
import { clearDevice } from '../../../server/devices/clear-device.js'
import type { DeviceId } from '../../../server/kernel/identifiers.js'
import { clearRanges } from '../../../server/store/clear-ranges.js'
import { insertTxn, toTxnId } from '../../../server/store/transaction-id-store.js'
import { userDataOf } from '../../../server/store/user-store.js'
import { inPieces, pieceLimits } from '../../../server/store/write-size.js'
import { insertRow, type Write } from '../../../server/store/writes.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'
import { makeTestRooms, user } from '../../support/rooms.js'

const [alice, bob] = [user('alice'), user('bob')]
const phone = 'PHONE' as DeviceId

const commit = (db: TestDatabase) => (writes: Write[]) => db.commit(() => ({ writes, changes: [], result: undefined }))

async function fill(db: TestDatabase, writes: readonly Write[]): Promise<void> {
  for (const piece of inPieces(writes)) await commit(db)(piece)
}

async function countOf(db: TestDatabase, table: string): Promise<number> {
  const [rows] = await db.query<[{ n: number }[]]>(`SELECT count() AS n FROM ${table} GROUP ALL`)
  return rows[0]?.n ?? 0
}

/** Rows that the largest transaction of the work took away. */
async function largestDeletion(
  db: TestDatabase,
  tables: readonly string[],
  work: () => Promise<void>,
): Promise<number> {
  const count = async () => {
    let all = 0
    for (const table of tables) all += await countOf(db, table)
    return all
  }
  let before = await count()
  let largest = 0
  const { commit: run } = db
  db.commit = async (unit) => {
    const answer = await run(unit)
    const after = await count()
    largest = Math.max(largest, before - after)
    before = after
    return answer
  }
  await work()
  db.commit = run
  return largest
}

test('a device of thousands of requests and messages is cleared in pieces, and no other', async () => {
  await using db = await openTestDatabase()
  const txn = (n: number, of = alice) => insertTxn(toTxnId(of, phone, `/send/${n}`), undefined, n)
  const message = (n: number, of = alice) => insertRow('to_device_message', { id: [of, phone, n], position: n })
  const some = Array.from({ length: 5_500 }, (_, n) => n)
  await fill(db, [...some.map((n) => txn(n)), ...some.slice(0, 1_500).map((n) => message(n))])
  await fill(db, [txn(1, bob), message(1, bob)])

  const largest = await largestDeletion(db, ['txn', 'to_device_message'], () => clearDevice(db, alice, phone))

  expect(largest).toBeGreaterThan(pieceLimits.rows / 2)
  expect(largest).toBeLessThanOrEqual(pieceLimits.rows)
  expect(await countOf(db, 'txn')).toBe(1)
  expect(await countOf(db, 'to_device_message')).toBe(1)
})

test('what an erased user had is cleared in pieces, and of no user whose name begins alike', async () => {
  await using db = await openTestDatabase()
  const alike = user('alice0')
  const entry = (of: string, n: number) => insertRow('account_data_entry', { id: [of, '', `type${n}`], content: '{}' })
  await fill(db, [
    ...Array.from({ length: 2_500 }, (_, n) => entry(alice, n)),
    entry(alike, 1),
    insertRow('filter', { id: [alice, '1'], body: '{}' }),
  ])

  const largest = await largestDeletion(db, ['account_data_entry', 'filter'], () =>
    clearRanges(db, userDataOf(alice), commit(db)),
  )

  expect(largest).toBeLessThanOrEqual(pieceLimits.rows)
  expect(await countOf(db, 'account_data_entry')).toBe(1)
  expect(await countOf(db, 'filter')).toBe(0)
})

test('a step of a room that would be too large is refused by name, and the room goes on without it', async () => {
  await using db = await openTestDatabase()
  const hs = await makeTestRooms(db)
  const roomId = await hs.createRoom({ creator: alice })
  const before = (await hs.rooms.get(roomId))!
  const tooLarge = () =>
    hs.rooms.write(roomId, async (tx) =>
      tx.stage({ ...tx.tip!, nodeWeight: 1_000_000 }, (_, timeline) => ({
        writes: Array.from({ length: 10_001 }, (_row, n) => insertRow('event', { id: `$too-many-${n}` })),
        ...{ changes: [], timeline },
      })),
    )

  const [, refused] = await Promise.allSettled([
    hs.sendText(roomId, alice, 'before it'),
    tooLarge(),
    hs.sendText(roomId, alice, 'built on it'),
  ])
  await hs.sendText(roomId, alice, 'after it')

  expect(refused).toMatchObject({ status: 'rejected', reason: { name: 'TransactionTooLargeError' } })
  const after = (await hs.rooms.get(roomId))!
  expect(after.maxSeq).toBe(before.maxSeq + 3)
  expect(after.nodeWeight).toBe(before.nodeWeight)
  expect(after.recent.slice(-3).map(({ pdu }) => pdu.content.body)).toEqual(['before it', 'built on it', 'after it'])
  expect(db.health.writeRefusal()).toBeUndefined()
})
