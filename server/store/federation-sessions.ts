/**
 * Namespace sessions for other servers (S3): what a verified request from `origin` reads, it reads here, and its
 * transaction is inserted here, stamped by the engine with `$token.origin`.
 *
 * Such a session may do nearly anything in the namespace, and PERMISSIONS do not bind it. So only this
 * server's own SELECT statements and one fixed INSERT run in it, and what came over the wire is always
 * a binding.
 */
import { SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Uuid } from 'surrealdb'
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { databaseName, federationSessionSeconds, namespace } from './accesses.js'
import { AlreadyExistsError } from './errors.js'
import type { SessionKey } from './key-files.js'
import type { Reader } from './reader.js'
import { newUuid, type Rpc, recordId } from './rpc.js'

export type InboxTransaction = {
  txnId: string
  /** The transaction's body as JSON text, as it came. */
  body: string
  receivedAt: number
}
export type FederationSession = Reader & {
  readonly origin: ServerName
  /**
   * Stores a transaction before any of it is handled.
   *
   * @returns false when this origin has sent this transaction before
   */
  insertInbox(transaction: InboxTransaction): Promise<boolean>
}
export type FederationSessions = {
  /** Runs `work` in a session of `origin`, whose request signature the caller has verified. */
  withFederationSession<T>(origin: ServerName, work: (session: FederationSession) => Promise<T>): Promise<T>
  close(): Promise<void>
}

type Pooled = {
  id: Uuid
  openedAt: number
  users: number
  /** Out of the pool: detached when its last user is done. */
  isRetired: boolean
}

const poolSize = 64
const idleMs = 10 * 60_000
const tokenSeconds = 300
/** Well before the engine ends it. */
const maxAgeMs = (federationSessionSeconds - 120) * 1000

export type FederationSessionsNeeds = { rpc: Rpc; key: SessionKey; clock: Clock; logger: Logger }

export function makeFederationSessions({ rpc, key, clock, logger }: FederationSessionsNeeds): FederationSessions {
  const detaching = new Set<Promise<unknown>>()
  const pool = new LRUCache<ServerName, Promise<Pooled>>({
    max: poolSize,
    ttl: idleMs,
    updateAgeOnGet: true,
    ttlAutopurge: true,
    perf: { now: () => clock.elapsed() },
    dispose: (opening) => void opening.then(retire, () => {}),
  })

  function retire(session: Pooled): void {
    session.isRetired = true
    if (session.users > 0) return
    const done: Promise<unknown> = rpc
      .call('detach', [], { session: session.id })
      .catch((error: unknown) => logger.error({ err: error }, 'a federation session could not be detached'))
      .finally(() => detaching.delete(done))
    detaching.add(done)
  }

  async function open(origin: ServerName): Promise<Pooled> {
    const id = newUuid()
    const scope = { session: id }
    await rpc.call('attach', [], scope)
    try {
      await rpc.call('use', [namespace, databaseName], scope)
      await rpc.call('authenticate', [await signToken(key, clock, origin)], scope)
    } catch (error) {
      await rpc.call('detach', [], scope).catch(() => {})
      throw error
    }
    return { id, openedAt: clock.elapsed(), users: 0, isRetired: false }
  }

  /** Counts the caller as a user of it, in the same turn as the check. */
  async function take(origin: ServerName): Promise<Pooled> {
    const opening = pool.get(origin) ?? start(origin)
    const session = await opening
    if (!session.isRetired && clock.elapsed() - session.openedAt < maxAgeMs) {
      session.users += 1
      return session
    }
    // Someone else may have replaced it while we waited.
    if (pool.peek(origin) === opening) pool.delete(origin)
    return take(origin)
  }

  function start(origin: ServerName): Promise<Pooled> {
    const opening = open(origin)
    pool.set(origin, opening)
    opening.catch(() => {
      if (pool.peek(origin) === opening) pool.delete(origin)
    })
    return opening
  }

  return {
    async withFederationSession(origin, work) {
      const session = await take(origin)
      try {
        return await work(toSession(rpc, origin, session.id))
      } finally {
        session.users -= 1
        if (session.isRetired) retire(session)
      }
    },
    async close() {
      pool.clear()
      // Disposal goes through the promises of sessions that are still opening.
      await new Promise((resolve) => setImmediate(resolve))
      await Promise.all(detaching)
    },
  }
}

function toSession(rpc: Rpc, origin: ServerName, id: Uuid): FederationSession {
  const scope = { session: id }
  return {
    origin,
    async query<T extends unknown[]>(sql: string, bindings?: Record<string, unknown>) {
      checkReadOnly(sql)
      return rpc.query<T>(sql, bindings, scope)
    },
    async insertInbox({ txnId, body, receivedAt }) {
      const row = { id: recordId('federation_inbox', [origin, txnId]), txn_id: txnId, body, received_at: receivedAt }
      try {
        await rpc.query('INSERT INTO federation_inbox $row RETURN NONE', { row }, scope)
        return true
      } catch (error) {
        if (error instanceof AlreadyExistsError) return false
        throw error
      }
    },
  }
}

const readOnly = new Set<string>()

/** A guard against our own mistakes: statements are constants of the stores. @throws TypeError */
function checkReadOnly(sql: string): void {
  if (readOnly.has(sql)) return
  for (const statement of sql.split(';'))
    if (!/^\s*(SELECT|RETURN)\s|^\s*$/i.test(statement)) throw new TypeError('a federation session only reads')
  if (readOnly.size < 1000) readOnly.add(sql)
}

async function signToken(key: SessionKey, clock: Clock, origin: ServerName): Promise<string> {
  const issuedAt = Math.floor(clock.now() / 1000)
  return new SignJWT({ NS: namespace, AC: 'federation', RL: ['Editor'], origin })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + tokenSeconds)
    .sign(key.privateKey)
}
