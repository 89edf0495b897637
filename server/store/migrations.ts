/**
 * Schema migrations: the numbered files of `schema/migrations/`, each applied once.
 *
 * A migration runs in one transaction with the row that records it, so a crash leaves it applied or not.
 * Definitions say IF NOT EXISTS or OVERWRITE all the same, since an index over much data has to be built
 * outside a transaction one day. A database that has seen a newer program is refused: older code would
 * write rows the newer does not expect.
 */
import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Logger } from '../kernel/logger.js'
import { DatabaseError } from './errors.js'
import type { Rpc } from './rpc.js'

const maxCopyAttempts = 5

export type Migration = { number: number; name: string; sql: string }

const files = import.meta.glob<string>('../../schema/migrations/*.surql', {
  query: '?raw',
  import: 'default',
  eager: true,
})

/** All migrations of this program, in order. */
export const migrations: readonly Migration[] = Object.entries(files)
  .map(([path, sql]) => toMigration(path, sql))
  .sort((a, b) => a.number - b.number)

/** Someone must act: the message is one sentence for them. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
}

/**
 * Brings the database up to this program's schema.
 *
 * @param snapshot copies the database before it is changed; not called for a new one
 * @returns numbers of the migrations that were applied
 * @throws SchemaError when the database is newer than `known`
 */
export async function migrate(
  rpc: Rpc,
  known: readonly Migration[],
  snapshot: (fromVersion: number) => Promise<void>,
  logger: Logger,
): Promise<number[]> {
  await rpc.query('DEFINE TABLE IF NOT EXISTS schema_migration SCHEMALESS PERMISSIONS NONE')
  const [applied] = await rpc.query<[number[]]>('SELECT VALUE record::id(id) FROM schema_migration')
  const newest = known.at(-1)?.number ?? 0
  const version = Math.max(0, ...applied)
  if (version > newest)
    throw new SchemaError(
      `This database was written by a newer version of Hearth (schema ${version}, this program knows ${newest}).`,
    )
  const pending = known.filter(({ number }) => !applied.includes(number))
  if (pending.length > 0 && applied.length > 0) await snapshot(version)
  for (const migration of pending) await apply(rpc, migration, logger)
  return pending.map(({ number }) => number)
}

async function apply(rpc: Rpc, { number, name, sql }: Migration, logger: Logger): Promise<void> {
  try {
    await rpc.query(
      `BEGIN;\n${sql}\n;CREATE type::record('schema_migration', $number) CONTENT $row RETURN NONE; COMMIT`,
      {
        number,
        row: { name, applied_at: Date.now() },
      },
    )
  } catch (error) {
    if (error instanceof DatabaseError) throw new SchemaError(`Migration ${name} failed: ${error.message}`)
    throw error
  }
  logger.info({ migration: name }, 'schema migrated')
}

/**
 * Copies the database folder to `<backupsDir>/schema-<version>-<time>`. The engine has it open, and copies taken
 * under load opened without loss; but its housekeeping may take a file away while it is copied, and then the
 * copy is begun again. It gets its name when it is whole.
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
  for (let attempt = 1; ; attempt++) {
    await rm(unfinished, { recursive: true, force: true })
    try {
      await cp(databaseDir, unfinished, { recursive: true, filter: (path) => basename(path) !== 'LOCK' })
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === maxCopyAttempts) throw error
    }
  }
  await rename(unfinished, target)
  return target
}

function toMigration(path: string, sql: string): Migration {
  const name = path.slice(path.lastIndexOf('/') + 1, -'.surql'.length)
  return { number: Number.parseInt(name, 10), name, sql }
}
