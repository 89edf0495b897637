/**
 * Schema migrations: the numbered files of `schema/migrations/`, each applied once.
 *
 * The definitions of a migration run in one transaction with the row that records it. Where rows have to change as
 * well, that goes in pieces (`migration-pieces.ts`): each is a small transaction that moves the mark
 * `schema_migration_mark:⟨number⟩` on, so that a start that is cut off goes on there; the migration is recorded
 * when nothing is left. Definitions say IF NOT EXISTS or OVERWRITE, since they run again then.
 *
 * A database carries the number of its form, `server_meta:form`. One of another form is refused, since nothing leads
 * from there to here; so is one that has seen a newer program. The copy is taken by `database.ts`, of the closed folder.
 */
import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Logger } from '../kernel/logger.js'
import { DataFaultError } from '../kernel/start-faults.js'
import { DatabaseError } from './errors.js'
import { type MigratePiece, migratePieces } from './migration-pieces.js'
import { type Rpc, recordId } from './rpc.js'
import { runPlan } from './write-plan.js'

/** Raised when a database of before can no longer be led to the schema of now. */
export const databaseForm = 3

export type Migration = {
  number: number
  name: string
  sql: string
  /** Changes rows that are there, after the definitions. */
  piece?: MigratePiece
}

const files = import.meta.glob<string>('../../schema/migrations/*.surql', {
  query: '?raw',
  import: 'default',
  eager: true,
})

/** All migrations of this program, in order. */
export const migrations: readonly Migration[] = Object.entries(files)
  .map(([path, sql]) => toMigration(path, sql))
  .sort((a, b) => a.number - b.number)

/** A migration did not go through: the message is one sentence for whoever must act. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
}

/**
 * Brings the database up to this program's schema.
 *
 * @param beforeChange called with the schema's number when a database that has data is about to be changed
 * @returns numbers of the migrations that were applied
 * @throws DataFaultError when the database is of another form, or newer than `known`; SchemaError
 */
export async function migrate(
  rpc: Rpc,
  known: readonly Migration[],
  beforeChange: (fromVersion: number) => Promise<void>,
  logger: Logger,
): Promise<number[]> {
  const [{ tables }] = await rpc.query<[{ tables: Record<string, string> }]>('INFO FOR DB')
  if (Object.keys(tables).length > 0) await checkForm(rpc)
  await rpc.query(
    `BEGIN;
     DEFINE TABLE IF NOT EXISTS server_meta SCHEMALESS PERMISSIONS NONE;
     DEFINE TABLE IF NOT EXISTS schema_migration SCHEMALESS PERMISSIONS NONE;
     DEFINE TABLE IF NOT EXISTS schema_migration_mark SCHEMALESS PERMISSIONS NONE;
     UPSERT server_meta:form SET number = $form RETURN NONE;
     COMMIT`,
    { form: databaseForm },
  )
  const [applied] = await rpc.query<[number[]]>('SELECT VALUE record::id(id) FROM schema_migration')
  const newest = known.at(-1)?.number ?? 0
  const version = Math.max(0, ...applied)
  if (version > newest)
    throw new DataFaultError(
      'newer-form',
      `This database was written by a newer version of Hearth (schema ${version}, this program knows ${newest}); start that version, or put a copy from backups/ in the place of db/.`,
    )
  const pending = known.filter(({ number }) => !applied.includes(number))
  if (pending.length > 0 && applied.length > 0) await beforeChange(version)
  for (const migration of pending) await apply(rpc, migration, logger)
  return pending.map(({ number }) => number)
}

/** @throws DataFaultError */
async function checkForm(rpc: Rpc): Promise<void> {
  const [found] = await rpc.query<[number | undefined]>('RETURN $form.number', {
    form: recordId('server_meta', 'form'),
  })
  if (found === databaseForm) return
  if (typeof found === 'number' && found > databaseForm)
    throw new DataFaultError(
      'newer-form',
      `This database is of form ${found}, which only a newer version of Hearth knows; start that version.`,
    )
  throw new DataFaultError(
    'old-form',
    `This database is of ${found === undefined ? 'the first form' : `form ${found}`}, and this version of Hearth needs form ${databaseForm}: start the version that made it, or move the data directory away (db/ and keys/ together) to begin anew.`,
  )
}

async function apply(rpc: Rpc, { number, name, sql, piece }: Migration, logger: Logger): Promise<void> {
  const record = `CREATE type::record('schema_migration', $number) CONTENT $row RETURN NONE`
  const bindings = { number, row: { name, applied_at: Date.now() } }
  try {
    if (piece) {
      await rpc.query(`BEGIN;\n${sql}\n; COMMIT`)
      await migratePieces(rpc, number, piece, (writes) => runPlan(rpc, writes))
      await rpc.query(
        `BEGIN; ${record}; DELETE type::record('schema_migration_mark', $number) RETURN NONE; COMMIT`,
        bindings,
      )
    } else await rpc.query(`BEGIN;\n${sql}\n;${record}; COMMIT`, bindings)
  } catch (error) {
    if (error instanceof DatabaseError) throw new SchemaError(`Migration ${name} failed: ${error.message}`)
    throw error
  }
  logger.info({ migration: name }, 'schema migrated')
}

/**
 * Copies a database folder that nobody has open to `<backupsDir>/schema-<version>-<time>`. The copy gets its name
 * when it is whole.
 *
 * @returns path of the copy
 */
export async function snapshotDatabase(
  databaseDir: string,
  backupsDir: string,
  version: number,
  now: number,
): Promise<string> {
  const stamp = new Date(now).toISOString().replaceAll(/[:.]/g, '-')
  const target = join(backupsDir, `schema-${version}-${stamp}`)
  const unfinished = `${target}.part`
  await mkdir(backupsDir, { recursive: true, mode: 0o700 })
  await rm(unfinished, { recursive: true, force: true })
  await cp(databaseDir, unfinished, { recursive: true, filter: (path) => basename(path) !== 'LOCK' })
  await rename(unfinished, target)
  return target
}

function toMigration(path: string, sql: string): Migration {
  const name = path.slice(path.lastIndexOf('/') + 1, -'.surql'.length)
  return { number: Number.parseInt(name, 10), name, sql }
}
