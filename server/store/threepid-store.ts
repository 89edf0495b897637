/**
 * Third-party identifiers (3PIDs) of accounts, and the sessions in which people show that an address is theirs.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, upsertRow, type Write } from './writes.js'

export type Medium = 'email' | 'msisdn'
/** An address of an account, or one that only an identity server knows with it. Times in milliseconds since the epoch. */
export type ThreepidRow = {
  user_id: UserId
  medium: Medium
  address: string
  validated_at: number
  added_at: number
  /** The identity servers at which it was bound through this server. */
  id_servers?: string[]
}

export type ThreepidSessionRow = {
  medium: Medium
  address: string
  /** Hashes of what the client keeps and of what the mail carries. */
  secret_hash: string
  token_hash: string
  send_attempt: number
  next_link?: string
  validated_at?: number
  expires_at: number
}

export async function readThreepid(db: Reader, medium: Medium, address: string): Promise<ThreepidRow | undefined> {
  const [rows] = await db.query<[ThreepidRow[]]>(
    'SELECT * OMIT id FROM type::record("threepid", [$medium, $address])',
    {
      medium,
      address,
    },
  )
  return rows[0]
}

export async function readThreepidsOf(db: Reader, userId: UserId): Promise<ThreepidRow[]> {
  const [rows] = await db.query<[ThreepidRow[]]>(
    'SELECT * OMIT id FROM threepid WITH INDEX threepid_user_id WHERE user_id = $userId ORDER BY added_at',
    { userId },
  )
  return rows
}

export const insertThreepid = (row: ThreepidRow): Write =>
  insertRow('threepid', { id: [row.medium, row.address], ...row })
export const setThreepid = (row: ThreepidRow): Write => upsertRow('threepid', { id: [row.medium, row.address], ...row })
export const deleteThreepid = (medium: Medium, address: string): Write => deleteRow('threepid', [medium, address])

export async function readThreepidSession(db: Reader, sid: string): Promise<ThreepidSessionRow | undefined> {
  const [rows] = await db.query<[ThreepidSessionRow[]]>(
    'SELECT * OMIT id FROM type::record("threepid_session", $sid)',
    { sid },
  )
  return rows[0]
}

/** IDs of at most `limit` sessions that ended before `before`. */
export async function readExpiredThreepidSessions(db: Reader, before: number, limit: number): Promise<string[]> {
  const [ids] = await db.query<[string[]]>(
    `SELECT VALUE record::id(id) FROM threepid_session WITH INDEX threepid_session_expires_at
     WHERE expires_at < $before LIMIT $limit`,
    { before, limit },
  )
  return ids
}

export const setThreepidSession = (sid: string, row: ThreepidSessionRow): Write =>
  upsertRow('threepid_session', { id: sid, ...row })
export const deleteThreepidSession = (sid: string): Write => deleteRow('threepid_session', sid)
