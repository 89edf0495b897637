/**
 * Registration tokens that admins made: invitations. Tokens of the configuration are not here: they are good
 * without a limit.
 *
 * A row goes by the hash of its token, which is therefore looked up and never compared.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { RoomId, UserId } from '../kernel/identifiers.js'
import { DatabaseError } from './errors.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, upsertRow, type Write } from './writes.js'

export type RegistrationTokenRow = {
  /** Of the token; it says nothing of it, and names the row to admins. */
  hash: string
  /** Undefined: any number. */
  uses_allowed?: number
  completed: number
  /** Milliseconds since the epoch; undefined: never. */
  expiry_time?: number
  created_at: number
  created_by: UserId
  /** Where whoever uses it is brought to. */
  room_ids: RoomId[]
  /** For whom it is, in the words of whoever made it. */
  label?: string
}

const columns = 'record::id(id) AS hash, uses_allowed, completed, expiry_time, created_at, created_by, room_ids, label'

export async function readRegistrationToken(db: Reader, hash: string): Promise<RegistrationTokenRow | undefined> {
  const [rows] = await db.query<[RegistrationTokenRow[]]>(
    `SELECT ${columns} FROM type::record("registration_token", $hash)`,
    { hash },
  )
  return rows[0]
}

const isOpen = '(expiry_time = NONE OR expiry_time > $now) AND (uses_allowed = NONE OR completed < uses_allowed)'

/** Those that somebody could still use, newest first. */
export async function readOpenRegistrationTokens(
  db: Reader,
  now: number,
  limit: number,
): Promise<RegistrationTokenRow[]> {
  const [rows] = await db.query<[RegistrationTokenRow[]]>(
    `SELECT ${columns} FROM registration_token WHERE ${isOpen} ORDER BY created_at DESC LIMIT $limit`,
    { now, limit },
  )
  return rows
}

export async function hasOpenRegistrationToken(db: Reader, now: number): Promise<boolean> {
  const [rows] = await db.query<[unknown[]]>(`SELECT completed FROM registration_token WHERE ${isOpen} LIMIT 1`, {
    now,
  })
  return rows.length > 0
}

/** Hashes of those that nobody can use any more and that were made before that time. */
export async function readSpentRegistrationTokens(
  db: Reader,
  now: number,
  before: number,
  limit: number,
): Promise<string[]> {
  const [hashes] = await db.query<[string[]]>(
    `SELECT VALUE record::id(id) FROM registration_token WHERE !(${isOpen}) AND created_at < $before LIMIT $limit`,
    { now, before, limit },
  )
  return hashes
}

export const insertRegistrationToken = ({ hash, ...row }: RegistrationTokenRow): Write =>
  insertRow('registration_token', { id: hash, ...row })

export const deleteRegistrationToken = (hash: string): Write => deleteRow('registration_token', hash)

const usedUp = 'registration token used up'

/**
 * Counts one more account made with it, by the database, because several may use it at once; the unit of one that
 * would be too many, too late, or after it was taken back, fails (`isUsedUp`).
 */
export const countRegistrationTokenUse = (hash: string, now: number): Write => ({
  op: 'statement',
  sql: `IF record::exists(type::record("registration_token", $hash)) {
    UPDATE type::record("registration_token", $hash) SET completed =
      IF (expiry_time != NONE AND expiry_time <= $now) OR (uses_allowed != NONE AND completed >= uses_allowed)
        { THROW "${usedUp}" } ELSE { completed + 1 } RETURN NONE
  } ELSE { THROW "${usedUp}" }`,
  bindings: { hash, now },
})

export const isUsedUp = (error: unknown): boolean => error instanceof DatabaseError && error.message.includes(usedUp)

/** An account that was made by an invitation, until it is in the invitation's rooms. */
export type RoomEntryRow = { user_id: UserId; room_ids: RoomId[]; inviter: UserId }

export async function readRoomEntries(db: Reader): Promise<RoomEntryRow[]> {
  const [rows] = await db.query<[RoomEntryRow[]]>('SELECT record::id(id) AS user_id, room_ids, inviter FROM room_entry')
  return rows
}

export async function readRoomEntry(db: Reader, userId: UserId): Promise<RoomEntryRow | undefined> {
  const [rows] = await db.query<[RoomEntryRow[]]>(
    'SELECT record::id(id) AS user_id, room_ids, inviter FROM type::record("room_entry", $user)',
    { user: userId },
  )
  return rows[0]
}

export const setRoomEntry = ({ user_id, ...row }: RoomEntryRow): Write =>
  upsertRow('room_entry', { id: user_id, ...row })

export const deleteRoomEntry = (userId: UserId): Write => deleteRow('room_entry', userId)
