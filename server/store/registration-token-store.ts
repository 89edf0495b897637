/**
 * Registration tokens that admins made. Tokens of the configuration are not here: they are good
 * without a limit.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { Reader } from './reader.js'
import type { Write } from './writes.js'

export type RegistrationTokenRow = {
  /** Undefined: any number. */
  uses_allowed?: number
  completed: number
  /** Milliseconds since the epoch; undefined: never. */
  expiry_time?: number
}

export async function readRegistrationToken(db: Reader, token: string): Promise<RegistrationTokenRow | undefined> {
  if (token === '') return undefined // no record ID to the engine
  const [rows] = await db.query<[RegistrationTokenRow[]]>(
    'SELECT * OMIT id FROM type::record("registration_token", $word)',
    { word: token }, // $token is the engine's own
  )
  return rows[0]
}

/** Counts one more account made with it. Counted by the database, because several may use it at once. */
export const countRegistrationTokenUse = (token: string): Write => ({
  op: 'statement',
  sql: 'UPDATE type::record("registration_token", $word) SET completed = (completed ?? 0) + 1 RETURN NONE',
  bindings: { word: token },
})
