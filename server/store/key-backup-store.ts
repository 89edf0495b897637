/**
 * Backups of room keys: their versions, and the encrypted sessions in each.
 *
 * A version's count and etag are written in the transaction of the rows they speak of, so they are true at any moment. Sessions
 * may be many: they are listed by ID, and read and deleted some at a time.
 *
 * Schema: schema/migrations/0003-encryption.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
 */
import type { UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { recordId } from './rpc.js'
import { deleteRow, insertRow, upsertRow, type Write } from './writes.js'

export type KeyBackupRow = {
  user_id: UserId
  version: number
  algorithm: string
  /** JSON text. */
  auth_data: string
  count: number
  etag: number
  is_deleted: boolean
  /** Whether the sessions of a deleted version are gone as well. */
  is_purged: boolean
}
/** `session_data` is JSON text. */
export type BackedUpSession = {
  first_message_index: number
  forwarded_count: number
  is_verified: boolean
  session_data: string
}
export type SessionName = { roomId: string; sessionId: string }

/** All versions of a user, oldest first, deleted ones too. */
export async function readKeyBackups(db: Reader, userId: UserId): Promise<KeyBackupRow[]> {
  const [rows] = await db.query<[KeyBackupRow[]]>('SELECT * OMIT id FROM key_backup:[$user, NONE]..[$user, ..]', {
    user: userId,
  })
  return rows
}

/** Versions of anybody that are deleted and whose sessions are not all gone. */
export async function readUnpurgedBackups(db: Reader): Promise<KeyBackupRow[]> {
  const [rows] = await db.query<[KeyBackupRow[]]>(
    'SELECT * OMIT id FROM key_backup WHERE is_deleted = true AND is_purged = false',
  )
  return rows
}

export const insertKeyBackup = (row: KeyBackupRow): Write =>
  insertRow('key_backup', { id: [row.user_id, row.version], ...row })

type Changes = Partial<Omit<KeyBackupRow, 'user_id' | 'version'>>
export const setKeyBackup = ({ user_id, version }: KeyBackupRow, changes: Changes): Write =>
  upsertRow('key_backup', { id: [user_id, version], ...changes })

/** Names of the sessions in a version, or in one of its rooms. */
export async function readSessionNames(
  db: Reader,
  { user_id, version }: KeyBackupRow,
  roomId?: string,
): Promise<SessionName[]> {
  const bounds = roomId === undefined ? ['NONE', '..'] : ['$room, NONE', '$room, ..']
  const [ids] = await db.query<[string[][]]>(
    `SELECT VALUE record::id(id) FROM key_backup_session:[$user, $version, ${bounds[0]}]..[$user, $version, ${bounds[1]}]`,
    { user: user_id, version, ...(roomId !== undefined && { room: roomId }) },
  )
  return ids.map(([, , room, session]) => ({ roomId: room!, sessionId: session! }))
}

/** Those of the named sessions that are there. */
export async function readSessions(
  db: Reader,
  { user_id, version }: KeyBackupRow,
  names: readonly SessionName[],
): Promise<(SessionName & BackedUpSession)[]> {
  const ids = names.map(({ roomId, sessionId }) =>
    recordId('key_backup_session', [user_id, version, roomId, sessionId]),
  )
  type Row = BackedUpSession & { room_id: string; session_id: string }
  const [rows] = await db.query<[Row[]]>('SELECT * OMIT id FROM $ids', { ids })
  return rows.map(({ room_id, session_id, ...row }) => ({ ...row, roomId: room_id, sessionId: session_id }))
}

export const setSession = (
  { user_id, version }: KeyBackupRow,
  { roomId, sessionId }: SessionName,
  session: BackedUpSession,
): Write =>
  upsertRow('key_backup_session', {
    id: [user_id, version, roomId, sessionId],
    ...{ room_id: roomId, session_id: sessionId, ...session },
  })

export const deleteSession = ({ user_id, version }: KeyBackupRow, { roomId, sessionId }: SessionName): Write =>
  deleteRow('key_backup_session', [user_id, version, roomId, sessionId])
