/**
 * The live connection: one channel to the database under the user's own record session.
 *
 * It connects, authenticates with a live token, renews the token on the same channel before it
 * runs out, and connects again by itself when the channel is lost. Live queries are `watch`es: each
 * is registered first, then its SELECTs run, and both again after every reconnect, so that a store
 * sees one snapshot and everything after it. Notifications reach a synchronous handler.
 *
 * Queries run one at a time, as the bridge allows one per channel.
 */
import { Surreal, type Uuid } from 'surrealdb'
import type { LiveChannel } from '../platform/bridge.js'
import type { LiveToken } from '../platform/matrix/account.js'
import { isTemporary } from '../platform/matrix/errors.js'
import { ChannelClosedError, PortEngine } from './port-engine.js'
import { makeStore, type Store } from './store.js'

export type OfflineReason =
  | 'connecting'
  | 'catchingUp'
  | 'unreachable'
  | 'expired'
  | 'tooSlow'
  | 'limits'
  | 'restarting'
  | 'loggedOut'
  | 'refused'

export type LiveState =
  | { kind: 'live' }
  | { kind: 'catching-up'; reason: OfflineReason }
  | { kind: 'offline'; reason: OfflineReason; error?: string }

export type Change<Row> = { action: 'CREATE' | 'UPDATE' | 'DELETE'; row: Row }

export type Watch<Row> = {
  /** One LIVE statement, no semicolon. */
  live: string
  /** SELECTs that run once the live query is registered, e.g. to fill the store; asked anew at each start. */
  select?: () => { statements: string[]; bindings?: Record<string, unknown> }
  bindings?: () => Record<string, unknown>
  /** The rows of each SELECT, before any change. Called again after a reconnect. */
  onSnapshot(results: unknown[][]): void
  /** One notification; must not be async. */
  onChange(change: Change<Row>): void
}

