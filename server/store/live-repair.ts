/**
 * Clears the live tables of what the last run left behind.
 *
 * A live query lives on disk. One whose process died without ending it can never be killed (the engine looks
 * for it under its own node number, new at each start), fires for nobody, and costs every writer of its
 * table 0.2 to 0.4 ms a row for ever. Only removing the table removes it. So a table that has such leftovers
 * is packed aside, removed, defined as it was, and unpacked: about 60 µs a row, after a crash only.
 * Each step commits on its own, none is large, and the next start goes on where this one stopped:
 *  1. rows are packed, a hundred to a chunk: `live_repair_rows:[table, n]`; then the mark `live_repair:⟨table⟩` is
 *     set to `packed`;
 *  2. the table is emptied in pieces, then removed and defined in one transaction that sets the mark to `replaced`;
 *  3. each chunk goes back in one transaction with its deletion; at last the mark goes.
 */
import { BoundIncluded, type RecordId, RecordIdRange } from 'surrealdb'
import type { Logger } from '../kernel/logger.js'
import { emptyTable } from './empty-table.js'
import { idRange, type Rpc, recordId } from './rpc.js'

/** Tables that the projector and its like write; the only ones that may have live queries. */
export const liveTables = [
  'room_events',
  'room_members',
  'room_roles',
  'room_summaries',
  'typing_events',
  'user_presence',
  'receipts',
  'account_data',
  'to_device',
  'device_key_counts',
  'device_list_changes',
  'live_subscriptions',
  'server_metrics',
  'federation_traffic',
] as const

/** What these say is about the run that wrote them. */
const volatileTables: readonly string[] = [
  'typing_events',
  'live_subscriptions',
  'server_metrics',
  'federation_traffic',
]

/** A row may carry an event of 64 kB. */
const rowsPerChunk = 100
const idsPerPage = 20_000

/** Tables that a crashed run left live queries on, or whose repair was cut off. Empty after a run that ended in order. */
export async function findTablesToRepair(rpc: Rpc): Promise<string[]> {
  const tables = await readLiveTables(rpc)
  const [marks] = await rpc.query<[{ id: RecordId<string, string> }[]]>('SELECT id FROM live_repair')
  const marked = marks.map(({ id }) => id.id)
  return liveTables.filter((table, index) => marked.includes(table) || Object.keys(tables[index]!.lives).length > 0)
}

/** Empties the tables that say nothing about this run. */
export async function wipeVolatileTables(rpc: Rpc): Promise<void> {
  for (const table of volatileTables) await emptyTable(rpc, table)
}

/**
 * To be run while nothing writes to the live tables and no live query is registered.
 *
 * @param tables what `findTablesToRepair` found, before the first live query of this run
 * @param signal ends it after the step under way; the next start goes on
 */
export async function repairLiveTables(
  rpc: Rpc,
  tables: readonly string[],
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (const table of tables) {
    const started = performance.now()
    if (!(await readStep(rpc, table))) await pack(rpc, table, signal)
    if ((await readStep(rpc, table)) === 'packed') await replace(rpc, table, signal)
    if ((await readStep(rpc, table)) === 'replaced') await unpack(rpc, table, signal)
    if (signal.aborted) return
    logger.info({ table, ms: Math.round(performance.now() - started) }, 'cleared live queries of a run that crashed')
  }
}

/** Kills what is still registered, at the end of a run that ends in order. */
export async function killAllLives(rpc: Rpc): Promise<void> {
  const tables = await readLiveTables(rpc)
  const ids = tables.flatMap(({ lives }) => Object.keys(lives))
  if (ids.length > 0) await rpc.queryReplies(ids.map((id) => `KILL u"${id}"`).join(';'))
}

type TableInfo = {
  lives: Record<string, string>
  fields: Record<string, string>
  indexes: Record<string, string>
  events: Record<string, string>
}

const readLiveTables = (rpc: Rpc) =>
  rpc.query<TableInfo[]>(liveTables.map((table) => `INFO FOR TABLE ${table}`).join(';'))

/** The last step that is done. */
type Step = 'packed' | 'replaced'

async function readStep(rpc: Rpc, table: string): Promise<Step | undefined> {
  const [step] = await rpc.query<[Step | undefined]>('RETURN $mark.step', { mark: markOf(table) })
  return step ?? undefined
}

async function replace(rpc: Rpc, table: string, signal: AbortSignal): Promise<void> {
  await emptyTable(rpc, table, signal)
  if (signal.aborted) return
  const [{ tables }, { fields, indexes, events }] = await rpc.query<[{ tables: Record<string, string> }, TableInfo]>(
    `INFO FOR DB; INFO FOR TABLE ${table}`,
  )
  const definitions = [tables[table], ...[fields, indexes, events].flatMap((each) => Object.values(each))]
  await rpc.query(
    `BEGIN; REMOVE TABLE ${table}; ${definitions.join(';')}; UPDATE $mark SET step = 'replaced' RETURN NONE; COMMIT`,
    { mark: markOf(table) },
  )
}

async function pack(rpc: Rpc, table: string, signal: AbortSignal): Promise<void> {
  await deleteChunks(rpc, table)
  if (!volatileTables.includes(table)) await packRows(rpc, table, signal)
  if (!signal.aborted) await rpc.query("CREATE $mark SET step = 'packed' RETURN NONE", { mark: markOf(table) })
}

async function packRows(rpc: Rpc, table: string, signal: AbortSignal): Promise<void> {
  let chunk = 0
  for (let start = 0; ; start += idsPerPage) {
    const [ids] = await rpc.query<[RecordId[]]>(
      `SELECT VALUE id FROM ${table} ORDER BY id LIMIT ${idsPerPage} START ${start}`,
    )
    for (let at = 0; at < ids.length; at += rowsPerChunk) {
      if (signal.aborted) return
      const first = ids[at]!
      const last = ids[Math.min(at + rowsPerChunk, ids.length) - 1]!
      await rpc.query('CREATE $chunk SET rows = (SELECT * FROM $rows) RETURN NONE', {
        chunk: recordId('live_repair_rows', [table, chunk]),
        rows: new RecordIdRange(table, new BoundIncluded(first.id), new BoundIncluded(last.id)),
      })
      chunk += 1
    }
    if (ids.length < idsPerPage) return
  }
}

/** Those of an attempt that was broken off before it was whole. One by one: each holds a hundred rows. */
async function deleteChunks(rpc: Rpc, table: string): Promise<void> {
  const [ids] = await rpc.query<[RecordId[]]>('SELECT VALUE id FROM $chunks', { chunks: chunksOf(table) })
  for (const chunk of ids) await rpc.query('DELETE $chunk RETURN NONE', { chunk })
}

async function unpack(rpc: Rpc, table: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    if (signal.aborted) return
    const [ids] = await rpc.query<[RecordId[]]>('SELECT VALUE id FROM $chunks LIMIT 1', { chunks: chunksOf(table) })
    const chunk = ids[0]
    if (!chunk) break
    await rpc.query(
      `BEGIN; INSERT INTO ${table} (SELECT VALUE rows FROM ONLY $chunk) RETURN NONE; DELETE $chunk RETURN NONE; COMMIT`,
      { chunk },
    )
  }
  await rpc.query('DELETE $mark RETURN NONE', { mark: markOf(table) })
}

const markOf = (table: string) => recordId('live_repair', table)
const chunksOf = (table: string) => idRange('live_repair_rows', [table, 0], [table, Number.MAX_SAFE_INTEGER])
