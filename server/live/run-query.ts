/**
 * Runs the screened queries of one channel.
 *
 * A live query must be registered while nobody writes to its table, so everybody's writers wait for it. Nothing
 * else of a user may run then: the LIVE and KILL of a query go first and alone, all at once, and its SELECTs
 * after the writers were let go. That leaves no gap, as each SELECT sees what was written before it and each live query tells
 * what was written after it; what is told before the answer went out is held until then.
 */
import { Uuid } from 'surrealdb'
import type { Clock } from '../kernel/clock.js'
import type { Engine } from '../store/engine.js'
import type { LiveTables } from '../store/live.js'
import type { RecordSession } from '../store/sessions.js'
import { liveLimits } from './close-codes.js'
import { codec, frameLimits, isRefusal, mergeAnswers, type Notification, sessionKey } from './frames.js'
import type { LiveRegistry } from './live-registry.js'
import type { ScreenedStatement } from './screen-query.js'
import type { UserLimits } from './user-limits.js'

export type RunQueryNeeds = {
  engine: Pick<Engine, 'execute'>
  live: Pick<LiveTables, 'withWritersPaused'>
  registry: LiveRegistry
  limits: UserLimits
  clock: Clock
  /** Ends all channels of a user who overdid it. */
  shutOut(userId: RecordSession['userId']): void
  /** Ends the youngest channel of a user that listens to the table. */
  crowdOut(table: string, userId: RecordSession['userId']): void
}

/** Says why a request is not carried out; the channel goes on. */
export class RequestRefused extends Error {
  constructor(
    message: string,
    readonly code?: number,
  ) {
    super(message)
  }
}

type Screened = {
  sql: string
  statements: readonly ScreenedStatement[]
  bindings: Record<string, unknown>
  isScan: boolean
}
type Registering = Exclude<ScreenedStatement, { kind: 'select' }>

export class QueryRunner {
  readonly #held = new Map<string, Notification[]>()
  #heldBytes = 0
  isEnded = false

  constructor(
    private readonly needs: RunQueryNeeds,
    private readonly channel: string,
  ) {}

