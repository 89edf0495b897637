/**
 * Record sessions (S2): one engine session per client channel, in which PERMISSIONS see the user as `$auth`,
 * the token's claims as `$token`, and `$user_id` and `$device_id` for the user's own statements.
 *
 * The engine would keep a session and its live queries going after logout, and turns a session whose
 * authentication is taken away into an owner session. So no session leaves this file before its token
 * was accepted, none is ever invalidated, and the end of one is always: tell the listeners (who stop
 * forwarding at once), KILL its live queries, detach.
 */
import type { Uuid } from 'surrealdb'
import type { Clock, Timer } from '../kernel/clock.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { databaseName, namespace } from './accesses.js'
import { DatabaseError } from './errors.js'
import type { SessionKey } from './key-files.js'
import type { LiveTables } from './live.js'
import {
  type LiveToken,
  type LiveTokenSubject,
  SessionRefusedError,
  signLiveToken,
  verifyLiveToken,
} from './live-token.js'
import { newUuid, type Rpc } from './rpc.js'

export type EndReason = 'expired' | 'logged_out' | 'closed'

export type RecordSession = {
  /** The engine's number of it: what a frame is pinned to. */
  readonly id: Uuid
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly sid: string
  /** Milliseconds since the epoch; moves on with `refreshSession`. */
  readonly expiresAtMs: number
  /** False from the moment it ends: nothing may be forwarded any more. */
  readonly isOpen: boolean
  /**
   * Runs a request of this session. The end of the session waits for it, so that a live query which it
   * registers is noted in time.
   */
  during<T>(request: () => Promise<T>): Promise<T>
  /**
   * Remembers a live query that was registered in this session, so that it dies with it; when the session
   * is over already it is killed at once. Better called inside `during`: a late kill disturbs its table twice.
   *
   * @param table the table it listens to, if known
   */
  noteLive(liveId: string, table?: string): void
  /** It was killed already. */
  forgetLive(liveId: string): void
  /** Runs once, synchronously, when the session ends; at once if it has. */
  onEnd(listener: (reason: EndReason) => void): void
}

export type Sessions = {
  issueLiveToken(subject: LiveTokenSubject): Promise<LiveToken>
  /** @throws SessionRefusedError */
  openRecordSession(token: string): Promise<RecordSession>
  /**
   * To be asked before every use of a session.
   *
   * @throws SessionRefusedError `expired` or `logged_out`
   */
  validateSession(session: RecordSession): void
  /**
   * Takes a newer token of the same user and login session. When it is refused, the session goes on as it was.
   *
   * @throws SessionRefusedError
   */
  refreshSession(session: RecordSession, token: string): Promise<void>
  /** Runs our own statement as the session's user. @throws SessionRefusedError, DatabaseError */
  query<T extends unknown[]>(session: RecordSession, sql: string, bindings?: Record<string, unknown>): Promise<T>
  /** Resolves when its live queries are dead and the engine has forgotten it. */
  closeSession(session: RecordSession, reason?: EndReason): Promise<void>
  /** Ends every session of a login session: logout, device deletion. To be called when that is durable. */
  endLoginSession(sid: string): Promise<void>
  /** Ends every session of a user: password change, deactivation, lock. */
  endUserSessions(userId: UserId): Promise<void>
  readonly openCount: number
  close(): Promise<void>
}

export type SessionsNeeds = {
  rpc: Rpc
  live: Pick<LiveTables, 'withWritersPaused'>
  key: SessionKey
  clock: Clock
  logger: Logger
}

