/**
 * The database as the rest of the server sees it: opened, migrated, with reads and the commit queue.
 *
 * Namespace `matrix`, database `homeserver`. Queries here run in the connection's shared session, which is
 * owner; sessions of users and of other servers are in `sessions.ts` and
 * `federation-sessions.ts`.
 */
import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Clock, systemClock } from '../kernel/clock.js'
import type { Logger } from '../kernel/logger.js'
import { StartAgainError } from '../kernel/start-faults.js'
import { databaseName, namespace } from './accesses.js'
import type { CommitMetrics } from './commit-meter.js'
import { CommitQueue } from './commit-queue.js'
import { type Engine, EngineClosedError, openEngine } from './engine.js'
import { isOutOfSpace } from './errors.js'
import { readStreamPosition } from './feed-store.js'
import { leastFreeBytes, readFreeBytes } from './free-space.js'
import { LiveWriter } from './live.js'
import { findTablesToRepair, wipeVolatileTables } from './live-repair.js'
import { type Migration, migrate, migrations, snapshotDatabase } from './migrations.js'
import { claimNode } from './node-store.js'
import type { Database } from './reader.js'
import { makeRpc, type Rpc, recordId } from './rpc.js'
import { readIdentity } from './server-meta-store.js'
import { StoreHealth } from './store-health.js'
import type { PlannedQuery } from './write-plan.js'

export type OpenDatabaseOptions = {
  /** `rocksdb://<dir>/db`, or `ws://` / `wss://` of a cluster, with `user:password@` where it asks for it. */
  url: string
  logger: Logger
  /** Where the copy goes that is taken before a migration; default: `backups` beside the database folder. */
  backupsDir?: string
  /** Number of the newest migration that the database is known to have; it is copied where that is not the last. */
  schema?: number | undefined
  clock?: Clock
  /** Goes into the row of this process. */
  version?: string
  /** For tests of the migrations themselves. */
  migrations?: readonly Migration[]
  /** For tests of faults: another engine, and a disk of another size. */
  openEngine?: typeof openEngine
  readFreeBytes?: typeof readFreeBytes
}

export type OpenDatabase = Database & {
  readonly engine: Engine
  /** Calls under the server's own session, which is owner. Never pass it text from outside. */
  readonly root: Rpc
  /** Writes to the live tables, and the lock under which live queries are registered. */
  readonly live: LiveWriter
  /** This process among those that use the database. */
  readonly nodeId: string
  /** Number of the newest migration. */
  readonly schema: number
  /** Gives out no position up to that one any more. Before the first commit. */
  skipTo(position: number): void
  /** Whether it may be written to; tells the host when the process must be replaced. */
  readonly health: StoreHealth
  /** Units that wait for their batch: what HTTP may look at to shed load. */
  readonly waiting: number
  commitMetrics(): CommitMetrics
  /** Commits what waits, then closes the engine. The file lock is given back only when the process ends. */
  close(): Promise<void>
}

/**
 * @throws Error with the engine's words when it cannot be opened (e.g. locked by another process)
 * @throws DataFaultError when it is of another form or a newer program wrote it; SchemaError when a migration failed;
 *   StartAgainError when there is no room, or it has to be copied first
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<OpenDatabase> {
  checkRoom(options)
  await copyBeforeChange(options)
  const engine = await open(options)
  try {
    return await prepare(engine, options)
  } catch (error) {
    await engine.close()
    throw error
  }
}

async function open({ url, logger, openEngine: open = openEngine }: OpenDatabaseOptions): Promise<Engine> {
  try {
    return await open(url, logger)
  } catch (error) {
    if (isOutOfSpace(error)) throw new StartAgainError('The disk that holds the database is full; make room on it.')
    throw error
  }
}

/** With little room the engine opens, and fails at the first file it makes. */
function checkRoom({ url, readFreeBytes: read = readFreeBytes }: OpenDatabaseOptions): void {
  const folder = folderOf(url)
  const free = folder === undefined ? undefined : read(folder)
  if (free === undefined || free >= leastFreeBytes) return
  const [left, needed] = [free, leastFreeBytes].map((bytes) => Math.floor(bytes / 2 ** 20))
  throw new StartAgainError(
    `The disk that holds ${folder} has only ${left} MB left and Hearth needs ${needed} to start; make room on it.`,
  )
}

