/**
 * Deletes what may be much, in pieces: all rows whose ids begin in some way. One `DELETE` of a range is one transaction
 * however many rows there are, and how many there are is up to whoever fills it: messages for a device, the answers kept
 * for a bot's requests, a user's account data.
 */
import type { Reader } from './reader.js'
import { pieceLimits } from './write-size.js'
import type { RowId, Write } from './writes.js'
import { deleteRow } from './writes.js'

/** `[a, …]` for the rows of an id `[...prefix, …]`. */
export type RangeToClear = { table: string; prefix: readonly string[] }

/** Several pieces to a read: the engine scans a range to its end, whatever limit it is given. */
const idsPerRead = 4 * pieceLimits.rows

/**
 * @param write makes a piece durable
 * What is added while this runs may stay: whoever deletes what the rows belong to deletes the last of them with it.
 */
export async function clearRanges(
  db: Reader,
  ranges: readonly RangeToClear[],
  write: (writes: Write[]) => Promise<void>,
): Promise<void> {
  let left = ranges
  while (left.length > 0) {
    const found = await readIds(db, left)
    const writes = found.flatMap((ids, n) => ids.map((id) => deleteRow(left[n]!.table, id)))
    for (let start = 0; start < writes.length; start += pieceLimits.rows)
      await write(writes.slice(start, start + pieceLimits.rows))
    left = left.filter((_, n) => found[n]!.length === idsPerRead)
  }
}

async function readIds(db: Reader, ranges: readonly RangeToClear[]): Promise<RowId[][]> {
  const bindings: Record<string, unknown> = {}
  const statements = ranges.map(({ table, prefix }, n) => {
    const names = prefix.map((part, at) => {
      bindings[`p${n}_${at}`] = part
      return `$p${n}_${at}`
    })
    const id = names.join(', ')
    return `SELECT VALUE record::id(id) FROM ${table}:[${id}, NONE]..[${id}, ..] LIMIT ${idsPerRead}`
  })
  return db.query<RowId[][]>(statements.join(';'), bindings)
}