export function makeSessions({ rpc, live, key, clock, logger }: SessionsNeeds): Sessions {
  const open = new Set<Session>()

  async function openRecordSession(token: string): Promise<RecordSession> {
    const claims = await verifyLiveToken(key, clock, token)
    const session = new Session(newUuid(), claims)
    const scope = { session: session.id }
    session.killLate = (liveId, table) => void killDetached(liveId, table)
    // Known from here on, so that a logout that comes while it opens ends it too.
    open.add(session)
    try {
      await rpc.call('attach', [], scope)
      await rpc.call('use', [namespace, databaseName], scope)
      await authenticate(session.id, token)
      await rpc.call('set', ['user_id', claims.userId], scope)
      await rpc.call('set', ['device_id', claims.deviceId], scope)
      validateSession(session)
    } catch (error) {
      open.delete(session)
      session.end('closed', logger)
      await rpc.call('detach', [], scope).catch(() => {})
      throw error
    }
    scheduleExpiry(session)
    return session
  }

  async function authenticate(id: Uuid, token: string): Promise<void> {
    try {
      await rpc.call('authenticate', [token], { session: id })
    } catch (error) {
      throw refusalOf(error)
    }
  }

  function scheduleExpiry(session: Session): void {
    session.timer?.cancel()
    session.timer = clock.after(Math.max(0, session.expiresAtMs - clock.now()), () => {
      void closeSession(session, 'expired')
    })
  }

  async function refreshSession(given: RecordSession, token: string): Promise<void> {
    const session = own(given)
    validateSession(session)
    const claims = await verifyLiveToken(key, clock, token)
    if (claims.userId !== session.userId || claims.sid !== session.sid) throw new SessionRefusedError('invalid')
    await authenticate(session.id, token)
    validateSession(session)
    session.expiresAtMs = claims.expiresAtMs
    scheduleExpiry(session)
  }

  function validateSession(given: RecordSession): void {
    const session = own(given)
    if (session.isOpen && clock.now() >= session.expiresAtMs) void closeSession(session, 'expired')
    if (session.isOpen) return
    throw new SessionRefusedError(session.endReason === 'expired' ? 'expired' : 'logged_out')
  }

  async function closeSession(given: RecordSession, reason: EndReason = 'closed'): Promise<void> {
    const session = own(given)
    if (session.isOpen) {
      open.delete(session)
      session.timer?.cancel()
      session.end(reason, logger)
      session.ended = finish(session)
    }
    await session.ended
  }

  /** What fails here is logged and not thrown: the session is out of reach already. */
  async function finish(session: Session): Promise<void> {
    await Promise.allSettled(session.running)
    // Before the detach: that would forget them, and then no KILL stops what is still being delivered.
    await kill(session.takeLives())
    await rpc
      .call('detach', [], { session: session.id })
      .catch((error: unknown) => logger.error({ err: error }, 'a record session could not be detached'))
  }

  /** From the server's session: an expired one may not. Under the lock, or others of the table may die with it. */
  async function kill(lives: ReadonlyMap<string, string | undefined>): Promise<void> {
    if (lives.size === 0) return
    const tables = [...lives.values()]
    const known = tables.every((table) => table !== undefined) ? tables : undefined
    try {
      const sql = [...lives.keys()].map((id) => `KILL u"${id}"`).join(';')
      const replies = await live.withWritersPaused(known, () => rpc.queryReplies(sql))
      for (const reply of replies)
        if (reply.status === 'ERR' && !reply.result.includes('Cannot execute KILL'))
          logger.error({ reason: reply.result }, 'a live query could not be killed')
    } catch (error) {
      logger.error({ err: error }, 'live queries could not be killed')
    }
  }

  /**
   * The engine may have forgotten it with its session, and then goes on serving it from a list in memory, which
   * another LIVE and KILL on the table replace.
   */
  async function killDetached(liveId: string, table: string | undefined): Promise<void> {
    await kill(new Map([[liveId, table]]))
    if (table === undefined || !/^[a-z_]+$/.test(table)) return
    try {
      await live.withWritersPaused([table], async () => {
        const [id] = await rpc.query<[Uuid]>(`LIVE SELECT * FROM ${table} WHERE false`)
        await rpc.query(`KILL u"${id}"`)
      })
    } catch (error) {
      logger.error({ err: error }, 'a live query of a closed session could not be ended')
    }
  }

  const endAll = async (isMeant: (session: Session) => boolean) => {
    await Promise.all([...open].filter(isMeant).map((session) => closeSession(session, 'logged_out')))
  }

  return {
    issueLiveToken: (subject) => signLiveToken(key, clock, subject),
    openRecordSession,
    validateSession,
    refreshSession,
    async query<T extends unknown[]>(session: RecordSession, sql: string, bindings?: Record<string, unknown>) {
      validateSession(session)
      return session.during(() => rpc.query<T>(sql, bindings, { session: session.id }))
    },
    closeSession,
    endLoginSession: (sid) => endAll((session) => session.sid === sid),
    endUserSessions: (userId) => endAll((session) => session.userId === userId),
    get openCount() {
      return open.size
    },
    async close() {
      await Promise.all([...open].map((session) => closeSession(session)))
    },
  }
}

class Session implements RecordSession {
  readonly id: Uuid
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly sid: string
  expiresAtMs: number
  isOpen = true
  endReason: EndReason | undefined
  timer: Timer | undefined
  ended: Promise<void> = Promise.resolve()
  readonly running = new Set<Promise<unknown>>()
  isFinished = false
  killLate: (liveId: string, table: string | undefined) => void = () => {}
  #lives = new Map<string, string | undefined>()
  #listeners: ((reason: EndReason) => void)[] = []

  constructor(id: Uuid, claims: { userId: UserId; deviceId: DeviceId; sid: string; expiresAtMs: number }) {
    this.id = id
    this.userId = claims.userId
    this.deviceId = claims.deviceId
    this.sid = claims.sid
    this.expiresAtMs = claims.expiresAtMs
  }

  during<T>(request: () => Promise<T>): Promise<T> {
    const running = request()
    this.running.add(running)
    const done = () => this.running.delete(running)
    running.then(done, done)
    return running
  }

  noteLive(liveId: string, table?: string): void {
    if (!/^[0-9a-f-]{36}$/.test(liveId)) throw new TypeError(`not the id of a live query: ${liveId}`)
    if (this.isFinished) this.killLate(liveId, table)
    else this.#lives.set(liveId, table)
  }

  forgetLive(liveId: string): void {
    this.#lives.delete(liveId)
  }

  onEnd(listener: (reason: EndReason) => void): void {
    if (this.endReason) listener(this.endReason)
    else this.#listeners.push(listener)
  }

  end(reason: EndReason, logger: Logger): void {
    this.isOpen = false
    this.endReason ??= reason
    for (const listener of this.#listeners) {
      try {
        listener(reason)
      } catch (error) {
        logger.error({ err: error }, 'a listener of a session end failed')
      }
    }
    this.#listeners = []
  }

  /** The live queries to kill now; from here on each that is noted is late. */
  takeLives(): ReadonlyMap<string, string | undefined> {
    this.isFinished = true
    const lives = this.#lives
    this.#lives = new Map()
    return lives
  }
}

function own(session: RecordSession): Session {
  if (!(session instanceof Session)) throw new TypeError('not a session of this server')
  return session
}

function refusalOf(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error
  if (error.message.includes('logged out')) return new SessionRefusedError('logged_out')
  if (error.message.includes('account unavailable')) return new SessionRefusedError('account_unavailable')
  if (error.message.includes('expired')) return new SessionRefusedError('expired')
  return new SessionRefusedError('invalid')
}
