/**
 * The live connection: one channel to the database under the user's own record session.
 *
 * It connects, authenticates with a live token, keeps the channel (`channel.ts`), and connects again by itself when that
 * is lost (`outcome.ts`). Live queries are `watch`es: each
 * is registered first, then its SELECTs run, and both again after every reconnect, so that a store
 * sees one snapshot and everything after it. Notifications reach a synchronous handler.
 *
 * Queries run one at a time, as the bridge allows one per channel.
 */
import type { Uuid } from 'surrealdb'
import type { LiveChannel } from '../platform/bridge.js'
import type { LiveToken } from '../platform/matrix/account.js'
import { keepAlive, keepFresh, type Open, openChannel, readSid } from './channel.js'
import { isAskedForPatience, isWorthHurry, type LiveState, type Outcome, outcomeOf, reasonOf } from './outcome.js'
import { ChannelClosedError } from './port-engine.js'
import { type Batch, batchesOf, type Running, type Watch } from './registration.js'
import { makeStore, type Store } from './store.js'

export type { LiveState } from './outcome.js'
export type { Change, Watch } from './registration.js'

export type LiveConnection = {
  state: Store<LiveState>
  start(): void
  stop(): void
  /** Tries to connect at once instead of waiting for its next turn. */
  tryNow(): void
  /** After a sign-out that turned out not to be one. */
  restart(): void
  /** The login session, as the live token names it; undefined before the first connection. */
  sid(): string | undefined
  /** Keeps a live query running until the returned function is called. */
  watch<Row>(watch: Watch<Row>): () => void
  /**
   * @returns the result of each statement
   * @throws ChannelClosedError when there is no channel or it is lost; the server's error when a statement fails
   */
  query(statement: string, bindings?: Record<string, unknown>): Promise<unknown[]>
}

type ConnectionNeeds = {
  connectLive(): Promise<LiveChannel>
  readLiveToken(): Promise<LiveToken>
  /** Returns a function that stops it. */
  onResumed(handler: () => void): () => void
  onSignedOut(): void
}

const firstWaitMs = 300
const longestWaitMs = 10_000
/** While somebody looks, and the server may be back any moment: so long after it was lost. */
const eagerWaitMs = 1_000
const eagerForMs = 2 * 60_000
const limitsWaitMs = 5_000

const waiting: LiveState = { kind: 'catching-up', reason: 'limits' }

