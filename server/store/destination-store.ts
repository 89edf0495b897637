/**
 * Destination store: how each other homeserver has been doing, `destination:⟨server_name⟩`.
 *
 * Schema: schema/migrations/0004-federation.surql
 */
import type { ServerName } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { Write } from './writes.js'

export type DestinationRow = {
  server_name: ServerName
  /** Failures in a row; 0 while it answers. */
  failures: number
  /** When it may be asked again, ms since the epoch; 0 while it answers. */
  retry_at: number
  last_success_at: number
  last_failure_at: number
  /** Word and sentence of the last failure, see `FederationError`. */
  last_error: string
}

export async function readDestinations(db: Reader): Promise<DestinationRow[]> {
  const [rows] = await db.query<[DestinationRow[]]>(
    'SELECT server_name, failures, retry_at, last_success_at, last_failure_at, last_error FROM destination',
  )
  return rows
}

export const setDestination = (row: DestinationRow): Write => ({
  op: 'upsert',
  table: 'destination',
  row: { id: row.server_name, ...row },
})
