/**
 * The server's own numbers, one sample a second while somebody watches; for admins alone.
 *
 * The server writes one row over and over (`server_metrics:now`) and keeps the samples of the last hour, which are
 * read at each start: the page begins full, and a lost connection leaves no hole that the server does not have.
 */
import type { ServerMetricsRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import { makeStore, type Store } from './store.js'

/** A sample without its lists, which are kept for the present second alone. */
export type MetricsSample = Omit<ServerMetricsRow, 'rooms' | 'projector_lanes'>

export type ServerMetrics = {
  latest: ServerMetricsRow | undefined
  /** Oldest first, at most an hour. */
  samples: readonly MetricsSample[]
}

/** Numbers of a sample in the order of `fields`; oldest first. */
export type MetricsPast = { fields: readonly string[]; samples: readonly (readonly number[])[] }

export const keptSamples = 3_600
/** Samples further apart than this have a hole between them. */
export const longestStepMs = 2_500

/**
 * @param readPast the server's samples after a time
 * @param onSample runs once for each sample that comes live, in order
 */
export function startServerMetrics(
  connection: LiveConnection,
  readPast: (sinceMs: number) => Promise<MetricsPast>,
  onSample: (row: ServerMetricsRow) => void,
): Store<ServerMetrics> {
  const store = makeStore<ServerMetrics>({ latest: undefined, samples: [] })
  connection.watch<ServerMetricsRow>({
    live: 'LIVE SELECT * FROM server_metrics',
    // The row that is there may be a day old: the first fresh one comes within a second.
    onSnapshot() {
      readPast(store.get().latest?.ts ?? 0).then(
        (past) => store.update((metrics) => addPast(metrics, past)),
        () => undefined, // the next connection asks again; until then the page has what it sees
      )
    },
    onChange({ action, row }) {
      if (action === 'DELETE' || row.ts <= (store.get().latest?.ts ?? 0)) return
      store.set(addSample(store.get(), row))
      onSample(row)
    },
  })
  return store
}

export function addSample({ samples }: ServerMetrics, row: ServerMetricsRow): ServerMetrics {
  const { rooms: _, projector_lanes: __, ...sample } = row
  return { latest: row, samples: [...samples.slice(1 - keptSamples), sample] }
}

/** Samples that the server has kept, among those that came live; each counts once. */
export function addPast({ latest, samples }: ServerMetrics, { fields, samples: rows }: MetricsPast): ServerMetrics {
  const known = new Set(samples.map(({ ts }) => ts))
  const past = rows
    .map((row) => Object.fromEntries(fields.map((field, index) => [field, row[index] ?? 0])) as MetricsSample)
    .filter(({ ts }) => !known.has(ts))
  if (past.length === 0) return { latest, samples }
  const all = [...past, ...samples].sort((a, b) => a.ts - b.ts).slice(-keptSamples)
  return { latest: latest ?? { ...all.at(-1)!, rooms: [], projector_lanes: [] }, samples: all }
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
