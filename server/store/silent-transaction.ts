/** A transaction that no live query is told of: what an interactive one commits stays silent. */
import type { Uuid } from 'surrealdb'
import type { Rpc } from './rpc.js'

export async function runSilently(rpc: Rpc, sql: string, bindings: Record<string, unknown>): Promise<void> {
  const txn = await rpc.call<Uuid>('begin', [])
  try {
    await rpc.query(sql, bindings, { txn })
    await rpc.call('commit', [txn])
  } catch (error) {
    // The first error is the one that matters; after a failed commit there is nothing left to cancel.
    await rpc.call('cancel', [txn]).catch(() => {})
    throw error
  }
}
