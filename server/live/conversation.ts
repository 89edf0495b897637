/**
 * One live channel from its first frame to its end.
 *
 * Requests are answered strictly one after the other, but for `ping` and `version`. A client session (the SDK's
 * default one, or one it attached) gets an engine session of its own when its token was accepted, and
 * nothing reaches the engine before: a session without authentication is an owner's. All sessions of a
 * channel belong to one login session. Session variables are kept here and go along as bindings, so
 * the screen sees every value.
 *
 * The SDK's calls that would leave a session unauthenticated (`invalidate`, `reset`) end it; those that open
 * other doors (`signin`, `begin`, `live`, `run`, …) are refused.
 */
import type { Clock, Timer } from '../kernel/clock.js'
import type { Logger } from '../kernel/logger.js'
import { databaseName, namespace } from '../store/accesses.js'
import type { Engine } from '../store/engine.js'
import type { LiveTables } from '../store/live.js'
import { SessionRefusedError } from '../store/live-token.js'
import type { Rpc } from '../store/rpc.js'
import type { RecordSession, Sessions } from '../store/sessions.js'
import type { Channel } from './channel.js'
import { closeCodes, liveLimits } from './close-codes.js'
import { deviceKey } from './connected-clients.js'
import type { CommitTimes } from './delays.js'
import {
  answerFrame,
  BadFrame,
  frameLimits,
  type Notification,
  type Request,
  readNumberField,
  readRequest,
  refusalFrame,
  sessionKey,
  valueFrame,
} from './frames.js'
import type { LiveRegistry } from './live-registry.js'
import { QueryRunner, RequestRefused, type RunQueryNeeds } from './run-query.js'
import { screenBindings } from './screen/bindings.js'
import { Refused } from './screen/tokens.js'
import { screenQuery } from './screen-query.js'
import { ShareUsedUp, type UserLimits } from './user-limits.js'
import type { LiveViewers } from './viewers.js'

export type BridgeNeeds = {
  engine: Pick<Engine, 'execute' | 'onNotification'>
  root: Pick<Rpc, 'call'>
  live: Pick<LiveTables, 'withWritersPaused'>
  sessions: Pick<Sessions, 'openRecordSession' | 'validateSession' | 'refreshSession' | 'closeSession'>
  registry: LiveRegistry
  viewers: LiveViewers
  commitTimes: CommitTimes
  clock: Clock
  logger: Logger
}

/** What the conversations of a bridge share. */
export type Shared = BridgeNeeds & {
  registry: LiveRegistry
  limits: UserLimits
  /** Engine session → conversation: where notifications go. */
  routes: Map<string, Conversation>
  /** The engine's version, as its RPC says it. */
  version(): Promise<string>
  /** A token was accepted for the first time. */
  known(conversation: Conversation): void
  ended(conversation: Conversation): void
  /** @returns false where no channel can be given to the user */
  makeRoom(userId: RecordSession['userId']): boolean
  shutOut: RunQueryNeeds['shutOut']
  crowdOut: RunQueryNeeds['crowdOut']
}

const tooSlow = 'what was sent is not read'

type ClientSession = { record: RecordSession | undefined; variables: Map<string, unknown> }

export class Conversation {
  readonly id: string
  readonly #shared: Shared
  readonly #channel: Channel
  readonly #logger: Logger
  readonly #sessions = new Map<string, ClientSession>([['', { record: undefined, variables: new Map() }]])
  #turn: Promise<void> = Promise.resolve()
  #waiting = 0
  #failedAuthentications = 0
  #isEnded = false
  #identity: Pick<RecordSession, 'userId' | 'deviceId' | 'sid'> | undefined
  #deadline: Timer | undefined
  readonly #queries: QueryRunner

