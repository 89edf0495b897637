/**
 * User store: the accounts of this server, and apart from them their password hashes.
 *
 * Only local users have a row. What a profile holds besides name and avatar is one object.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { UserId } from '../kernel/identifiers.js'
import type { RangeToClear } from './clear-ranges.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, upsertRow, type Write } from './writes.js'

export type UserStatus = 'active' | 'deactivated' | 'locked'
export type UserKind = 'user' | 'guest' | 'service'

export type UserRow = {
  user_id: UserId
  status: UserStatus
  admin: boolean
  /** May read but not speak; apart from `status`, as a locked account may be suspended too. */
  suspended?: boolean
  /** The password was handed out by an admin. */
  must_change_password?: boolean
  kind: UserKind
  displayname?: string
  avatar_url?: string
  /** Further profile fields by name. */
  profile?: Record<string, unknown>
  created_at: number
}

const columns = 'user_id, status, admin, suspended, kind, displayname, avatar_url, profile, created_at'

export async function readUser(db: Reader, userId: UserId): Promise<UserRow | undefined> {
  const [rows] = await db.query<[UserRow[]]>('SELECT * OMIT id FROM type::record("user", $user)', { user: userId })
  return rows[0]
}

/** Whether there is any account of a person: until then the server is being set up. */
export async function hasUsers(db: Reader): Promise<boolean> {
  const [rows] = await db.query<[unknown[]]>("SELECT user_id FROM user WHERE kind != 'service' LIMIT 1")
  return rows.length > 0
}

export type UserCardRow = Pick<UserRow, 'user_id' | 'displayname' | 'avatar_url'>

/** Open accounts of people, in no order. */
export async function readUserCards(db: Reader, limit: number): Promise<UserCardRow[]> {
  const [rows] = await db.query<[UserCardRow[]]>(
    `SELECT user_id, displayname, avatar_url FROM user WHERE status = 'active' AND kind = 'user' LIMIT $limit`,
    { limit },
  )
  return rows
}

export async function readGuests(db: Reader): Promise<UserId[]> {
  const [guests] = await db.query<[UserId[]]>(
    `SELECT VALUE user_id FROM user WHERE kind = 'guest' AND status = 'active'`,
  )
  return guests
}

export type UserFilter = {
  /** Part of the user ID or display name, compared in lower case. */
  contains?: string
  withGuests: boolean
  withDeactivated: boolean
}

/** Accounts by user ID, from the `from`th on, and how many there are in all. */
export async function readUserPage(
  db: Reader,
  filter: UserFilter,
  from: number,
  limit: number,
): Promise<{ users: UserRow[]; total: number }> {
  const where = [
    filter.withGuests ? [] : ['kind != "guest"'],
    filter.withDeactivated ? [] : ['status != "deactivated"'],
    filter.contains
      ? ['(string::contains(user_id, $contains) OR string::contains(string::lowercase(displayname ?? ""), $contains))']
      : [],
  ].flat()
  const clause = where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''
  const [users, counts] = await db.query<[UserRow[], { total: number }[]]>(
    `SELECT ${columns} FROM user ${clause} ORDER BY user_id LIMIT $limit START $from;
     SELECT count() AS total FROM user ${clause} GROUP ALL`,
    { contains: filter.contains?.toLowerCase(), limit, from },
  )
  return { users, total: counts[0]?.total ?? 0 }
}

export async function readPasswordHash(db: Reader, userId: UserId): Promise<string | undefined> {
  const [rows] = await db.query<[{ password_hash: string }[]]>(
    'SELECT password_hash FROM type::record("user_credential", $user)',
    { user: userId },
  )
  return rows[0]?.password_hash
}

/** Fails its unit when the account exists. */
export const insertUser = (user: UserRow): Write => insertRow('user', { id: user.user_id, ...user })

/** Sets the given members; undefined removes one. */
export const setUser = (userId: UserId, fields: { [Name in keyof UserRow]?: UserRow[Name] | undefined }): Write =>
  upsertRow('user', { id: userId, ...fields })

export const setPasswordHash = (userId: UserId, passwordHash: string): Write =>
  upsertRow('user_credential', { id: userId, password_hash: passwordHash })

export const deletePasswordHash = (userId: UserId): Write => deleteRow('user_credential', userId)

export async function readDeactivations(db: Reader): Promise<{ user_id: UserId; erase: boolean }[]> {
  const [rows] = await db.query<[{ user_id: UserId; erase: boolean }[]]>(
    'SELECT record::id(id) AS user_id, erase FROM deactivation',
  )
  return rows
}

/** The mark of an account that is closed and has devices, rooms or data left. */
export const setDeactivation = (userId: UserId, erase: boolean): Write =>
  upsertRow('deactivation', { id: userId, erase })

export async function readErased(db: Reader): Promise<UserId[]> {
  const [ids] = await db.query<[UserId[]]>('SELECT VALUE record::id(id) FROM erased_user')
  return ids
}

/** For good: no name is ever given out again. */
export const setErased = (userId: UserId): Write => upsertRow('erased_user', { id: userId })

export const deleteDeactivation = (userId: UserId): Write => deleteRow('deactivation', userId)

/** What a user had for themselves: account data with tags and push rules, filters, unread counts. */
export const userDataOf = (userId: UserId): RangeToClear[] =>
  ['account_data_entry', 'filter', 'push_count'].map((table) => ({ table, prefix: [userId] }))

/** The live copy of account data. */
export const liveAccountDataOf = (userId: UserId): RangeToClear => ({ table: 'account_data', prefix: [userId] })