async function prepare(engine: Engine, options: OpenDatabaseOptions): Promise<OpenDatabase> {
  const { logger, clock = systemClock, migrations: known = migrations } = options
  const folder = folderOf(options.url)
  const health = new StoreHealth({
    clock,
    logger,
    readFreeBytes: () => (folder === undefined ? undefined : (options.readFreeBytes ?? readFreeBytes)(folder)),
  })
  const root = makeRpc(engine, {
    checkUsable() {
      const refusal = health.readRefusal()
      if (refusal) throw refusal
    },
    // A turn later: who wrote it may know more of what it was.
    onIoError: (error) => void setImmediate(() => health.fail(error, {})),
  })
  await root.query(`DEFINE NAMESPACE IF NOT EXISTS ${namespace}`)
  await root.call('use', [namespace, null])
  await root.query(`DEFINE DATABASE IF NOT EXISTS ${databaseName}`)
  await root.call('use', [namespace, databaseName])
  await migrate(root, known, (version) => checkCopied(options, root, version), logger)

  const isShared = folder === undefined
  const node = await claimNode({ rpc: root, health, clock, logger, isShared, version: options.version ?? '' })
  const schemafull = await readSchemafullTables(root)
  const queue = new CommitQueue({
    runTransaction: (query) => runTransaction(root, query),
    position: await readStreamPosition(root),
    ...{ health, clock, schemafull, logger },
  })
  await wipeVolatileTables(root)
  const toRepair = await findTablesToRepair(root)
  const live = new LiveWriter({ rpc: root, toRepair, health, clock, schemafull, logger })

  let closing: Promise<void> | undefined
  void engine.closed.then(() => {
    if (!closing) health.fail(new EngineClosedError('the connection to the database was lost', true), {})
  })
  async function close(): Promise<void> {
    await queue.close()
    await live.close()
    health.close()
    // What is under way in an engine that has failed may never end.
    if (health.hasFailed) return
    await node.close()
    const row = { id: recordId('server_meta', 'stream_position'), position: queue.position }
    await root
      .query('UPSERT $row.id SET position = $row.position RETURN NONE', { row })
      .catch((error: unknown) => logger.warn({ err: error }, 'the stream position was not noted at close'))
    await engine.close()
  }

  return {
    engine,
    root,
    live,
    health,
    nodeId: node.id,
    schema: known.at(-1)?.number ?? 0,
    skipTo: (position) => queue.skipTo(position),
    query: (sql, bindings) => root.query(sql, bindings),
    commit: (unit) => queue.commit(unit),
    seedRoom: (roomId, bounds) => queue.seedRoom(roomId, bounds),
    get position() {
      return queue.position
    },
    onCommitted: (phase, follower) => queue.onCommitted(phase, follower),
    get waiting() {
      return queue.waiting
    },
    commitMetrics: () => queue.metrics(),
    close() {
      closing ??= close()
      return closing
    },
  }
}

async function runTransaction(rpc: Rpc, { sql, bindings }: PlannedQuery): Promise<void> {
  await rpc.query(`BEGIN;${sql};COMMIT`, bindings)
}

/** Before the engine has it open, and only where the schema is known to change: a copy is as large as the database. */
async function copyBeforeChange(options: OpenDatabaseOptions): Promise<void> {
  const { url, schema, backupsDir, logger, migrations: known = migrations } = options
  const folder = folderOf(url)
  if (folder === undefined || schema === undefined || schema >= (known.at(-1)?.number ?? 0)) return
  if (!(await exists(folder))) return
  const copy = await snapshotDatabase(folder, backupsDir ?? join(dirname(folder), 'backups'), schema, Date.now())
  logger.info({ copy }, 'database copied before its schema is changed')
}

/** @throws CopyNeededError where a database with data would be changed of which no copy was taken */
async function checkCopied({ url, schema }: OpenDatabaseOptions, root: Rpc, version: number): Promise<void> {
  if (folderOf(url) === undefined || schema === version) return
  const identity = await readIdentity(root)
  if (identity) throw new CopyNeededError(identity.database_id, version)
}

/** The schema will change and nobody knew before: the next start, told the number, copies the database first. */
export class CopyNeededError extends StartAgainError {
  constructor(
    readonly databaseId: string,
    readonly schema: number,
  ) {
    super('The database is copied before its schema is changed; start Hearth again.')
  }
}

/** Where an embedded database lies; undefined for a remote one. */
const folderOf = (url: string): string | undefined =>
  url.startsWith('rocksdb://') ? url.slice('rocksdb://'.length).replace(/\?.*$/, '') : undefined

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

async function readSchemafullTables(rpc: Rpc): Promise<ReadonlySet<string>> {
  const [{ tables }] = await rpc.query<[{ tables: Record<string, string> }]>('INFO FOR DB')
  return new Set(Object.keys(tables).filter((name) => tables[name]?.includes(' SCHEMAFULL')))
}