export function makeLiveConnection(needs: ConnectionNeeds): LiveConnection {
  const state = makeStore<LiveState>({ kind: 'catching-up', reason: 'connecting' })
  const watches = new Set<Running>()
  let open: Open | undefined
  let queue: Promise<unknown> = Promise.resolve()
  let sid: string | undefined
  let runs = 0
  /** The loop that keeps the connection; undefined while stopped. */
  let currentRun: number | undefined
  let wake: (() => void) | undefined
  /** How many registrations wait for the user's share, and the state before the first of them. */
  let patient = 0
  let before: LiveState = waiting
  let stopListening: (() => void) | undefined

  /** Runs when everything before it is done, whether that worked or not. */
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = queue.then(work, work)
    queue = result.catch(() => undefined)
    return result
  }

  async function run(on: Open, statement: string, bindings: Record<string, unknown>): Promise<unknown[]> {
    const responses = await on.db.query(statement, bindings).responses()
    return responses.map((response) => {
      if (!response.success) throw response.error
      return response.result
    })
  }

  /** What a channel has to register and to end next, in one query: each such query pauses the writers. */
  type Plan = { kills: Uuid[]; starts: Running[]; done: Promise<void> }
  let plan: Plan | undefined

  /** Adds to the next registration; several that come together (a change of room) become one query. */
  function register(on: Open, change: { kill?: Uuid; start?: Running }): Promise<void> {
    if (!plan) {
      const next: Plan = { kills: [], starts: [], done: Promise.resolve() }
      plan = next
      next.done = Promise.resolve().then(async () => {
        const late = await inTurn(async () => {
          if (plan === next) plan = undefined
          return open === on ? runBatches(on, batchesOf(next)) : []
        })
        if (late.length > 0) await runLate(on, late)
      })
    }
    if (change.kill) plan.kills.push(change.kill)
    if (change.start) plan.starts.push(change.start)
    return plan.done
  }

  /** @returns those that the server takes later, since the user's share of it is used up */
  async function runBatches(on: Open, batches: readonly Batch[]): Promise<Batch[]> {
    const late: Batch[] = []
    for (const batch of batches) late.push(...(await runBatch(on, batch)))
    return late
  }

  async function runBatch(on: Open, batch: Batch): Promise<Batch[]> {
    if (batch.statements.length === 0) return []
    try {
      const results = await run(on, batch.statements.join('; '), batch.bindings)
      batch.take(results, (running, id) => attach(on, running, id))
      return []
    } catch (error) {
      if (open !== on) throw error
      if (isAskedForPatience(error)) return [batch]
      // One part that is refused must not take the others with it.
      if (batch.parts > 1) return runBatches(on, batch.split())
      reportFailed(batch.statements.join('; '), error)
      return []
    }
  }

  /** Asks again until they are taken; meanwhile not everything is there, and the state says so. */
  async function runLate(on: Open, batches: readonly Batch[]): Promise<void> {
    if (patient++ === 0) {
      before = state.get()
      state.set(waiting)
    }
    for (let late = batches; late.length > 0 && open === on; ) {
      const pause = new Promise((resolve) => setTimeout(resolve, limitsWaitMs))
      await Promise.race([pause, on.closed])
      if (open === on) late = await inTurn(() => runBatches(on, late))
    }
    if (--patient === 0 && state.get() === waiting) state.set(before)
  }

  /** Hands what arrives for a live query to its watch; one that was stopped meanwhile is ended. */
  function attach(on: Open, running: Running, id: Uuid): void {
    if (running.isStopped) {
      void register(on, { kill: id }).catch(() => undefined)
      return
    }
    running.id = id
    on.engine.onLive(id.toString(), (message) => {
      if (running.isStopped) return
      if (message.action === 'KILLED') register(on, { start: running }).catch(() => undefined)
      else running.watch.onChange({ action: message.action, row: message.value as never })
    })
  }

  /** One life of a channel, from token to loss. */
  async function live(onCaughtUp: () => void): Promise<Outcome> {
    const token = await needs.readLiveToken()
    sid = readSid(token.token) ?? sid
    const on = await openChannel(needs.connectLive, token)
    open = on
    queue = Promise.resolve()
    const renew = async () => {
      const next = await needs.readLiveToken()
      await inTurn(() => on.db.authenticate(next.token))
      return next
    }
    const stops = [keepFresh({ token, renew }), keepAlive(on, needs.onResumed)]
    try {
      state.set({ kind: 'catching-up', reason: 'catchingUp' })
      const started = Promise.all([...watches].map((start) => register(on, { start })))
      const lost = await Promise.race([started.then(() => undefined), on.closed])
      if (lost) return { ...lost, wasOpen: true }
      onCaughtUp()
      state.set({ kind: 'live' })
      return { ...(await on.closed), wasOpen: true }
    } finally {
      for (const stop of stops) stop()
      open = undefined
      plan = undefined
      for (const running of watches) delete running.id
      void on.engine.close()
    }
  }

  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  /** @param run ends when another run has begun, or none: a restart must not leave two loops behind */
  async function loop(run: number): Promise<void> {
    let waitMs = firstWaitMs
    let lostAt: number | undefined
    while (run === currentRun) {
      const outcome = await live(() => {
        waitMs = firstWaitMs
        lostAt = undefined
      }).catch((error: unknown) => outcomeOf(error))
      if (run !== currentRun) return
      if ('fatal' in outcome) {
        state.set({ kind: 'offline', reason: 'refused', error: outcome.fatal })
      } else {
        const reason = reasonOf(outcome)
        if (reason === 'loggedOut') {
          state.set({ kind: 'offline', reason })
          currentRun = undefined
          stopListening?.()
          needs.onSignedOut()
          return
        }
        // The first try after a loss is at once and mostly works: no alarm for it.
        const isFirst = waitMs === firstWaitMs && outcome.wasOpen
        state.set(isFirst ? { kind: 'catching-up', reason } : { kind: 'offline', reason })
        if (reason === 'limits') waitMs = Math.max(waitMs, limitsWaitMs)
      }
      lostAt ??= Date.now()
      const isEager = isWorthHurry(outcome) && isLookedAt() && Date.now() - lostAt < eagerForMs
      await sleep((isEager ? Math.min(waitMs, eagerWaitMs) : waitMs) * (0.8 + Math.random() * 0.4))
      waitMs = Math.min(waitMs * 2, longestWaitMs)
    }
  }

  function start(): void {
    if (currentRun !== undefined) return
    currentRun = ++runs
    stopListening = needs.onResumed(() => wake?.())
    void loop(currentRun)
  }

  function stop(): void {
    currentRun = undefined
    stopListening?.()
    wake?.()
    open?.lose({ code: 1000, reason: '' })
  }

  return {
    state,
    start,
    stop,
    sid: () => sid,
    tryNow: () => wake?.(),
    restart() {
      stop()
      start()
    },
    watch<Row>(watch: Watch<Row>) {
      const running: Running = { watch: watch as unknown as Watch<never>, isStopped: false }
      watches.add(running)
      if (open) register(open, { start: running }).catch(() => undefined) // lost: the next channel starts it
      return () => {
        if (running.isStopped) return
        running.isStopped = true
        watches.delete(running)
        if (open && running.id) register(open, { kill: running.id }).catch(() => undefined)
      }
    },
    query(statement, bindings = {}) {
      const on = open
      if (!on) return Promise.reject(new ChannelClosedError('no live channel'))
      return inTurn(() => run(on, statement, bindings))
    },
  }
}

/** A statement that is refused is a bug of ours or a rule of the server; a lost channel is neither. */
function reportFailed(statement: string, error: unknown): void {
  if (error instanceof ChannelClosedError) return
  console.error(`refused by the live API: ${statement}`, error)
}

const isLookedAt = () => typeof document === 'undefined' || document.visibilityState === 'visible'
