/** The commit queue in `/metrics`. */
import { Gauge, type Registry } from 'prom-client'
import type { CommitMetrics } from './store/commit-meter.js'

type Measured = { commitMetrics(): CommitMetrics }

const gauges: [name: string, help: string, read: (metrics: CommitMetrics) => number][] = [
  ['hearth_commit_waiting_units', 'Units that wait for a batch.', ({ waiting }) => waiting],
  [
    'hearth_commit_bytes_under_way',
    'Bytes of the batch that is being committed.',
    ({ bytesUnderWay }) => bytesUnderWay,
  ],
  ['hearth_commit_largest_bytes', 'Bytes of the largest batch so far.', ({ largestBytes }) => largestBytes],
  ['hearth_commit_oldest_seconds', 'Age of the oldest unit that is not settled.', ({ oldestMs }) => oldestMs / 1000],
  ['hearth_commit_failed', '1 when the database takes no writes until a fresh start.', ({ hasFailed }) => +hasFailed],
  ['hearth_commit_batches_total', 'Batches committed.', ({ batches }) => batches],
  ['hearth_commit_units_total', 'Units committed.', ({ units }) => units],
  ['hearth_commit_rows_total', 'Rows written.', ({ rows }) => rows],
  ['hearth_commit_retries_total', 'Batches that ran again after a conflict.', ({ retries }) => retries],
  ['hearth_commit_failed_units_total', 'Units whose caller got an error.', ({ failedUnits }) => failedUnits],
  ['hearth_commit_p50_seconds', 'Median time of the last 256 batches.', ({ commitMsP50 }) => commitMsP50 / 1000],
  [
    'hearth_commit_p99_seconds',
    'The slowest hundredth of the last 256 batches.',
    ({ commitMsP99 }) => commitMsP99 / 1000,
  ],
]

export function measureStore(registry: Registry, db: Measured): void {
  for (const [name, help, read] of gauges)
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read(db.commitMetrics()))
      },
    })
}
