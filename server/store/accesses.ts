/**
 * Who may open a session on the database other than the server itself: defined anew at every start from the
 * keys at hand, not in migrations.
 *
 * `matrix_client` (database, record): a user's session. Its AUTHENTICATE refuses a login session that is not
 * active and a user who is unknown, locked or deactivated; suspended users may read. `federation`
 * (namespace): a session for a server whose request signature has been verified.
 * Nothing here keeps a session that is open from going on: `sessions.ts` ends them.
 */
import type { SessionKeys } from './key-files.js'
import { type Rpc, recordId } from './rpc.js'

export const namespace = 'matrix'
export const databaseName = 'homeserver'

/** Seconds a record session lasts without being refreshed; a token lasts no longer. */
export const recordSessionSeconds = 3600
/** Seconds a federation session lasts; the pool makes a new one before that. */
export const federationSessionSeconds = 900

const authenticateClient = `{
  LET $login = type::record('login_session', $token.sid);
  IF $login.active != true OR $login.user_id != record::id($auth) { THROW 'logged out' };
  IF $auth.status NOT IN ['active', 'suspended'] { THROW 'account unavailable' };
  RETURN $auth
}`
const authenticateServer = `{ IF type::is_string($token.origin) != true { THROW 'no origin' } }`

/**
 * Idempotent. The shared session must be using the server's namespace and database.
 *
 * @param isShared true on a database that other nodes may share: all must have the same keys, or each would
 *   refuse the tokens that the others made
 * @throws Error with one sentence when another node defined them from other keys
 */
export async function defineAccesses(rpc: Rpc, keys: SessionKeys, isShared = false): Promise<void> {
  const mine = { live: keys.live.thumbprint, federation: keys.federation.thumbprint }
  const row = recordId('server_meta', 'session_keys')
  const [theirs] = await rpc.query<[(typeof mine & { id: unknown }) | undefined]>('SELECT * FROM ONLY $row', { row })
  if (isShared && theirs && (theirs.live !== mine.live || theirs.federation !== mine.federation))
    throw new Error('The files in keys/ are not those of the other nodes on this database; copy theirs to this node.')
  await rpc.query(
    `
    DEFINE ACCESS OVERWRITE matrix_client ON DATABASE TYPE RECORD
      WITH JWT ALGORITHM EDDSA KEY ${quoted(keys.live.publicPem)}
      AUTHENTICATE ${authenticateClient}
      DURATION FOR SESSION ${recordSessionSeconds}s;
    DEFINE ACCESS OVERWRITE federation ON NAMESPACE TYPE JWT
      ALGORITHM EDDSA KEY ${quoted(keys.federation.publicPem)}
      AUTHENTICATE ${authenticateServer}
      DURATION FOR SESSION ${federationSessionSeconds}s;
    UPSERT $row CONTENT $mine RETURN NONE`,
    { row, mine },
  )
}

/** DEFINE takes no bindings. A PEM has no character that means anything inside quotes; checked all the same. */
function quoted(pem: string): string {
  if (!/^[A-Za-z0-9+/=\s-]+$/.test(pem)) throw new TypeError('not a PEM')
  return `"${pem.trim()}"`
}
