/** What a crashed run leaves in the live tables, and that the next start clears it without losing a row. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../server/kernel/clock.js'
import { type OpenDatabase, openDatabase } from '../../../server/store/database.js'
import { LiveWriter } from '../../../server/store/live.js'
import { findTablesToRepair, killAllLives, repairLiveTables } from '../../../server/store/live-repair.js'
import { insertRow } from '../../../server/store/writes.js'
import { startChild } from '../../support/child.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hearth-test-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const livesOf = async (db: OpenDatabase, table: string) =>
  Object.keys((await db.query<[{ lives: object }]>(`INFO FOR TABLE ${table}`))[0].lives)

describe('live tables after a crash', () => {
  test('leftover live queries are gone, rows and permissions are as before, volatile rows are wiped', async () => {
    const child = startChild(new URL('./children/crash-with-live-queries.ts', import.meta.url), { dir, rows: 2500 })
    await child.hears((message) => message === 'ready')
    await child.kill()

    const db = await openDatabase({ url: `rocksdb://${dir}/db`, logger: silentLogger })
    await db.live.ready

    expect(await livesOf(db, 'room_events')).toEqual([])
    expect(await livesOf(db, 'typing_events')).toEqual([])
    const [count, some, typing, packed] = await db.query<[{ count: number }[], unknown[], unknown[], unknown[]]>(
      `SELECT count() FROM room_events GROUP ALL; SELECT seq, event FROM room_events:['!r:x', 1234];
       SELECT * FROM typing_events; SELECT id FROM live_repair_rows`,
    )
    expect(count[0]?.count).toBe(2500)
    expect(some).toEqual([{ seq: 1234, event: { type: 'm.room.message', n: 1234 } }])
    expect(typing).toEqual([])
    expect(packed).toEqual([])
    await using fresh = await openTestDatabase()
    expect(await definitionOf(db, 'room_events')).toBe(await definitionOf(fresh, 'room_events'))
    await db.close()
  })

  test('a repair that is cut off after the table was replaced goes on at the next start', async () => {
    await using db = await openTestDatabase()
    await db.live.ready
    await db.query(
      `CREATE live_repair:room_events SET step = 'replaced';
       CREATE live_repair_rows:['room_events', 1] SET rows = [{ id: room_events:['!r', 2], seq: 2 }];
       CREATE live_repair_rows:['room_events', 2] SET rows = [{ id: room_events:['!r', 3], seq: 3 }];
       CREATE room_events:['!r', 1] SET seq = 1`,
    )

    const tables = await findTablesToRepair(db.root)
    await repairLiveTables(db.root, tables, silentLogger, new AbortController().signal)

    expect(await db.query('SELECT VALUE seq FROM room_events; SELECT * FROM live_repair')).toEqual([[1, 2, 3], []])
  })

  test('a repair that is cut off while the table is emptied goes on at the next start and loses no row', async () => {
    await using db = await openTestDatabase()
    await db.live.ready
    const definition = await definitionOf(db, 'room_events')
    // Two rows were packed, and one of them is emptied out already.
    await db.query(
      `CREATE live_repair:room_events SET step = 'packed';
       CREATE live_repair_rows:['room_events', 0] SET rows = [{ id: room_events:['!r', 1], seq: 1 }];
       CREATE live_repair_rows:['room_events', 1] SET rows = [{ id: room_events:['!r', 2], seq: 2 }];
       CREATE room_events:['!r', 2] SET seq = 2`,
    )

    const tables = await findTablesToRepair(db.root)
    await repairLiveTables(db.root, tables, silentLogger, new AbortController().signal)

    expect(await db.query('SELECT VALUE seq FROM room_events; SELECT * FROM live_repair')).toEqual([[1, 2], []])
    expect(await definitionOf(db, 'room_events')).toBe(definition)
  })

  test('a run that ends in order leaves no live query', async () => {
    await using db = await openTestDatabase()
    await db.query('LIVE SELECT * FROM room_events; LIVE SELECT * FROM receipts')
    expect(await livesOf(db, 'room_events')).toHaveLength(1)

    await killAllLives(db.root)

    expect(await livesOf(db, 'room_events')).toEqual([])
    expect(await livesOf(db, 'receipts')).toEqual([])
  })

  test('writers and registrations wait until the tables are cleared', async () => {
    await using db = await openTestDatabase()
    await db.query('CREATE live_repair:receipts SET step = "replaced"')
    const { root, health } = db
    const live = new LiveWriter({
      ...{ rpc: root, health, clock: systemClock, logger: silentLogger },
      schemafull: new Set(),
      toRepair: ['receipts'],
    })
    const order: string[] = []
    void live.ready.then(() => order.push('ready'))

    await live.writeLive([insertRow('receipts', { id: ['!r', 'm.read', '', '@a:x'] })])
    order.push('written')

    expect(order).toEqual(['ready', 'written'])
    expect(await db.query('SELECT * FROM live_repair')).toEqual([[]])
  })
})

async function definitionOf(db: OpenDatabase, table: string): Promise<string | undefined> {
  const [{ tables }] = await db.query<[{ tables: Record<string, string> }]>('INFO FOR DB')
  return tables[table]
}
