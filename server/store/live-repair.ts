/**
 * Clears the live tables of what the last run left behind.
 *
 * A live query lives on disk. One whose process died without ending it can never be killed (the engine looks
 * for it under its own node number, new at each start), fires for nobody, and costs every writer of its
 * table 0.2 to 0.4 ms a row for ever. Only removing the table removes it. So a table that has such leftovers
 * is packed aside, removed, defined as it was, and unpacked: about 60 µs a row, after a crash only.
 * Each step commits on its own and the next start goes on where this one stopped:
 *  1. rows are packed, a thousand to a chunk: `live_repair_rows:[table, n]`;
 *  2. the table is removed and defined in one transaction with the mark `live_repair:⟨table⟩`;
 *  3. each chunk goes back in one transaction with its deletion; at last the mark goes.
 */
import { BoundIncluded, type RecordId, RecordIdRange } from 'surrealdb'
import type { Logger } from '../kernel/logger.js'
import { idRange, type Rpc, recordId } from './rpc.js'

/** Tables that the projector and its like write; the only ones that may have live queries. */
export const liveTables = [
  'room_events',
  'room_members',
  'room_summaries',
  'typing_events',
  'user_presence',
  'shared_users',
  'receipts',
  'account_data',
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

const rowsPerChunk = 1000
const idsPerPage = 20_000

/**
 * To be run while nothing writes to the live tables and no live query is registered yet.
 *
 * @param signal ends it after the step under way
 */
export async function repairLiveTables(rpc: Rpc, logger: Logger, signal: AbortSignal): Promise<void> {
  for (const table of liveTables) {
    if (signal.aborted) return
    const isMarked = await readMark(rpc, table)
    const { lives, ...definitions } = await readTable(rpc, table)
    const leftovers = Object.keys(lives).length
    if (isMarked || leftovers > 0) {
      logger.info({ table, leftovers }, 'a live table is cleared of the last run')
      if (!isMarked) await packAndReplace(rpc, table, definitions, signal)
      await unpack(rpc, table, signal)
    } else if (volatileTables.includes(table)) await rpc.query(`DELETE ${table} RETURN NONE`)
  }
}

/** Kills what is still registered, at the end of a run that ends in order. */
export async function killAllLives(rpc: Rpc): Promise<void> {
  const tables = await rpc.query<TableInfo[]>(liveTables.map((table) => `INFO FOR TABLE ${table}`).join(';'))
  const ids = tables.flatMap(({ lives }) => Object.keys(lives))
  if (ids.length > 0) await rpc.queryReplies(ids.map((id) => `KILL u"${id}"`).join(';'))
}

type TableInfo = {
  lives: Record<string, string>
  fields: Record<string, string>
  indexes: Record<string, string>
  events: Record<string, string>
}

async function readTable(rpc: Rpc, table: string): Promise<TableInfo> {
  const [info] = await rpc.query<[TableInfo]>(`INFO FOR TABLE ${table}`)
  return info
}

async function readMark(rpc: Rpc, table: string): Promise<boolean> {
  const [isMarked] = await rpc.query<[boolean]>('RETURN record::exists($mark)', { mark: markOf(table) })
  return isMarked
}

async function packAndReplace(
  rpc: Rpc,
  table: string,
  { fields, indexes, events }: Omit<TableInfo, 'lives'>,
  signal: AbortSignal,
): Promise<void> {
  await rpc.query('DELETE $chunks RETURN NONE', { chunks: chunksOf(table) })
  if (!volatileTables.includes(table)) await pack(rpc, table, signal)
  if (signal.aborted) return
  const [{ tables }] = await rpc.query<[{ tables: Record<string, string> }]>('INFO FOR DB')
  const definitions = [tables[table], ...[fields, indexes, events].flatMap((each) => Object.values(each))]
  await rpc.query(`BEGIN; REMOVE TABLE ${table}; ${definitions.join(';')}; CREATE $mark RETURN NONE; COMMIT`, {
    mark: markOf(table),
  })
}

async function pack(rpc: Rpc, table: string, signal: AbortSignal): Promise<void> {
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
