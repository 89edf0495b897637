/**
 * The server's own numbers, one sample a second while somebody watches; for admins alone.
 *
 * The server writes one row over and over (`server_metrics:now`), so the history is what this page saw:
 * the last quarter of an hour, with holes where it was not connected.
 */
import type { ServerMetricsRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import { makeStore, type Store } from './store.js'

/** A sample without its list of rooms, which is kept for the present second alone. */
export type MetricsSample = Omit<ServerMetricsRow, 'rooms'>

export type ServerMetrics = {
  latest: ServerMetricsRow | undefined
  /** Oldest first, at most a quarter of an hour. */
  samples: readonly MetricsSample[]
}

export const keptSamples = 900
/** Samples further apart than this have a hole between them. */
export const longestStepMs = 2_500

/** @param onSample runs once for each sample, in order */
export function startServerMetrics(
  connection: LiveConnection,
  onSample: (row: ServerMetricsRow) => void,
): Store<ServerMetrics> {
  const store = makeStore<ServerMetrics>({ latest: undefined, samples: [] })
  connection.watch<ServerMetricsRow>({
    live: 'LIVE SELECT * FROM server_metrics',
    // The row that is there may be a day old: the first fresh one comes within a second.
    onSnapshot: () => undefined,
    onChange({ action, row }) {
      if (action === 'DELETE' || row.ts <= (store.get().latest?.ts ?? 0)) return
      store.set(addSample(store.get(), row))
      onSample(row)
    },
  })
  return store
}

export function addSample({ samples }: ServerMetrics, row: ServerMetricsRow): ServerMetrics {
  const { rooms: _, ...sample } = row
  return { latest: row, samples: [...samples.slice(1 - keptSamples), sample] }
}

export type Columns = { times: number[]; values: (number | null)[][] }

/**
 * Samples as chart columns: seconds since the epoch, and one list of values per reader.
 *
 * @param sinceMs older samples are left out
 * @returns a null in every list where a hole is, so that it is drawn as one
 */
export function columnsOf(
  samples: readonly MetricsSample[],
  readers: readonly ((sample: MetricsSample) => number)[],
  sinceMs = 0,
): Columns {
  const columns: Columns = { times: [], values: readers.map(() => []) }
  let before: number | undefined
  for (const sample of samples) {
    if (sample.ts < sinceMs) continue
    if (before !== undefined && sample.ts - before > longestStepMs) {
      columns.times.push((before + 1_000) / 1_000)
      for (const list of columns.values) list.push(null)
    }
    columns.times.push(sample.ts / 1_000)
    for (const [index, read] of readers.entries()) columns.values[index]!.push(read(sample))
    before = sample.ts
  }
  return columns
}
