/**
 * Registration tokens that admins made. Tokens of the configuration are not here: they are good
 * without a limit.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import { DatabaseError } from './errors.js'
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

const usedUp = 'registration token used up'

/**
 * Counts one more account made with it, by the database, because several may use it at once; the unit of one that
 * would be too many, or too late, fails (`isUsedUp`).
 */
export const countRegistrationTokenUse = (token: string, now: number): Write => ({
  op: 'statement',
  sql: `UPDATE type::record("registration_token", $word) SET completed =
    IF (expiry_time != NONE AND expiry_time <= $now) OR (uses_allowed != NONE AND (completed ?? 0) >= uses_allowed)
      { THROW "${usedUp}" } ELSE { (completed ?? 0) + 1 } RETURN NONE`,
  bindings: { word: token, now },
})

export const isUsedUp = (error: unknown): boolean => error instanceof DatabaseError && error.message.includes(usedUp)
