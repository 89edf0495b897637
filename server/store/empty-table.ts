/**
 * Deletes all rows of a table in pieces, since one `DELETE table` is one transaction however many rows there are.
 * Silent towards live queries. It may be broken off between any two pieces and begun again.
 */
import type { RecordId } from 'surrealdb'
import type { Rpc } from './rpc.js'
import { runSilently } from './silent-transaction.js'
import { pieceLimits } from './write-size.js'

/** Many pieces to a page: each page's scan passes over what the pages before it deleted. */
const idsPerPage = 20_000

/** @param signal ends it after the piece under way */
export async function emptyTable(rpc: Rpc, table: string, signal?: AbortSignal): Promise<void> {
  for (;;) {
    const [ids] = await rpc.query<[RecordId[]]>(`SELECT VALUE id FROM ${table} LIMIT ${idsPerPage}`)
    for (let start = 0; start < ids.length; start += pieceLimits.rows) {
      if (signal?.aborted) return
      await runSilently(rpc, 'DELETE $ids RETURN NONE', { ids: ids.slice(start, start + pieceLimits.rows) })
    }
    if (ids.length < idsPerPage) return
  }
}
