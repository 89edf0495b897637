/** Writes to live tables: what live queries hear of them, and the lock under which those are registered. */
import { describe, expect, test } from 'vitest'
import { codec } from '../../../server/store/rpc.js'
import { TableLock } from '../../../server/store/table-lock.js'
import { insertRow, upsertRow } from '../../../server/store/writes.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'

type Heard = { action: string; result: { n?: number } }

/** A live query of the server's own session and what it has heard. */
async function listen(db: TestDatabase, sql: string) {
  const heard: Heard[] = []
  const [id] = await db.live.withWritersPaused(undefined, () => db.root.query<[unknown]>(sql))
  db.engine.onNotification((frame) => {
    const notification = codec.decode<Heard & { id: unknown }>(frame)
    if (String(notification.id) === String(id)) heard.push(notification)
  })
  return heard
}

describe('writes to live tables', () => {
  test('live queries hear of an ordinary write and nothing of a silent one; both are stored', async () => {
    await using db = await openTestDatabase()
    const heard = await listen(db, 'LIVE SELECT * FROM receipts')

    await db.live.writeLive([insertRow('receipts', { id: ['!r', 1], n: 1 })], { silent: true })
    await db.live.writeLive([insertRow('receipts', { id: ['!r', 2], n: 2 })])
    await db.live.writeLive([upsertRow('receipts', { id: ['!r', 1], n: 3 })], { silent: true })
    await db.live.writeLive([upsertRow('receipts', { id: ['!r', 2], n: 4 })])

    await expect
      .poll(() => heard.map(({ action, result }) => [action, result.n]))
      .toEqual([
        ['CREATE', 2],
        ['UPDATE', 4],
      ])
    expect(await db.query('SELECT VALUE n FROM receipts')).toEqual([[3, 4]])
  })

  test.each([false, true])('a write that fails (silent: %s) leaves nothing of itself and says why', async (silent) => {
    await using db = await openTestDatabase()
    await db.live.writeLive([insertRow('receipts', { id: 1 })])

    const failing = db.live.writeLive([insertRow('receipts', { id: 2 }), insertRow('receipts', { id: 1 })], { silent })

    await expect(failing).rejects.toThrow('already exists')
    expect(await db.query('SELECT count() FROM receipts GROUP ALL')).toEqual([[{ count: 1 }]])
  })

  test('every live query that is registered between writers hears of each write that follows', async () => {
    await using db = await openTestDatabase()
    let isOver = false
    let n = 0
    const writers = Array.from({ length: 3 }, async () => {
      while (!isOver) {
        n += 1
        await db.live.writeLive([insertRow('receipts', { id: n, n })])
      }
    })
    const heard: Heard[][] = []
    for (let i = 0; i < 8; i++) heard.push(await listen(db, 'LIVE SELECT * FROM receipts'))
    isOver = true
    await Promise.all(writers)

    await db.live.writeLive([insertRow('receipts', { id: 'last', n: -1 })])

    for (const each of heard) await expect.poll(() => each.at(-1)?.result.n).toBe(-1)
  })
})

describe('table lock', () => {
  const shared = (...tables: string[]) => ({ tables: new Set(tables), exclusive: false })
  const exclusive = (...tables: string[]) => ({ tables: new Set(tables), exclusive: true })

  /** Starts work that ends when told, and notes when it starts. */
  function makeWork(lock: TableLock) {
    const started: string[] = []
    const ends = new Map<string, () => void>()
    const start = (name: string, request: Parameters<TableLock['run']>[0]) =>
      lock.run(request, () => {
        started.push(name)
        return new Promise<void>((resolve) => ends.set(name, resolve))
      })
    const end = async (name: string) => {
      ends.get(name)?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return { started, start, end }
  }

  test('writers share a table; a registration waits for them, and later writers wait for it', async () => {
    const { started, start, end } = makeWork(new TableLock())
    void start('writer 1', shared('a'))
    void start('writer 2', shared('a', 'b'))
    void start('live', exclusive('a'))
    void start('writer 3', shared('a'))
    void start('elsewhere', shared('b'))
    await end('')
    expect(started).toEqual(['writer 1', 'writer 2', 'elsewhere'])

    await end('writer 1')
    expect(started).not.toContain('live')
    await end('writer 2')
    expect(started.slice(3)).toEqual(['live'])
    await end('live')
    expect(started.slice(4)).toEqual(['writer 3'])
  })

  test('a request without tables means all of them', async () => {
    const { started, start, end } = makeWork(new TableLock())
    void start('all', { tables: undefined, exclusive: true })
    void start('a', shared('a'))
    await end('')
    expect(started).toEqual(['all'])

    await end('all')
    expect(started).toEqual(['all', 'a'])
  })

  test('work that fails gives the lock back', async () => {
    const lock = new TableLock()
    const failing = lock.run(exclusive('a'), () => Promise.reject(new Error('no')))
    const next = lock.run(exclusive('a'), async () => 'done')

    await expect(failing).rejects.toThrow('no')
    expect(await next).toBe('done')
  })
})
