/** A storage error is never "nothing was written": what the store does when it cannot know, and when it never hears. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../../../server/kernel/identifiers.js'
import { createLogger } from '../../../server/kernel/logger.js'
import type { OpenDatabaseOptions } from '../../../server/store/database.js'
import { EngineClosedError } from '../../../server/store/engine.js'
import { StoreUnavailableError, TransactionTooLargeError } from '../../../server/store/errors.js'
import { enoughFreeBytes, leastFreeBytes } from '../../../server/store/free-space.js'
import { settleWithinSeconds } from '../../../server/store/settle-in-time.js'
import { type Change, insertRow, upsertRow, type Write } from '../../../server/store/writes.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'
import { type FakeClock, fakeClock } from '../../support/fake-clock.js'
import { type Fault, makeFaultyEngine } from '../../support/faulty-engine.js'

const noSpace: Fault = {
  kind: 'io-error',
  message:
    'Query not executed: There was a problem with a transaction: IO error: No space left on device: While appending to file: /db/000014.log: No space left on device',
}
const ioError: Fault = {
  kind: 'io-error',
  message:
    'Query not executed: There was a problem with a transaction: IO error: While fsync: /db/1.log: Input/output error',
}

const write = (db: TestDatabase, ...writes: Write[]) =>
  db.commit((grant) => {
    const position = grant.position()
    const change: Change = { position, kind: 'profile', userId: '@a:x' as UserId }
    return { writes, changes: [change], result: position }
  })

async function openFaulty(options: Partial<OpenDatabaseOptions> = {}) {
  const engine = makeFaultyEngine()
  const clock = fakeClock()
  const lines: string[] = []
  const logger = createLogger('warn', { write: (line: string) => lines.push(line) })
  const db = await openTestDatabase({ openEngine: engine.open, clock, logger, ...options })
  const told: number[] = []
  db.onCommitted('notify', (changes) => told.push(...changes.map(({ position }) => position)))
  const left: string[] = []
  db.health.onFailed((reason) => left.push(reason))
  return { db, engine, clock, lines, told, left, [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]() }
}

/** Seconds one after the other, as a process that runs sees them. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1_000)
    await nextTurn()
  }
}

describe('a transaction whose outcome is not known', () => {
  test.each<[string, Fault]>([
    ['an I/O error', ioError],
    ['words nobody knows', { kind: 'io-error', message: 'The moon is full' }],
    ['a lost connection', { kind: 'lost', error: new EngineClosedError('the connection was lost', true) }],
    ['an error of the call itself', { kind: 'lost', error: new Error('panicked') }],
  ])('after %s nothing is told, given out, written or read any more', async (_, fault) => {
    await using faulty = await openFaulty()
    const { db, engine, told, left, lines } = faulty
    expect(await write(db, insertRow('event', { id: '$first' }))).toBe(1)

    engine.next(fault)
    const refused = write(db, insertRow('event', { id: '$secret', body: 'not for the log' }))
    const behind = write(db, insertRow('event', { id: '$behind' }))

    await expect(refused).rejects.toBeInstanceOf(StoreUnavailableError)
    await expect(behind).rejects.toBeInstanceOf(StoreUnavailableError)
    await expect(write(db, insertRow('event', { id: '$later' }))).rejects.toMatchObject({
      status: 503,
      errcode: 'M_UNKNOWN',
      message: expect.stringMatching(/^The database could not be written to/),
    })
    await expect(db.query('SELECT * FROM event')).rejects.toBeInstanceOf(StoreUnavailableError)
    await expect(db.live.writeLive([upsertRow('receipts', { id: '1' })])).rejects.toBeInstanceOf(StoreUnavailableError)
    expect(told).toEqual([1])
    expect(db.position).toBe(1)
    expect(db.health.condition.status).toBe('failed')
    expect(left).toHaveLength(1)
    expect(db.commitMetrics()).toMatchObject({ hasFailed: true, failedUnits: 3 })
    expect(lines.join()).toContain('"event":2')
    expect(lines.join()).not.toContain('not for the log')
  })

  test('an error of a live row counts as well', async () => {
    await using faulty = await openFaulty()
    const { db, engine } = faulty

    engine.next(ioError)
    await expect(db.live.writeLive([upsertRow('receipts', { id: '1' })])).rejects.toBeInstanceOf(StoreUnavailableError)

    await expect(write(db, insertRow('event', { id: '$a' }))).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  test('an error of the disk under a statement outside the queue counts as well', async () => {
    await using faulty = await openFaulty()
    const { db, engine } = faulty

    engine.next(ioError)
    await expect(db.root.query('BEGIN; CREATE event:1; COMMIT')).rejects.toThrow('IO error')

    await expect.poll(() => db.health.hasFailed).toBe(true)
  })

  test('where space ran out, the process is given up only when there is room again', async () => {
    let free = enoughFreeBytes
    await using faulty = await openFaulty({ readFreeBytes: () => free })
    const { db, engine, clock, left } = faulty

    engine.next({
      ...noSpace,
      before: () => {
        free = 0
      },
    })
    await expect(write(db, insertRow('event', { id: '$a' }))).rejects.toThrow('disk that holds the database is full')
    clock.advance(60_000)
    expect(left).toEqual([])
    free = enoughFreeBytes
    clock.advance(1_000)

    expect(left).toEqual([expect.stringContaining('disk')])
    await expect(write(db, insertRow('event', { id: '$b' }))).rejects.toBeInstanceOf(StoreUnavailableError)
    clock.advance(60_000)
    expect(left).toHaveLength(1)
  })

  test('a statement’s own error and a conflict are not such', async () => {
    await using faulty = await openFaulty()
    const { db, engine } = faulty

    engine.next({ kind: 'io-error', message: 'Transaction conflict: Resource busy: . This transaction can be retried' })
    await expect(write(db, { op: 'statement', sql: 'THROW "no"', bindings: {} })).rejects.toThrow('no')
    await expect(write(db, upsertRow('user', { id: '@b:x', displayname: 'B' }))).rejects.toThrow('Expected')

    expect(await write(db, insertRow('event', { id: '$a' }))).toBe(1)
    expect(db.health.condition).toEqual({ status: 'ok' })
  })
})

describe('the watchdog', () => {
  test('a commit that does not settle in 30 s fails the store, and the log says what it was', async () => {
    await using faulty = await openFaulty()
    const { db, engine, clock, left, lines } = faulty

    engine.next({ kind: 'hang' })
    const stuck = write(db, insertRow('event', { id: '$a', body: 'not for the log' }))
    const settled = stuck.then(
      () => 'written',
      (error: Error) => error.message,
    )
    await expect.poll(() => db.commitMetrics().bytesUnderWay).toBeGreaterThan(0)
    await pass(clock, settleWithinSeconds - 1)
    expect(db.health.hasFailed).toBe(false)
    expect(db.commitMetrics().oldestMs).toBe((settleWithinSeconds - 1) * 1_000)
    await pass(clock, 1)

    expect(await settled).toMatch(/stopped taking writes/)
    expect(left).toHaveLength(1)
    const line = JSON.parse(lines.find((each) => each.includes('did not settle'))!)
    expect(line).toMatchObject({ units: 1, rows: 2, tables: { event: 1, feed: 1 } })
    expect(line.bytes).toBeGreaterThan(0)
    expect(JSON.stringify(line)).not.toContain('not for the log')
  })

  test('a night that the machine slept through is no stall', async () => {
    await using faulty = await openFaulty()
    const { db, engine, clock } = faulty

    engine.next({ kind: 'hang' })
    write(db, insertRow('event', { id: '$a' })).catch(() => undefined)
    await expect.poll(() => db.commitMetrics().bytesUnderWay).toBeGreaterThan(0)
    clock.advance(8 * 3_600_000)
    await nextTurn()

    expect(db.health.hasFailed).toBe(false)
    await pass(clock, settleWithinSeconds)
    expect(db.health.hasFailed).toBe(true)
  })

  test('a live write that does not settle fails it too', async () => {
    await using faulty = await openFaulty()
    const { db, engine, clock } = faulty

    engine.next({ kind: 'hang' })
    const stuck = db.live.writeLive([upsertRow('receipts', { id: '1' })]).catch((error: Error) => error.message)
    await expect.poll(() => clock.timers).toBeGreaterThan(0)
    await pass(clock, settleWithinSeconds)

    expect(await stuck).toMatch(/stopped taking writes/)
  })
})

describe('a full disk', () => {
  test('refuses writes before the engine sees them, goes on reading, and takes writes again by itself', async () => {
    let free = enoughFreeBytes
    await using faulty = await openFaulty({ readFreeBytes: () => free })
    const { db, engine, told, left } = faulty
    await write(db, insertRow('event', { id: '$first' }))
    const before = engine.transactions.length

    free = leastFreeBytes - 1
    await expect(write(db, insertRow('event', { id: '$refused' }))).rejects.toMatchObject({ status: 503 })
    expect(engine.transactions.length).toBe(before)
    expect(db.health.condition).toEqual({ status: 'full', reason: expect.stringContaining('disk') })
    expect(await db.query('SELECT VALUE record::id(id) FROM event')).toEqual([['$first']])
    free = enoughFreeBytes - 1 // not yet enough: it would be full again at once
    await expect(write(db, insertRow('event', { id: '$refused' }))).rejects.toMatchObject({ status: 503 })
    free = enoughFreeBytes

    expect(await write(db, insertRow('event', { id: '$second' }))).toBe(2)
    expect(told).toEqual([1, 2])
    expect(left).toEqual([])
  })

  test('live rows wait for room instead of being lost', async () => {
    let free = enoughFreeBytes
    await using faulty = await openFaulty({ readFreeBytes: () => free })
    const { db, clock } = faulty
    free = 0
    let isWritten = false

    const writing = db.live.writeLive([upsertRow('receipts', { id: '1' })]).then(() => {
      isWritten = true
    })
    clock.advance(5_000)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isWritten).toBe(false)
    free = enoughFreeBytes
    await expect
      .poll(() => {
        clock.advance(1_000)
        return isWritten
      })
      .toBe(true)

    await writing
  })
})

describe('the size of a transaction', () => {
  const mb = (count: number) => 'é'.repeat(count * 500_000)

  test('a unit over the cap is refused alone, named, before the engine sees it; no position is lost', async () => {
    await using faulty = await openFaulty()
    const { db, engine } = faulty
    const before = engine.transactions.length

    const results = await Promise.allSettled([
      write(db, insertRow('event', { id: '$a' })),
      write(db, ...[1, 2, 3].map((n) => insertRow('event', { id: `$${n}`, pdu: { nested: [mb(3)] } }))),
      write(db, ...Array.from({ length: 10_001 }, (_, n) => insertRow('event', { id: `$n${n}` }))),
      write(db, insertRow('event', { id: '$bytes', body: new Uint8Array(9_000_000) })),
      write(db, insertRow('event', { id: '$b' })),
    ])

    expect(results.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.name))).toEqual([
      1,
      'TransactionTooLargeError',
      'TransactionTooLargeError',
      'TransactionTooLargeError',
      2,
    ])
    expect(Math.max(...engine.transactions.slice(before))).toBeLessThan(2_000)
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(TransactionTooLargeError)
  })

  test('units that wait together are split by their bytes', async () => {
    await using faulty = await openFaulty()
    const { db, engine } = faulty
    const before = engine.transactions.length

    await Promise.all(Array.from({ length: 12 }, (_, n) => write(db, insertRow('event', { id: `$${n}`, pdu: mb(3) }))))

    const sizes = engine.transactions.slice(before)
    expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThan(36_000_000)
    expect(Math.max(...sizes)).toBeLessThan(8_000_000)
  })

  test('after transactions at the cap the engine goes on writing', async () => {
    await using db = await openTestDatabase()
    for (let n = 0; n < 8; n++)
      await write(db, ...[1, 2, 3, 4, 5].map((k) => insertRow('event', { id: `$${n} ${k}`, pdu: mb(1.5) })))

    for (let n = 0; n < 20; n++) await write(db, insertRow('event', { id: `$small ${n}` }))

    expect(db.position).toBe(28)
    expect(db.commitMetrics().largestBytes).toBeGreaterThan(7_000_000)
  })

  test('live writes that are too large go in several transactions, the last write last', async () => {
    await using faulty = await openFaulty()
    const { db, engine } = faulty
    const before = engine.transactions.length
    const rows = Array.from({ length: 12 }, (_, n) => upsertRow('receipts', { id: `${n}`, event: mb(1) }))

    await db.live.writeLive([...rows, upsertRow('projection', { id: 'live', position: 1, version: 1 })])

    const sizes = engine.transactions.slice(before)
    expect(sizes.length).toBeGreaterThan(1)
    expect(Math.max(...sizes)).toBeLessThan(8_000_000)
    expect(await db.query('SELECT count() FROM receipts GROUP ALL')).toEqual([[{ count: 12 }]])
  })
})