export type LiveConnection = {
  state: Store<LiveState>
  start(): void
  stop(): void
  /** After a sign-out that turned out not to be one. */
  restart(): void
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

/** A watch and its live query on the present channel, if it has one. */
type Running = { watch: Watch<never>; id?: Uuid; isStopped: boolean }
type Open = { db: Surreal; engine: PortEngine; closed: Promise<Closed>; lose: (closed: Closed) => void }
type Closed = { code: number; reason: string }

const reasons: Record<number, OfflineReason> = {
  4401: 'expired',
  4403: 'loggedOut',
  4408: 'tooSlow',
  4429: 'limits',
  1012: 'restarting',
}
const firstWaitMs = 300
const longestWaitMs = 10_000
const limitsWaitMs = 5_000
const pingEveryMs = 30_000
const pingTimeoutMs = 8_000

export function makeLiveConnection(needs: ConnectionNeeds): LiveConnection {
  const state = makeStore<LiveState>({ kind: 'catching-up', reason: 'connecting' })
  const watches = new Set<Running>()
  let open: Open | undefined
  let queue: Promise<unknown> = Promise.resolve()
  let isStopped = true
  let wake: (() => void) | undefined
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

  async function startWatch(on: Open, running: Running): Promise<void> {
    await inTurn(async () => {
      if (running.isStopped || open !== on) return
      const { watch } = running
      const { statements = [], bindings = {} } = watch.select?.() ?? {}
      const query = [watch.live, ...statements].join('; ')
      const [id, ...results] = await run(on, query, { ...watch.bindings?.(), ...bindings })
      running.id = id as Uuid
      if (running.isStopped) return kill(on, running)
      watch.onSnapshot(results as unknown[][])
      on.engine.onLive(running.id.toString(), (message) => {
        if (running.isStopped) return
        if (message.action === 'KILLED') void startWatch(on, running).catch(() => on.lose({ code: 1006, reason: '' }))
        else watch.onChange({ action: message.action, row: message.value as never })
      })
    })
  }

  async function kill(on: Open, running: Running): Promise<void> {
    const { id } = running
    delete running.id
    if (id && open === on) await run(on, 'KILL $id', { id })
  }

  async function openChannel(token: LiveToken): Promise<Open> {
    const channel = await needs.connectLive()
    let engine: PortEngine | undefined
    let lose: (closed: Closed) => void = () => undefined
    const closed = new Promise<Closed>((resolve) => {
      lose = (given) => {
        engine?.closed()
        resolve(given)
      }
      channel.onClose((code, reason) => lose({ code, reason }))
    })
    const db = new Surreal({
      engines: {
        hearth: (context) => {
          engine = new PortEngine(context, channel)
          return engine
        },
      },
    })
    const ready = db
      .connect('hearth://live', { namespace: token.namespace, database: token.database, versionCheck: false })
      .then(() => db.authenticate(token.token))
    const early = await Promise.race([ready.then(() => undefined), closed])
    if (early) throw new ChannelLostError(early)
    return { db, engine: engine!, closed, lose }
  }

  /** Renews the token on the same channel, until the channel is lost. */
  function keepFresh(on: Open, token: LiveToken): () => void {
    let timer: ReturnType<typeof setTimeout>
    const plan = (inMs: number) => {
      timer = setTimeout(async () => {
        try {
          const next = await needs.readLiveToken()
          await inTurn(() => on.db.authenticate(next.token))
          plan(next.expires_in_ms * 0.75)
        } catch {
          plan(20_000) // if it never works the server closes with 4401
        }
      }, inMs)
    }
    plan(token.expires_in_ms * 0.75)
    return () => clearTimeout(timer)
  }

  /** A channel that answers no ping is dead, whatever its socket says. */
  function keepAlive(on: Open): () => void {
    const check = async () => {
      let timer: ReturnType<typeof setTimeout> | undefined
      const timeout = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), pingTimeoutMs)
      })
      const answer = await Promise.race([on.engine.send({ method: 'ping' }).catch(() => 'answered'), timeout])
      clearTimeout(timer)
      if (answer === 'late') {
        void on.engine.close()
        on.lose({ code: 1006, reason: 'no answer' })
      }
    }
    const timer = setInterval(check, pingEveryMs)
    const stop = needs.onResumed(() => void check())
    return () => {
      clearInterval(timer)
      stop()
    }
  }

  /** One life of a channel, from token to loss. */
  async function live(onCaughtUp: () => void): Promise<Outcome> {
    const token = await needs.readLiveToken()
    const on = await openChannel(token)
    open = on
    queue = Promise.resolve()
    const stops = [keepFresh(on, token), keepAlive(on)]
    try {
      state.set({ kind: 'catching-up', reason: 'catchingUp' })
      const start = (running: Running) =>
        startWatch(on, running).catch((error: unknown) => reportFailedWatch(running.watch.live, error))
      const started = Promise.all([...watches].map(start)) // one that is refused does not stop the others
      const lost = await Promise.race([started.then(() => undefined), on.closed])
      if (lost) return { ...lost, wasOpen: true }
      onCaughtUp()
      state.set({ kind: 'live' })
      return { ...(await on.closed), wasOpen: true }
    } finally {
      for (const stop of stops) stop()
      open = undefined
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

  async function loop(): Promise<void> {
    let waitMs = firstWaitMs
    while (!isStopped) {
      const outcome = await live(() => {
        waitMs = firstWaitMs
      }).catch((error: unknown) => outcomeOf(error))
      if (isStopped) return
      if ('fatal' in outcome) {
        state.set({ kind: 'offline', reason: 'refused', error: outcome.fatal })
      } else {
        const reason = reasons[outcome.code] ?? 'unreachable'
        if (reason === 'loggedOut') {
          state.set({ kind: 'offline', reason })
          isStopped = true
          stopListening?.()
          needs.onSignedOut()
          return
        }
        // The first try after a loss is at once and mostly works: no alarm for it.
        const isFirst = waitMs === firstWaitMs && outcome.wasOpen
        state.set(isFirst ? { kind: 'catching-up', reason } : { kind: 'offline', reason })
        if (reason === 'limits') waitMs = Math.max(waitMs, limitsWaitMs)
      }
      await sleep(waitMs * (0.8 + Math.random() * 0.4))
      waitMs = Math.min(waitMs * 2, longestWaitMs)
    }
  }

  function start(): void {
    if (!isStopped) return
    isStopped = false
    stopListening = needs.onResumed(() => wake?.())
    void loop()
  }

  function stop(): void {
    isStopped = true
    stopListening?.()
    wake?.()
    open?.lose({ code: 1000, reason: '' })
  }

  return {
    state,
    start,
    stop,
    restart() {
      stop()
      start()
    },
    watch<Row>(watch: Watch<Row>) {
      const running: Running = { watch: watch as unknown as Watch<never>, isStopped: false }
      watches.add(running)
      const on = open
      if (on) startWatch(on, running).catch((error: unknown) => reportFailedWatch(watch.live, error))
      return () => {
        if (running.isStopped) return
        running.isStopped = true
        watches.delete(running)
        const present = open
        if (present && running.id) inTurn(() => kill(present, running)).catch(() => undefined)
      }
    },
    query(statement, bindings = {}) {
      const on = open
      if (!on) return Promise.reject(new ChannelClosedError('no live channel'))
      return inTurn(() => run(on, statement, bindings))
    },
  }
}

class ChannelLostError extends Error {
  constructor(readonly closed: Closed) {
    super(`the live channel closed: ${closed.code}`)
  }
}

type Outcome = (Closed & { wasOpen?: boolean }) | { fatal: string }

function outcomeOf(error: unknown): Outcome {
  if (error instanceof ChannelLostError) return error.closed
  if (error instanceof ChannelClosedError || isTemporary(error)) return { code: 1006, reason: '' }
  if (error instanceof Error && error.message.includes('live channel')) return { code: 1006, reason: '' }
  return { fatal: error instanceof Error ? error.message : String(error) }
}

/** A watch that cannot start is a bug of ours or a refusal of the server; a lost channel is neither. */
function reportFailedWatch(statement: string, error: unknown): void {
  if (error instanceof ChannelClosedError) return
  console.error(`live query refused: ${statement}`, error)
}
