/**
 * Server key store: signing keys of other homeservers, `server_key:[server_name, key_id]`.
 *
 * Keys are never deleted: the signatures of old events are checked with them. Each row keeps the
 * signed document it came from, so that this server can answer as a notary after the other is gone.
 *
 * Schema: schema/migrations/0004-federation.surql
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys
 */
import type { ServerName } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { Write } from './writes.js'

export type ServerKeyRow = {
  server_name: ServerName
  key_id: string
  /** Unpadded base64. */
  key: string
  valid_until_ts: number
  /** When its server stopped using it; absent for keys in use. */
  expired_ts?: number
  /** The document as its server signed it, JSON text. */
  document: string
  fetched_at: number
}

export async function readServerKeys(db: Reader, serverName: ServerName): Promise<ServerKeyRow[]> {
  const [rows] = await db.query<[ServerKeyRow[]]>('SELECT * FROM server_key:[$server, NONE]..[$server, ..]', {
    server: serverName,
  })
  return rows
}

export const setServerKey = (row: ServerKeyRow): Write => ({
  op: 'upsert',
  table: 'server_key',
  row: { id: [row.server_name, row.key_id], ...row },
})
