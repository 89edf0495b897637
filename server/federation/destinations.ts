/**
 * How each other homeserver has been doing, and when it may be asked again.
 *
 * One memory for all requests, not only the sender's queues: a server that failed to take a
 * transaction is not asked for a profile a second later either. It is written down, so that a
 * restart does not knock at every dead server at once. Anything that comes in from a server that
 * proves to be it heals it at once.
 */
import { randomInt } from 'node:crypto'
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { type DestinationRow, readDestinations, setDestination } from '../store/destination-store.js'
import type { Database } from '../store/reader.js'
import { FederationError } from './federation-error.js'

const backoff = { firstMs: 5000, maxMs: 12 * 3_600_000, jitter: 0.25 }
/** While a server is well, how old the last success on disk may be. */
const rememberSuccessMs = 10 * 60_000
const maxInMemory = 20_000

export type Destinations = {
  load(): Promise<void>
  /** When it may be asked again, ms since the epoch; 0: now. */
  retryAt(serverName: ServerName): number
  /** Throws FederationError `backing-off` while its time has not come. */
  checkDue(serverName: ServerName): void
  succeeded(serverName: ServerName): void
  failed(serverName: ServerName, error: FederationError): void
  /** It reached us: whatever kept us from reaching it is probably over. */
  heardFrom(serverName: ServerName): void
  /** Forgets the backoff: somebody asked for a try right now. */
  retryNow(serverName: ServerName): void
  all(): ReadonlyMap<ServerName, DestinationRow>
  /** Told of every success and failure. */
  onChanged(listener: (serverName: ServerName) => void): () => void
  /** Told when a destination may be asked sooner than `retryAt` said before. */
  onHealed(listener: (serverName: ServerName) => void): () => void
}

type Needs = { db: Database; clock: Clock; log: Logger }

export function makeDestinations({ db, clock, log }: Needs): Destinations {
  const rows = new Map<ServerName, DestinationRow>()
  const listeners = new Set<(serverName: ServerName) => void>()
  const watchers = new Set<(serverName: ServerName) => void>()

  const rowOf = (serverName: ServerName): DestinationRow =>
    rows.get(serverName) ?? {
      server_name: serverName,
      failures: 0,
      retry_at: 0,
      last_success_at: 0,
      last_failure_at: 0,
      last_error: '',
    }

  function set(row: DestinationRow, isWorthWriting: boolean): void {
    // A hostile peer can make up names without end: healthy ones that nobody needs go first.
    if (!rows.has(row.server_name) && rows.size >= maxInMemory) dropOne(rows)
    rows.set(row.server_name, row)
    for (const watcher of watchers) watcher(row.server_name)
    if (!isWorthWriting) return
    db.commit(() => ({ writes: [setDestination(row)], changes: [], result: undefined })).catch((error: Error) =>
      log.warn({ destination: row.server_name, err: error.message }, 'the state of a destination was not stored'),
    )
  }

  function heal(serverName: ServerName): void {
    const row = rowOf(serverName)
    if (row.failures === 0) return
    set({ ...row, failures: 0, retry_at: 0 }, true)
    for (const listener of listeners) listener(serverName)
  }

  return {
    async load() {
      for (const row of await readDestinations(db)) rows.set(row.server_name, row)
    },
    retryAt: (serverName) => rows.get(serverName)?.retry_at ?? 0,
    checkDue(serverName) {
      if ((rows.get(serverName)?.retry_at ?? 0) > clock.now())
        throw new FederationError(serverName, 'backing-off', 'it failed lately and is left alone for a while')
    },
    succeeded(serverName) {
      const row = rowOf(serverName)
      const now = clock.now()
      const isNews = row.failures > 0 || now - row.last_success_at > rememberSuccessMs
      set({ ...row, failures: 0, retry_at: 0, last_success_at: now }, isNews)
    },
    failed(serverName, error) {
      const row = rowOf(serverName)
      const now = clock.now()
      // Requests that ran side by side fail side by side: that is one failure.
      const isSameOutage = row.failures > 0 && row.retry_at > now
      const failures = isSameOutage ? row.failures : row.failures + 1
      const retry_at = isSameOutage ? row.retry_at : now + delayMs(failures)
      const last_error = `${error.failure}: ${error.message}`.slice(0, 500)
      set({ ...row, failures, retry_at, last_failure_at: now, last_error }, !isSameOutage)
      if (!isSameOutage)
        log.info({ destination: serverName, failures, retry_at, failure: error.failure }, 'destination failed')
    },
    heardFrom: heal,
    retryNow: heal,
    all: () => rows,
    onChanged(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    onHealed(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** 5 s, doubling to 12 h, a quarter up or down so that servers that failed together do not return together. */
function delayMs(failures: number): number {
  const plain = Math.min(backoff.firstMs * 2 ** (failures - 1), backoff.maxMs)
  return Math.round(plain * (1 - backoff.jitter + (randomInt(1001) / 1000) * 2 * backoff.jitter))
}

function dropOne(rows: Map<ServerName, DestinationRow>): void {
  for (const [name, row] of rows)
    if (row.failures === 0) {
      rows.delete(name)
      return
    }
  rows.delete(rows.keys().next().value!)
}
