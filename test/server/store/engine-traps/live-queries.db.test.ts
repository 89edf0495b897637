/** What live queries of the engine lose or turn around. */
import { setTimeout as pause } from 'node:timers/promises'
import { Surreal, Table, Uuid } from 'surrealdb'
import { describe, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../../support/database.js'
import { notificationsOf } from '../../../support/engine-sessions.js'

/** Writers on `receipts` until `stop`, each awaiting its own writes. */
function startWriters(db: TestDatabase, lanes: number) {
  let isOver = false
  let n = 0
  const writers = Array.from({ length: lanes }, async () => {
    while (!isOver) {
      n += 1
      await db.root.queryReplies('CREATE receipts SET n = $n RETURN NONE', { n })
    }
  })
  return async () => {
    isOver = true
    await Promise.all(writers)
  }
}

describe('live queries of the engine', () => {
  test('messages do not come in the order of the commits', async () => {
    await using db = await openTestDatabase()
    await db.query('LIVE SELECT * FROM receipts')
    const heard = notificationsOf(db)
    let n = 0
    const lanes = Array.from({ length: 20 }, async () => {
      for (let i = 0; i < 50; i++) {
        n += 1
        await db.root.query('CREATE receipts SET n = $n RETURN NONE', { n })
      }
    })
    await Promise.all(lanes)

    await expect.poll(() => heard.length).toBe(1000)

    const order = heard.map(({ result }) => result.n as number)
    expect(order.filter((value, index) => index > 0 && value < order[index - 1]!).length).toBeGreaterThan(0)
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1))
  })

  test('one that is registered while its table is written may never fire', async () => {
    await using db = await openTestDatabase()
    /** Registers ten while writers are busy; how many of them miss a write that comes when all is quiet. */
    const countDead = async () => {
      const stop = startWriters(db, 4)
      const ids: string[] = []
      for (let n = 0; n < 10; n++) {
        const replies = await db.root.queryReplies('BEGIN; LIVE SELECT * FROM receipts; COMMIT')
        ids.push(
          ...replies
            .map(({ result }) => result)
            .filter((result) => result instanceof Uuid)
            .map(String),
        )
      }
      await stop()
      const heard = notificationsOf(db)
      await db.query('CREATE receipts SET n = -1')
      await pause(50)
      const alive = new Set(heard.map(({ id }) => String(id)))
      await db.query(ids.map((id) => `KILL u"${id}"`).join(';'))
      return ids.filter((id) => !alive.has(id)).length
    }

    let dead = 0
    for (let attempt = 0; attempt < 40 && dead === 0; attempt++) dead = await countDead()

    expect(dead, 'no live query was dead from birth in 40 attempts').toBeGreaterThan(0)
  })

  test('the SDK drops messages that come while a `for await` is busy; a handler gets all', async () => {
    const { createNodeEngines } = await import('@surrealdb/node')
    const db = new Surreal({ engines: createNodeEngines() })
    await db.connect('mem://')
    await db.query('DEFINE NAMESPACE n; USE NS n; DEFINE DATABASE d')
    await db.use({ namespace: 'n', database: 'd' })
    await db.query('DEFINE TABLE t')
    const [iterated, handled] = [await db.live(new Table('t')), await db.live(new Table('t'))]
    let looped = 0
    let calls = 0
    handled.subscribe(() => {
      calls += 1
    })
    void (async () => {
      for await (const _ of iterated) {
        await pause(1)
        looped += 1
      }
    })()

    for (let n = 0; n < 100; n++) await db.query('CREATE t SET n = $n', { n })
    await expect.poll(() => calls).toBe(100)
    await pause(300)

    expect(looped).toBeLessThan(100)
    await iterated.kill()
    await handled.kill()
    await db.close()
  })
})
