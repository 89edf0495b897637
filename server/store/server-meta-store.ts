/**
 * Facts about this server that are neither configuration nor a key: `server_meta:⟨name⟩`.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { Reader } from './reader.js'
import { upsertRow, type Write } from './writes.js'

/** What was decided when the server was set up. */
export type SetupRow = { federation: 'local' | 'federated'; set_up_at: number }

export async function readSetup(db: Reader): Promise<SetupRow | undefined> {
  const [rows] = await db.query<[SetupRow[]]>('SELECT federation, set_up_at FROM server_meta:setup')
  return rows[0]
}

export const setSetup = (row: SetupRow): Write => upsertRow('server_meta', { id: 'setup', ...row })
