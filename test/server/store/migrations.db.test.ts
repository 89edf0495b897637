/** Migrations: each applied once and whole, a newer database refused, a copy taken before data is changed. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { DataFaultError } from '../../../server/kernel/start-faults.js'
import { type OpenDatabase, openDatabase } from '../../../server/store/database.js'
import { openEngine } from '../../../server/store/engine.js'
import { TransactionTooLargeError } from '../../../server/store/errors.js'
import type { MigratePiece } from '../../../server/store/migration-pieces.js'
import { type Migration, migrate, migrations } from '../../../server/store/migrations.js'
import { makeRpc } from '../../../server/store/rpc.js'
import { insertRow, upsertRow } from '../../../server/store/writes.js'
import { startChild } from '../../support/child.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'

const appliedIn = async (db: OpenDatabase) =>
  (await db.query<[number[]]>('SELECT VALUE number FROM (SELECT record::id(id) AS number FROM schema_migration)'))[0]

describe('migrations', () => {
  test('the files are numbered from 1 without a gap, and a new database has all of them', async () => {
    await using db = await openTestDatabase()

    expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, index) => index + 1))
    expect(await appliedIn(db)).toEqual(migrations.map(({ number }) => number))
    const snapshot = () => Promise.reject(new Error('no copy of an up-to-date database'))
    expect(await migrate(db.root, migrations, snapshot, silentLogger)).toEqual([])
  })

  test('whoever keeps copies hears of it before a database with data is changed, not of a new one', async () => {
    await using db = await openTestDatabase()
    const heard: number[] = []
    const next: Migration = { number: migrations.length + 1, name: 'next', sql: 'DEFINE TABLE added SCHEMALESS' }

    const applied = await migrate(
      db.root,
      [...migrations, next],
      async (version) => void heard.push(version),
      silentLogger,
    )

    expect(applied).toEqual([next.number])
    expect(heard).toEqual([migrations.length])
    expect(await readdir(db.dir)).not.toContain('backups')
  })

  test('rows are changed in pieces, and a start that is cut off goes on at the mark', async () => {
    await using db = await openTestDatabase()
    const rows = Array.from({ length: 25 }, (_, n) => insertRow('event', { id: `$${String(n).padStart(2, '0')}`, n }))
    await db.commit(() => ({ writes: rows, changes: [], result: undefined }))
    const number = migrations.length + 1
    const pieces: unknown[] = []
    let failAt = 2
    const piece: MigratePiece = async (rpc, mark) => {
      const [ids] = await rpc.query<[{ id: { id: string } }[]]>(
        'SELECT id FROM event WHERE record::id(id) > $mark ORDER BY id LIMIT 10',
        { mark: mark ?? '' },
      )
      if (pieces.length === failAt) throw new Error('cut off')
      pieces.push(mark)
      const last = ids.at(-1)
      return last && { writes: ids.map(({ id }) => upsertRow('event', { id: id.id, seen: true })), mark: last.id.id }
    }
    const next: Migration = { number, name: 'next', sql: 'DEFINE TABLE IF NOT EXISTS added SCHEMALESS', piece }

    await expect(migrate(db.root, [...migrations, next], async () => {}, silentLogger)).rejects.toThrow('cut off')
    expect(await db.query('SELECT count() FROM event WHERE seen GROUP ALL')).toEqual([[{ count: 20 }]])
    expect(await appliedIn(db)).not.toContain(number)
    failAt = -1
    await migrate(db.root, [...migrations, next], async () => {}, silentLogger)

    expect(pieces).toEqual([undefined, '$09', '$19', '$24'])
    expect(await db.query('SELECT count() FROM event WHERE seen GROUP ALL')).toEqual([[{ count: 25 }]])
    expect(await appliedIn(db)).toContain(number)
    expect(await db.query('SELECT * FROM schema_migration_mark')).toEqual([[]])
  })

  test('a piece that is not small is refused before it is tried', async () => {
    await using db = await openTestDatabase()
    const piece: MigratePiece = async () => ({
      writes: Array.from({ length: 10_000 }, (_, n) => upsertRow('event', { id: `$${n}` })),
      mark: 1,
    })
    const next: Migration = { number: migrations.length + 1, name: 'next', sql: '', piece }

    await expect(migrate(db.root, [...migrations, next], async () => {}, silentLogger)).rejects.toBeInstanceOf(
      TransactionTooLargeError,
    )
    expect(await db.query('SELECT * FROM event')).toEqual([[]])
  })

  test('a migration that fails leaves nothing of itself', async () => {
    await using db = await openTestDatabase()
    const number = migrations.length + 1
    const broken: Migration = { number, name: 'broken', sql: 'DEFINE TABLE added SCHEMALESS; THROW "no"' }

    await expect(migrate(db.root, [...migrations, broken], async () => {}, silentLogger)).rejects.toThrow(
      'Migration broken failed',
    )

    expect(await appliedIn(db)).not.toContain(number)
    const [{ tables }] = await db.query<[{ tables: object }]>('INFO FOR DB')
    expect(tables).not.toHaveProperty('added')
  })

  test('a database of a newer program is refused with a sentence', async () => {
    await using db = await openTestDatabase()
    const newest = migrations.at(-1)!.number
    await db.query(`CREATE schema_migration:${newest + 1}`)

    await expect(migrate(db.root, migrations, async () => {}, silentLogger)).rejects.toThrow(
      `written by a newer version of Hearth (schema ${newest + 1}, this program knows ${newest})`,
    )
  })

  test.each([
    [
      'the first form',
      'DEFINE TABLE user SCHEMALESS; CREATE schema_migration:7',
      /first form, and this version of Hearth needs form 3/,
    ],
    ['another form', 'CREATE server_meta:form SET number = 1', /is of form 1, and this version of Hearth needs form 3/],
    [
      'a later form',
      'CREATE server_meta:form SET number = 4',
      /is of form 4, which only a newer version of Hearth knows/,
    ],
  ])('a database of %s is refused with a sentence, and nothing of it is changed', async (_, sql, sentence) => {
    const dir = await mkdtemp(join(tmpdir(), 'hearth-test-'))
    const engine = await openEngine(`rocksdb://${dir}/db`, silentLogger)
    const rpc = makeRpc(engine)
    await rpc.query('DEFINE NAMESPACE matrix; USE NS matrix; DEFINE DATABASE homeserver')
    await rpc.call('use', ['matrix', 'homeserver'])
    await rpc.query(`DEFINE TABLE server_meta; DEFINE TABLE schema_migration; ${sql}`)
    const before = await rpc.query('INFO FOR DB')

    const refused = migrate(rpc, migrations, async () => {}, silentLogger)

    await expect(refused).rejects.toBeInstanceOf(DataFaultError)
    await expect(refused).rejects.toThrow(sentence)
    expect(await rpc.query('INFO FOR DB')).toEqual(before)
    await engine.close()
    await rm(dir, { recursive: true, force: true })
  })

  test('an older database is copied while it is closed, then migrated, and keeps its rows', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hearth-test-'))
    const child = startChild(new URL('./children/write-old-database.ts', import.meta.url), { dir, upTo: 3 })
    expect(await child.ended).toBe(0)
    const files = await readdir(join(dir, 'db'))

    const db = await openDatabase({ url: `rocksdb://${dir}/db`, logger: silentLogger, schema: 3 })

    expect(await appliedIn(db)).toEqual(migrations.map(({ number }) => number))
    expect(await db.query('SELECT VALUE user_id FROM user')).toEqual([['@a:x']])
    const [copy] = await readdir(join(dir, 'backups'))
    expect(copy).toMatch(/^schema-3-/)
    // The very files that lay there, not those of an engine at work.
    expect((await readdir(join(dir, 'backups', copy!))).sort()).toEqual(files.filter((name) => name !== 'LOCK').sort())
    await db.close()
    await rm(dir, { recursive: true, force: true })
  })

  test('where nobody said which schema it has, it is not changed without a copy: the next start makes one', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hearth-test-'))
    const child = startChild(new URL('./children/write-old-database.ts', import.meta.url), { dir, upTo: 3 })
    expect(await child.ended).toBe(0)

    const refused = openDatabase({ url: `rocksdb://${dir}/db`, logger: silentLogger })

    await expect(refused).rejects.toMatchObject({ name: 'StartAgainError', databaseId: 'old', schema: 3 })
    await rm(dir, { recursive: true, force: true })
  })

  test('schema/current.surql is what the migrations make', async () => {
    const script = fileURLToPath(new URL('../../../schema/generate-current.mjs', import.meta.url))
    await expect(promisify(execFile)(process.execPath, [script, '--check'])).resolves.toMatchObject({ stderr: '' })
  })
})
