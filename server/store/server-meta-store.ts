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

/** Whose database this is, to be compared with the data directory's files at start. */
export type Identity = {
  /** Made up with the database; `database.mark` has it too. */
  database_id: string
  /** Undefined until the server has been named. */
  server_name?: string
  /** The signing key: its ID and its public half, as it is published. */
  key_id?: string
  public_key?: string
}

export async function readIdentity(db: Reader): Promise<Identity | undefined> {
  const [rows] = await db.query<[Identity[]]>(
    'SELECT database_id, server_name, key_id, public_key FROM server_meta:identity',
  )
  return rows[0]
}

export const setIdentity = (fields: Partial<Identity>): Write => upsertRow('server_meta', { id: 'identity', ...fields })

/** Whether and where the network at home is listened to. */
export type HomeNetworkRow = { is_on: boolean; interfaces: string[]; port?: number }

export async function readHomeNetwork(db: Reader): Promise<HomeNetworkRow | undefined> {
  const [rows] = await db.query<[HomeNetworkRow[]]>('SELECT is_on, interfaces, port FROM server_meta:home_network')
  return rows[0]
}

export const setHomeNetwork = (row: HomeNetworkRow): Write => upsertRow('server_meta', { id: 'home_network', ...row })

/** No position up to that one is given out again, whatever the feed says. */
export const setStreamPosition = (position: number): Write =>
  upsertRow('server_meta', { id: 'stream_position', position })
