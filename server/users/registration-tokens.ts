/**
 * Registration tokens: words that let somebody register. Those of the configuration are good for
 * any number of accounts; those that admins make may be limited in number and time.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#token-authenticated-registration
 */
import type { Clock } from '../kernel/clock.js'
import type { Reader } from '../store/reader.js'
import { countRegistrationTokenUse, readRegistrationToken } from '../store/registration-token-store.js'
import type { Write } from '../store/writes.js'

export type RegistrationTokens = {
  isValid(token: string): Promise<boolean>
  /** Goes into the commit that makes the account. */
  writesForUse(token: string): Write[]
}

export function makeRegistrationTokens(needs: {
  db: Reader
  clock: Clock
  configured: readonly string[]
}): RegistrationTokens {
  const configured = new Set(needs.configured)
  return {
    async isValid(token) {
      if (configured.has(token)) return true
      const row = await readRegistrationToken(needs.db, token)
      if (!row || (row.expiry_time !== undefined && row.expiry_time <= needs.clock.now())) return false
      return row.uses_allowed === undefined || row.completed < row.uses_allowed
    },
    writesForUse: (token) => (configured.has(token) ? [] : [countRegistrationTokenUse(token, needs.clock.now())]),
  }
}