  /** @returns the engine's bare answer, one result a statement */
  async run(record: RecordSession, screened: Screened): Promise<Uint8Array> {
    const { limits } = this.needs
    const registering = screened.statements.filter((each): each is Registering => each.kind !== 'select')
    const selects = screened.statements.filter(({ kind }) => kind === 'select')
    if (registering.length === 0)
      return limits.inTurn(record.userId, screened.isScan, () => this.#execute(record, screened.sql, screened.bindings))

    this.#checkCounts(registering)
    await limits.beforeRegistering(record.userId, registering.length)
    const registered = await limits.inTurn(record.userId, false, () =>
      this.#register(record, registering, screened.bindings),
    )
    if (selects.length === 0 || isRefusal(registered)) return registered
    const sql = selects.map((each) => each.sql).join('; ')
    let selected: Uint8Array
    try {
      selected = await limits.inTurn(record.userId, screened.isScan, () =>
        this.#execute(record, sql, screened.bindings),
      )
    } catch (error) {
      await this.#undo(record, registering, registered)
      throw error
    }
    if (isRefusal(selected)) {
      await this.#undo(record, registering, registered)
      return selected
    }
    return mergeAnswers(
      [registered, selected],
      screened.statements.map(({ kind }) => (kind === 'select' ? 1 : 0)),
    )
  }

  /** Takes a notification that must wait for the answer which names its live query. */
  holds(notification: Notification): boolean {
    const held = this.#held.get(notification.liveId)
    if (!held) return false
    this.#heldBytes += notification.frame.length
    held.push(notification)
    return true
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** What was held of the live queries that are still there, oldest first of each; from here on nothing is. */
  release(): Notification[] {
    const held = [...this.#held].flatMap(([id, each]) => (this.needs.registry.get(id) ? each : []))
    this.#held.clear()
    this.#heldBytes = 0
    return held
  }

  #checkCounts(registering: readonly Registering[]): void {
    const { registry } = this.needs
    let count = registry.ofChannel(this.channel).length
    for (const statement of registering) {
      if (statement.kind === 'kill') {
        if (registry.get(statement.liveId)?.channel !== this.channel)
          throw new RequestRefused('There is no such live query on this channel.')
        count--
      } else if (++count > liveLimits.liveQueriesPerChannel)
        throw new RequestRefused(`A channel may have at most ${liveLimits.liveQueriesPerChannel} live queries.`)
    }
  }

  /** LIVE and KILL, and nothing else, while the writers of their tables wait. */
  async #register(
    record: RecordSession,
    statements: readonly Registering[],
    bindings: Record<string, unknown>,
  ): Promise<Uint8Array> {
    const { live, limits, registry } = this.needs
    const tables = new Set(statements.map((each) => (each.kind === 'live' ? each.table : this.#tableOf(each.liveId))))
    const taken = this.#takeWeight(record.userId, statements)
    const sql = statements.map((each) => each.sql).join('; ')
    try {
      return await record.during(() =>
        live.withWritersPaused([...tables], async () => {
          const start = this.needs.clock.elapsed()
          try {
            const raw = await this.#execute(record, sql, bindings)
            this.#note(record, statements, raw, taken)
            return raw
          } finally {
            limits.spendPause(record.userId, this.needs.clock.elapsed() - start)
          }
        }),
      )
    } finally {
      for (const { table, weight } of taken) registry.giveWeight(table, record.userId, weight)
    }
  }

  #tableOf(liveId: string): string {
    const query = this.needs.registry.get(liveId)
    if (query?.channel !== this.channel) throw new RequestRefused('There is no such live query on this channel.')
    return query.table
  }

  /**
   * Every write to a table pays for all live queries on it. A user has a share of that, however few others listen;
   * and when the table has no more to give, whoever takes most makes room for who takes less.
   */
  #takeWeight(
    userId: RecordSession['userId'],
    statements: readonly Registering[],
  ): { table: string; weight: number }[] {
    const { registry, crowdOut } = this.needs
    const taken = statements.flatMap((each) =>
      each.kind === 'live' ? [{ table: each.table, weight: each.weight }] : [],
    )
    for (const { table, weight } of taken) registry.takeWeight(table, userId, weight)
    const tooMuch = taken.find(({ table }) => {
      if (registry.weightOn(table, userId) > liveLimits.weightPerUser) return true
      while (registry.weightOn(table) > liveLimits.weightPerTable) {
        const heaviest = registry.heaviestOn(table)
        const before = registry.weightOn(table)
        if (heaviest === undefined || heaviest === userId) return true
        crowdOut(table, heaviest)
        if (registry.weightOn(table) >= before) return true
      }
      return false
    })
    if (!tooMuch) return taken
    for (const { table, weight } of taken) registry.giveWeight(table, userId, weight)
    throw new RequestRefused(
      `The live queries of this account on ${tooMuch.table} are its whole share: end some, or make them simpler.`,
      4429,
    )
  }

  /** @param taken loses what a registered query now stands for */
  #note(
    record: RecordSession,
    statements: readonly Registering[],
    raw: Uint8Array,
    taken: { table: string; weight: number }[],
  ): void {
    if (isRefusal(raw)) return
    const { registry, clock } = this.needs
    const replies = codec.decode(raw) as { status: string; result: unknown }[]
    for (const [index, statement] of statements.entries()) {
      const reply = replies[index]
      if (reply?.status !== 'OK') continue
      if (statement.kind === 'kill') {
        registry.delete(statement.liveId)
        record.forgetLive(statement.liveId)
      } else if (reply.result instanceof Uuid) {
        const { table, sql, weight } = statement
        const id = sessionKey(reply.result)
        // Where the session ended meanwhile, this kills the query.
        record.noteLive(id, table)
        if (!record.isOpen || this.isEnded) continue
        taken.splice(
          taken.findIndex((each) => each.table === table && each.weight === weight),
          1,
        )
        this.#held.set(id, [])
        registry.add({
          ...{ id, channel: this.channel, session: sessionKey(record.id), userId: record.userId, sid: record.sid },
          ...{ table, sql, weight, since: clock.now() },
        })
      }
    }
  }

  /** The client will not learn the ids of its live queries, and could neither use nor end them. */
  async #undo(record: RecordSession, statements: readonly Registering[], registered: Uint8Array): Promise<void> {
    const replies = codec.decode(registered) as { status: string; result: unknown }[]
    const kills = statements.flatMap((statement, index): Registering[] => {
      const id = replies[index]?.result
      if (statement.kind !== 'live' || !(id instanceof Uuid)) return []
      const liveId = sessionKey(id)
      return [{ kind: 'kill', liveId, sql: `KILL u"${liveId}"` }]
    })
    // An ended session kills its own.
    if (kills.length > 0 && record.isOpen && !this.isEnded) await this.#register(record, kills, {})
  }

  async #execute(record: RecordSession, sql: string, bindings: Record<string, unknown>): Promise<Uint8Array> {
    if (this.isEnded || !record.isOpen) throw new RequestRefused('The channel is closed.')
    const { engine, clock, limits, shutOut } = this.needs
    const frame = codec.encode({ id: 'q', method: 'query', params: [sql, bindings], session: record.id })
    if (frame.length > frameLimits.requestBytes * 2)
      throw new RequestRefused('The query and its bindings are too large.')
    const start = clock.elapsed()
    try {
      return await engine.execute(frame)
    } finally {
      if (limits.spendEngine(record.userId, clock.elapsed() - start)) shutOut(record.userId)
    }
  }
}
