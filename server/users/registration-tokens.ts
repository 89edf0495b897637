/**
 * Registration tokens: words that let somebody register. Those of the configuration are good for any number of
 * accounts; those that admins make (`invitations.ts`) are limited in number and time, and may lead into rooms.
 *
 * Every token is looked up by its hash, so that how long it takes says nothing of it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#token-authenticated-registration
 */
import type { Clock } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Reader } from '../store/reader.js'
import {
  countRegistrationTokenUse,
  hasOpenRegistrationToken,
  type RegistrationTokenRow,
  readRegistrationToken,
  setRoomEntry,
} from '../store/registration-token-store.js'
import type { Write } from '../store/writes.js'
import { hashToken } from './tokens.js'

export type RegistrationTokens = {
  isValid(token: string): Promise<boolean>
  /** The invitation of a token, while it can be used. */
  readInvitation(token: string): Promise<RegistrationTokenRow | undefined>
  /** Whether there is an invitation that somebody could use. */
  hasInvitation(): Promise<boolean>
  /** @returns what goes into the commit that makes the account: it fails where the token is not good any more */
  writesForUse(token: string): Promise<(userId: UserId) => Write[]>
}

export function makeRegistrationTokens(needs: {
  db: Reader
  clock: Clock
  configured: readonly string[]
}): RegistrationTokens {
  const { db, clock } = needs
  const configured = new Set(needs.configured.map(hashToken))

  async function readInvitation(token: string) {
    const row = await readRegistrationToken(db, hashToken(token))
    if (!row || (row.expiry_time !== undefined && row.expiry_time <= clock.now())) return undefined
    return row.uses_allowed === undefined || row.completed < row.uses_allowed ? row : undefined
  }

  return {
    readInvitation,
    isValid: async (token) => configured.has(hashToken(token)) || (await readInvitation(token)) !== undefined,
    hasInvitation: () => hasOpenRegistrationToken(db, clock.now()),
    async writesForUse(token) {
      const hash = hashToken(token)
      if (configured.has(hash)) return () => []
      const { room_ids = [], created_by: inviter } = (await readRegistrationToken(db, hash)) ?? {}
      return (user_id) => [
        countRegistrationTokenUse(hash, clock.now()),
        ...(inviter && room_ids.length > 0 ? [setRoomEntry({ user_id, room_ids, inviter })] : []),
      ]
    },
  }
}
