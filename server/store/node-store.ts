/**
 * Node store: the processes of this homeserver (S9), `node:⟨uuid⟩`.
 *
 * Embedded there is one process, so whatever row is there at start was left by a run that is over. On a shared
 * database a node shows that it lives by its heartbeat, and others collect its rows when it has stopped.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../kernel/clock.js'
import type { Logger } from '../kernel/logger.js'
import type { Database } from './reader.js'
import { deleteRow, insertRow, upsertRow, type Write } from './writes.js'

export const heartbeatMs = 10_000
/** A node that has been silent for so long is dead. */
export const deadAfterMs = 60_000

export type NodeRow = { id: string; started_at: number; heartbeat_at: number; pid: number; version: string }

export type Node = {
  readonly id: string
  /** Takes the row away; the heartbeat stops. */
  close(): Promise<void>
}

export type NodeNeeds = {
  db: Database
  clock: Clock
  logger: Logger
  /** True on a database that other nodes may share. */
  isShared: boolean
  version: string
}

/** Writes this process's row, collects the rows of dead ones, and on a shared database keeps the heartbeat going. */
export async function startNode({ db, clock, logger, isShared, version }: NodeNeeds): Promise<Node> {
  const id = randomUUID()
  await db.commit(() => ({
    writes: [insertRow('node', { id, started_at: clock.now(), heartbeat_at: clock.now(), pid: process.pid, version })],
    changes: [],
    result: undefined,
  }))
  await collectDeadNodes(db, id, isShared ? clock.now() - deadAfterMs : Number.POSITIVE_INFINITY)

  const beat = async () => {
    await commitWrites(db, [upsertRow('node', { id, heartbeat_at: clock.now() })])
    await collectDeadNodes(db, id, clock.now() - deadAfterMs)
  }
  const timer = isShared
    ? clock.every(heartbeatMs, () => {
        beat().catch((error: unknown) => logger.error({ err: error }, 'the heartbeat failed'))
      })
    : undefined

  return {
    id,
    async close() {
      timer?.cancel()
      await commitWrites(db, [deleteRow('node', id)])
    },
  }
}

export async function readNodes(db: Database): Promise<NodeRow[]> {
  const [rows] = await db.query<[NodeRow[]]>('SELECT *, record::id(id) AS id FROM node')
  return rows
}

/** Deletes every row but `self` whose last heartbeat was before `silentSince`. */
async function collectDeadNodes(db: Database, self: string, silentSince: number): Promise<void> {
  const dead = (await readNodes(db)).filter(({ id, heartbeat_at }) => id !== self && heartbeat_at < silentSince)
  if (dead.length > 0)
    await commitWrites(
      db,
      dead.map(({ id }) => deleteRow('node', id)),
    )
}

const commitWrites = (db: Database, writes: Write[]) => db.commit(() => ({ writes, changes: [], result: undefined }))
