/** Builds what accounts need of nobody else: names, passwords, profiles, account data. Rooms are built on it. */
import type { Clock } from '../kernel/clock.js'
import type { HomeserverConfig } from '../kernel/config.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Database } from '../store/reader.js'
import type { startThreepids } from '../threepids/start-threepids.js'
import { makeAccountData } from './account-data.js'
import type { Authenticator } from './authenticate.js'
import { makeCheckPassword } from './check-password.js'
import { makeOpenIdTokens } from './openid-tokens.js'
import { makePasswordGuesses } from './password-guesses.js'
import { makePasswordHasher } from './password-hashing.js'
import { makeProfiles } from './profile.js'
import { makeReadAccounts } from './read-accounts.js'
import { makeRegistration } from './register-user.js'
import { makeRegistrationPolicy } from './registration-policy.js'
import { makeRegistrationTokens } from './registration-tokens.js'
import { makeSharedSecretRegistration } from './shared-secret-registration.js'
import { makeRequireAuth } from './user-interactive-auth.js'

export type AccountNeeds = Omit<Parameters<typeof makeProfiles>[0], 'db' | 'serverName'> & {
  db: Database
  clock: Clock
  serverName: ServerName
  config: HomeserverConfig
  authenticator: Authenticator
  /** Of mail addresses. */
  threepids: Threepids
}

type Threepids = ReturnType<typeof startThreepids>
export type Accounts = ReturnType<typeof startAccounts>

export function startAccounts({
  db,
  clock,
  serverName,
  config,
  authenticator,
  threepids,
  ...profileNeeds
}: AccountNeeds) {
  const hasher = makePasswordHasher(config.password_hashing.cost)
  const registrationTokens = makeRegistrationTokens({ db, clock, configured: config.registration.tokens })
  const guesses = makePasswordGuesses({ db, clock, isOn: config.rate_limits.enabled })
  const checkPassword = makeCheckPassword({ db, serverName, hasher, guesses })
  const reading = makeReadAccounts({ db })
  return {
    hasher,
    checkPassword,
    registrationTokens,
    registrationPolicy: makeRegistrationPolicy({
      config: config.registration,
      hasInvitation: registrationTokens.hasInvitation,
      sendsMail: threepids.sendsMail,
    }),
    sharedSecretRegistration: makeSharedSecretRegistration(config.registration.shared_secret),
    requireAuth: makeRequireAuth({
      checkPassword,
      registrationTokens,
      readValidated: threepids.validation.readValidated,
    }),
    registration: makeRegistration({ db, serverName, hasher, clock, authenticator }),
    reading,
    openIdTokens: makeOpenIdTokens({ db, clock, isActiveUser: reading.isActiveUser }),
    profiles: makeProfiles({ db, serverName, ...profileNeeds }),
    accountData: makeAccountData({ db }),
  }
}