  constructor(id: string, channel: Channel, shared: Shared) {
    this.id = id
    this.#shared = shared
    this.#channel = channel
    this.#logger = shared.logger.child({ channel: id })
    this.#queries = new QueryRunner(shared, id)
    this.#startDeadline()
    channel.onClose(() => this.end())
    channel.onMessage((bytes) => this.#receive(bytes))
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  get userId(): RecordSession['userId'] | undefined {
    return this.#identity?.userId
  }

  /** As `deviceKey` writes it. */
  get device(): string | undefined {
    return this.#identity && deviceKey(this.#identity.userId, this.#identity.deviceId)
  }

  /** Stops at once; the engine's sessions and live queries follow. Repeating it does nothing. */
  end(code?: number, reason?: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#queries.isEnded = true
    this.#deadline?.cancel()
    for (const { record } of this.#sessions.values()) if (record) this.#release(record)
    for (const { id } of this.#shared.registry.ofChannel(this.id)) this.#shared.registry.delete(id)
    if (this.#identity) {
      this.#shared.limits.removeChannel(this.#identity.userId)
      this.#shared.viewers.removeChannel({ id: this.id, ...this.#identity })
    }
    this.#channel.close(code, reason)
    this.#shared.ended(this)
  }

  /** A row for one of this channel's live queries. */
  deliver(notification: Notification): void {
    if (this.#isEnded) return
    if (this.#queries.holds(notification)) {
      if (this.#queries.heldBytes > liveLimits.bufferedBytes) this.end(closeCodes.tooSlow, tooSlow)
      return
    }
    this.#post(notification.frame)
    const query = this.#shared.registry.get(notification.liveId)
    if (!query) return
    query.delivered++
    // Reading the position costs a walk through the row, so at a high rate only some are measured.
    if (query.delivered > 64 && query.delivered % 8 !== 0) return
    const position = readNumberField(notification.row, 'position')
    const committedAt = position === undefined ? undefined : this.#shared.commitTimes.at(position)
    if (committedAt !== undefined) query.delays.add(this.#shared.clock.elapsed() - committedAt)
  }

  /** Asks before, not after: one large answer is no backlog. */
  #post(frame: Uint8Array): void {
    if (this.#isEnded) return
    if (this.#channel.bufferedBytes > liveLimits.bufferedBytes) this.end(closeCodes.tooSlow, tooSlow)
    else this.#channel.post(frame)
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isEnded) return
    let request: Request
    try {
      request = readRequest(bytes)
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error
      this.end(closeCodes.badFrame, error.message)
      return
    }
    if (request.method === 'ping') this.#post(valueFrame(request.id, null))
    else this.#takeTurn(request)
  }

  #takeTurn(request: Request): void {
    this.#waiting++
    if (this.#waiting > liveLimits.waitingRequests) this.end(closeCodes.limits, 'too many requests at once')
    this.#turn = this.#turn
      .then(() => this.#answer(request))
      .finally(() => {
        this.#waiting--
      })
  }

  async #answer(request: Request): Promise<void> {
    if (this.#isEnded) return
    try {
      this.#post(await this.#carryOut(request))
    } catch (error) {
      if (error instanceof RequestRefused) this.#post(refusalFrame(request.id, error.message, error.code))
      else if (error instanceof Refused) this.#post(refusalFrame(request.id, error.message))
      else if (error instanceof ShareUsedUp) this.#post(refusalFrame(request.id, error.message, closeCodes.limits))
      else if (error instanceof SessionRefusedError) this.#refuseSession(request, error)
      else {
        this.#logger.error({ err: error, method: request.method }, 'a live request failed')
        this.#post(refusalFrame(request.id, 'The server could not answer this.'))
      }
    } finally {
      for (const notification of this.#queries.release()) this.deliver(notification)
    }
  }

  #carryOut(request: Request): Promise<Uint8Array> | Uint8Array {
    const { id, method, params } = request
    switch (method) {
      case 'version':
        return this.#shared.version().then((version) => valueFrame(id, version))
      case 'use':
        return this.#use(request)
      case 'attach':
        return this.#attach(request)
      case 'detach':
        return this.#detach(request)
      case 'sessions':
        return valueFrame(id, [])
      case 'authenticate':
        return this.#authenticate(request)
      case 'let':
      case 'set':
        return this.#setVariable(request, params[0], params[1])
      case 'unset':
        this.#sessionOf(request).variables.delete(String(params[0]))
        return valueFrame(id, null)
      case 'invalidate':
      case 'reset':
        return this.#unauthenticate(request)
      case 'query':
        return this.#query(request)
      default:
        throw new RequestRefused(`The method ${method.slice(0, 32)} is not allowed here.`)
    }
  }

  // ── sessions ─────────────────────────────────────────────────────────────────────────────────

  #sessionOf({ session }: Request): ClientSession {
    const found = this.#sessions.get(session ? sessionKey(session) : '')
    if (!found) throw new RequestRefused('There is no such session.')
    return found
  }

  /** Nobody holds a channel without a token for longer than this. */
  #startDeadline(): void {
    this.#deadline?.cancel()
    if (this.#isEnded || [...this.#sessions.values()].some(({ record }) => record?.isOpen)) return
    this.#deadline = this.#shared.clock.after(liveLimits.authenticateMs, () =>
      this.end(closeCodes.expired, 'no token within ten seconds'),
    )
  }

  /** Every session is pinned to our namespace and database; naming another is an error, not a way there. */
  #use({ id, params: [ns, db] }: Request): Uint8Array {
    if ((ns ?? namespace) !== namespace || (db ?? databaseName) !== databaseName)
      throw new RequestRefused(`Use the namespace ${namespace} and the database ${databaseName}.`)
    return valueFrame(id, { namespace, database: databaseName })
  }

  #attach({ id, session }: Request): Uint8Array {
    if (!session) throw new RequestRefused('A session to attach needs an id.')
    const key = sessionKey(session)
    if (this.#sessions.has(key)) throw new RequestRefused('The session is attached already.')
    if (this.#sessions.size >= liveLimits.sessionsPerChannel)
      throw new RequestRefused(`A channel may have at most ${liveLimits.sessionsPerChannel} sessions.`)
    this.#sessions.set(key, { record: undefined, variables: new Map() })
    return valueFrame(id, null)
  }

  async #detach(request: Request): Promise<Uint8Array> {
    if (!request.session) throw new RequestRefused('The first session ends with the channel.')
    const answer = await this.#unauthenticate(request)
    this.#sessions.delete(sessionKey(request.session))
    return answer
  }

  async #authenticate(request: Request): Promise<Uint8Array> {
    const session = this.#sessionOf(request)
    const [token] = request.params
    if (typeof token !== 'string' || token.length > 8_192) throw new SessionRefusedError('invalid')
    this.#deadline?.cancel()
    try {
      if (session.record?.isOpen) await this.#shared.sessions.refreshSession(session.record, token)
      else session.record = await this.#open(token)
    } finally {
      this.#startDeadline()
    }
    return valueFrame(request.id, null)
  }

  async #open(token: string): Promise<RecordSession> {
    const { sessions, live } = this.#shared
    // After a crash the live tables are first cleared of what it left; until then they may lack rows.
    await live.withWritersPaused([], async () => {})
    const record = await sessions.openRecordSession(token)
    const known = this.#identity
    const isOther = known && (known.userId !== record.userId || known.sid !== record.sid)
    if (this.#isEnded || isOther || (!known && !this.#takePlace(record.userId))) {
      await sessions.closeSession(record)
      if (isOther) throw new SessionRefusedError('invalid')
      this.end(closeCodes.limits, 'too many channels')
      throw new RequestRefused('Too many channels.')
    }
    this.#identity = { userId: record.userId, deviceId: record.deviceId, sid: record.sid }
    this.#shared.known(this)
    if (!known) this.#shared.viewers.addChannel({ id: this.id, ...this.#identity })
    this.#shared.routes.set(sessionKey(record.id), this)
    record.onEnd((reason) => {
      this.#shared.routes.delete(sessionKey(record.id))
      if (reason === 'expired') this.end(closeCodes.expired, 'the token expired')
      if (reason === 'logged_out') this.end(closeCodes.loggedOut, 'logged out')
    })
    return record
  }

  #takePlace(userId: RecordSession['userId']): boolean {
    const { limits, makeRoom } = this.#shared
    return makeRoom(userId) && limits.addChannel(userId)
  }

  /** The client session goes on existing, but nothing passes until it authenticates again. */
  async #unauthenticate(request: Request): Promise<Uint8Array> {
    const session = this.#sessionOf(request)
    const { record } = session
    session.record = undefined
    session.variables.clear()
    if (record) {
      for (const query of this.#shared.registry.ofChannel(this.id))
        if (query.session === sessionKey(record.id)) this.#shared.registry.delete(query.id)
      await this.#shared.sessions.closeSession(record)
    }
    this.#startDeadline()
    return valueFrame(request.id, null)
  }

  #release(record: RecordSession): void {
    this.#shared.routes.delete(sessionKey(record.id))
    this.#shared.sessions
      .closeSession(record)
      .catch((error: unknown) => this.#logger.error({ err: error }, 'a record session could not be closed'))
  }

  #refuseSession({ id, method }: Request, { refusal }: SessionRefusedError): void {
    const texts = {
      invalid: 'The token is not valid here.',
      expired: 'The token has expired.',
      logged_out: 'The login session has ended.',
      account_unavailable: 'The account is not available.',
    }
    this.#post(refusalFrame(id, texts[refusal]))
    if (refusal === 'logged_out' || refusal === 'account_unavailable') this.end(closeCodes.loggedOut, 'logged out')
    else if (method !== 'authenticate') this.end(closeCodes.expired, 'the token expired')
    else if (++this.#failedAuthentications >= liveLimits.failedAuthentications)
      this.end(closeCodes.expired, 'the token was refused')
  }

  #setVariable(request: Request, name: unknown, value: unknown): Uint8Array {
    const { variables } = this.#sessionOf(request)
    if (typeof name !== 'string') throw new RequestRefused('A variable needs a name.')
    if (variables.size >= liveLimits.variables && !variables.has(name)) throw new RequestRefused('Too many variables.')
    screenBindings({ [name]: value }, { user_id: '', device_id: '' })
    variables.set(name, value)
    return valueFrame(request.id, null)
  }

  // ── queries ──────────────────────────────────────────────────────────────────────────────────

  async #query(request: Request): Promise<Uint8Array> {
    const { record, variables } = this.#sessionOf(request)
    if (!record) throw new RequestRefused('Authenticate first.')
    this.#shared.sessions.validateSession(record)
    const [sql, given] = request.params
    if (given !== undefined && given !== null && typeof given !== 'object')
      throw new RequestRefused('Bindings must be an object.')
    const verdict = screenQuery(
      sql,
      { ...Object.fromEntries(variables), ...given },
      {
        user_id: record.userId,
        device_id: record.deviceId,
      },
    )
    if (!verdict.allowed) throw new RequestRefused(`This query is not allowed: ${verdict.reason}.`)
    await this.#shared.limits.beforeMaking(record.userId)
    const { userId, deviceId } = record
    await this.#shared.viewers.ask({ id: this.id, userId, deviceId }, verdict, (work) =>
      this.#shared.limits.atExpense(userId, work),
    )
    const raw = await this.#queries.run(record, verdict)
    if (raw.length > frameLimits.answerBytes) throw new RequestRefused('The answer is too large: ask for fewer rows.')
    return answerFrame(request.id, raw)
  }
}
