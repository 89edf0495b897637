/**
 * Repairs: what is wrong with this server, as things to do and not as logs. Pure: from the newest
 * samples to a list, most pressing first.
 *
 * A single bad second is no repair: a finding has to last, or to be large.
 */
import type { FederationTrafficRow } from '../../../../server/api/live/rows.js'
import type { MetricsSample } from '../../../live/server-metrics.js'

/** Who is not reached: people at home, or other servers. */
type ReachPart = 'home' | 'federation'

export type Repair = { key: string; tone: 'warn' | 'bad' } & (
  | { kind: 'offline' }
  | { kind: 'destination'; server: string; queue: number; error: string }
  | { kind: 'destinations'; servers: readonly string[] }
  | { kind: 'lag'; events: number }
  | { kind: 'stall'; ms: number }
  | { kind: 'slow-disk'; ms: number }
  | { kind: 'memory'; bytes: number }
  /** People are not reached as it is meant. */
  | { kind: 'reach'; at: ReachPart; text: string }
)

export const thresholds = {
  /** The projector is behind by this much … */
  lagEvents: 500,
  /** … for so many samples in a row. */
  lagSamples: 10,
  stallMs: 1_000,
  stallBadMs: 5_000,
  /** p50 of a commit, over `commitSamples`. */
  commitMs: 50,
  commitSamples: 10,
  memoryBytes: 1_500_000_000,
  /** Servers that are down are listed one by one up to here. */
  serversOneByOne: 3,
} as const

type Facts = {
  isConnected: boolean
  samples: readonly MetricsSample[]
  traffic: Iterable<FederationTrafficRow>
  /** What is wrong with how the server is reached, a sentence each. */
  reach: readonly { at: ReachPart; text: string }[]
}

const minuteMs = 60_000

export function findRepairs({ isConnected, samples, traffic, reach }: Facts): Repair[] {
  if (!isConnected) return [{ key: 'offline', tone: 'bad', kind: 'offline' }]
  const found = [...ofMachine(samples), ...ofReach(reach), ...ofServers([...traffic])]
  return found.sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'))
}

function ofMachine(samples: readonly MetricsSample[]): Repair[] {
  const newest = samples.at(-1)
  if (!newest) return []
  const repairs: Repair[] = []
  const lag = Math.min(...lastOf(samples, thresholds.lagSamples).map((sample) => sample.projector_lag))
  if (lag >= thresholds.lagEvents) repairs.push({ key: 'lag', tone: 'warn', kind: 'lag', events: newest.projector_lag })
  const commit = Math.min(...lastOf(samples, thresholds.commitSamples).map((sample) => sample.db_commit_p50_ms))
  if (commit >= thresholds.commitMs) repairs.push({ key: 'slow-disk', tone: 'warn', kind: 'slow-disk', ms: commit })
  const ms = longestStall(samples)
  if (ms >= thresholds.stallMs)
    repairs.push({ key: 'stall', tone: ms >= thresholds.stallBadMs ? 'bad' : 'warn', kind: 'stall', ms })
  if (newest.rss_bytes >= thresholds.memoryBytes)
    repairs.push({ key: 'memory', tone: 'warn', kind: 'memory', bytes: newest.rss_bytes })
  return repairs
}

const ofReach = (sentences: readonly { at: ReachPart; text: string }[]): Repair[] =>
  sentences.map(({ at, text }) => ({ key: `reach ${at}`, tone: 'warn', kind: 'reach', at, text }))

/** Too few samples prove nothing: then none is taken. */
function lastOf(samples: readonly MetricsSample[], count: number): MetricsSample[] {
  return samples.length < count ? [emptySample] : samples.slice(-count)
}
const emptySample = { projector_lag: 0, db_commit_p50_ms: 0 } as MetricsSample

/** In the minute up to the newest sample. */
export function longestStall(samples: readonly MetricsSample[]): number {
  const since = (samples.at(-1)?.ts ?? 0) - minuteMs
  return Math.max(0, ...samples.filter(({ ts }) => ts > since).map((sample) => sample.longest_stall_ms))
}

function ofServers(rows: readonly FederationTrafficRow[]): Repair[] {
  const down = rows.filter((row) => row.state === 'down').sort((a, b) => b.queue_length - a.queue_length)
  if (down.length > thresholds.serversOneByOne)
    return [
      {
        key: 'destinations',
        tone: 'warn',
        kind: 'destinations',
        servers: down.map(({ destination }) => destination),
      },
    ]
  return down.map(({ destination, queue_length, last_error = '' }) => ({
    key: `destination ${destination}`,
    tone: 'warn',
    kind: 'destination',
    server: destination,
    queue: queue_length,
    error: last_error,
  }))
}
