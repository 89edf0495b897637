/** Migrations: each applied once and whole, a newer database refused, a copy taken before data is changed. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type OpenDatabase, openDatabase } from '../../../server/store/database.js'
import { type Migration, migrate, migrations, snapshotDatabase } from '../../../server/store/migrations.js'
import { insertRow } from '../../../server/store/writes.js'
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

  test('a database with data is copied before it is changed; a new one is not', async () => {
    await using db = await openTestDatabase()
    const copied: number[] = []
    const next: Migration = { number: migrations.length + 1, name: 'next', sql: 'DEFINE TABLE added SCHEMALESS' }
    const snapshot = async (version: number) => void copied.push(version)

    const applied = await migrate(db.root, [...migrations, next], snapshot, silentLogger)

    expect(applied).toEqual([next.number])
    expect(copied).toEqual([migrations.length])
    expect(await readdir(db.dir)).not.toContain('backups')
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

  test('the copy that is taken of an open database opens with all its rows', async () => {
    await using db = await openTestDatabase()
    const rows = Array.from({ length: 500 }, (_, n) => insertRow('event', { id: `$${n}`, pdu: 'x'.repeat(500) }))
    await db.commit(() => ({ writes: rows, changes: [], result: undefined }))

    const copy = await snapshotDatabase(join(db.dir, 'db'), join(db.dir, 'backups'), 6, Date.UTC(2026, 0, 2))

    expect(copy).toBe(join(db.dir, 'backups', 'schema-6-2026-01-02T00-00-00-000Z'))
    const opened = await openDatabase({ url: `rocksdb://${copy}`, logger: silentLogger })
    expect(await opened.query('SELECT count() FROM event GROUP ALL')).toEqual([[{ count: 500 }]])
    await opened.close()
  })

  test('an older database is copied, migrated and keeps its rows', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hearth-test-'))
    const child = startChild(new URL('./children/write-old-database.ts', import.meta.url), { dir, upTo: 3 })
    expect(await child.ended).toBe(0)

    const db = await openDatabase({ url: `rocksdb://${dir}/db`, logger: silentLogger })

    expect(await appliedIn(db)).toEqual(migrations.map(({ number }) => number))
    expect(await db.query('SELECT VALUE user_id FROM user')).toEqual([['@a:x']])
    expect((await readdir(join(dir, 'backups')))[0]).toMatch(/^schema-3-/)
    await db.close()
    await rm(dir, { recursive: true, force: true })
  })

  test('schema/current.surql is what the migrations make', async () => {
    const script = fileURLToPath(new URL('../../../schema/generate-current.mjs', import.meta.url))
    await expect(promisify(execFile)(process.execPath, [script, '--check'])).resolves.toMatchObject({ stderr: '' })
  })
})
