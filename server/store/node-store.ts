/**
 * Node store: the process of this homeserver that has the database, `node:⟨uuid⟩`.
 *
 * Two processes on one database would destroy each other: each gives out the same positions and wipes what the
 * other has in the live tables. An embedded database can be opened by one process only. On a remote one, a process
 * claims it before it changes anything, and shows by a heartbeat that it lives; another refuses to start beside a
 * fresh one, and a process that finds the claim gone stops writing. Times are the database's own, so clocks of
 * machines do not matter.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from '../kernel/clock.js'
import type { Logger } from '../kernel/logger.js'
import { StartAgainError } from '../kernel/start-faults.js'
import { DatabaseError } from './errors.js'
import { type Rpc, recordId } from './rpc.js'
import type { StoreHealth } from './store-health.js'

export const heartbeatMs = 10_000
/** A node that has been silent for so long is dead. */
export const deadAfterMs = 60_000

export type NodeRow = {
  id: string
  started_at: number
  heartbeat_at: number
  pid: number
  host: string
  version: string
}

export type Node = {
  readonly id: string
  /** Takes the row away; the heartbeat stops. */
  close(): Promise<void>
}

export type NodeNeeds = {
  rpc: Pick<Rpc, 'query'>
  health: Pick<StoreHealth, 'fail'>
  clock: Clock
  logger: Logger
  /** True on a database that other processes can reach. */
  isShared: boolean
  version: string
}

/** Two that claim at once both write `claim`, so one of them meets a conflict and then the other's row. */
const claim = `
  BEGIN;
  LET $now = time::millis(time::now());
  LET $others = SELECT * FROM node WHERE heartbeat_at > $now - $deadAfter AND record::id(id) NOT IN $dead;
  IF $isShared AND array::len($others) > 0 { THROW 'in use' };
  UPSERT server_meta:node_claim SET node = $id RETURN NONE;
  DELETE node RETURN NONE;
  CREATE $node SET started_at = $now, heartbeat_at = $now, pid = $pid, host = $host, version = $version RETURN NONE;
  COMMIT`

/**
 * Claims the database for this process. Before anything else is changed in it.
 *
 * @throws StartAgainError when another process that lives has it
 */
export async function claimNode(needs: NodeNeeds): Promise<Node> {
  const { rpc, clock, logger, isShared, version } = needs
  const id = randomUUID()
  const node = recordId('node', id)
  const self = { id, node, pid: process.pid, host: hostname(), version }
  for (;;) {
    const dead = (await readNodes(rpc)).filter(isGone).map((row) => row.id)
    try {
      await rpc.query(claim, { ...self, isShared, dead, deadAfter: deadAfterMs })
      break
    } catch (error) {
      if (error instanceof DatabaseError && error.isRetryable) continue
      if (error instanceof DatabaseError && error.kind === 'Thrown') throw inUse(await readNodes(rpc))
      throw error
    }
  }
  const timer = isShared ? clock.every(heartbeatMs, () => void beat(needs, id, logger)) : undefined
  return {
    id,
    async close() {
      timer?.cancel()
      await rpc.query('DELETE $node RETURN NONE', { node })
    },
  }
}

async function beat({ rpc, health }: NodeNeeds, id: string, logger: Logger): Promise<void> {
  try {
    const [rows] = await rpc.query<[unknown[]]>('UPDATE $nodes SET heartbeat_at = time::millis(time::now())', {
      nodes: [recordId('node', id)],
    })
    if (rows.length === 0) health.fail(new Error('another process has claimed the database'), { node: id })
  } catch (error) {
    logger.error({ err: error }, 'the heartbeat failed')
  }
}

/** Left behind by a process of this machine that has ended: nobody has to wait for its silence. */
function isGone({ host, pid }: NodeRow): boolean {
  if (host !== hostname()) return false
  if (pid === process.pid) return true // a container's processes have the same number each time
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

function inUse(rows: readonly NodeRow[]): StartAgainError {
  const newest = [...rows].sort((a, b) => b.heartbeat_at - a.heartbeat_at)[0]
  const who = newest ? ` (process ${newest.pid} on ${newest.host})` : ''
  return new StartAgainError(
    `Another Hearth${who} uses this database, and two would destroy each other's work: stop it, or wait ${deadAfterMs / 1000} seconds after its end.`,
  )
}

export async function readNodes(rpc: Pick<Rpc, 'query'>): Promise<NodeRow[]> {
  const [rows] = await rpc.query<[NodeRow[]]>('SELECT *, record::id(id) AS id FROM node')
  return rows
}
