/**
 * The budgets of the design, measured over HTTP against the built server, the load on the same machine.
 *
 * A row is one line of the budgets. Each starts servers of its own, so that no row warms or burdens another; those that
 * want a large database share one, of which each gets a copy. What the generator of the load itself took of the machine, and
 * how busy the machine was with other things, stands beside each row: figures of a busy machine say little.
 */
import { loadavg } from 'node:os'
import type { Say } from '../support/child.js'
import { benchBigRoom } from './big-room.js'
import { benchBurst, benchThroughput } from './crowd.js'
import { benchFederation } from './federation.js'
import { LargeDatabase } from './large-database.js'
import { benchLocalMembers } from './local-members.js'
import { benchIdle, benchInitialSync } from './many-rooms.js'
import { benchColdStart, benchDisk, benchMemory } from './resting.js'
import { benchSend } from './send.js'
import { benchWakeUp } from './wake-up.js'

export type BenchOptions = { quick: boolean; database: LargeDatabase }

const rows: Record<string, (options: BenchOptions) => Promise<object>> = {
  send: benchSend,
  throughput: benchThroughput,
  burst: benchBurst,
  cpu_per_event: benchLocalMembers,
  initial_sync: benchInitialSync,
  idle: benchIdle,
  memory: benchMemory,
  disk: benchDisk,
  cold_start: benchColdStart,
  big_room: benchBigRoom,
  wake_up: benchWakeUp,
  federation: benchFederation,
}

type Arguments = { only?: string; events?: string; database?: string; quick?: boolean }

export async function main({ only, events, database: dir, quick = false }: Arguments, _say: Say): Promise<void> {
  const wanted = only?.split(',') ?? Object.keys(rows)
  const unknown = wanted.filter((name) => !(name in rows))
  if (unknown.length > 0)
    throw new Error(`no such row: ${unknown.join(', ')}; there are ${Object.keys(rows).join(', ')}`)
  const database = new LargeDatabase(Number(events ?? (quick ? 5_000 : 200_000)), dir)
  const results: Record<string, object> = {}
  try {
    for (const name of wanted) {
      process.stderr.write(`bench: ${name}\n`)
      const before = { cpu: process.cpuUsage(), at: performance.now() }
      // One row that fails must not cost the figures of the others.
      const figures = await rows[name]!({ quick, database }).catch((error: Error) => ({ failed: error.message }))
      const { user, system } = process.cpuUsage(before.cpu)
      const seconds = (performance.now() - before.at) / 1000
      results[name] = {
        ...figures,
        took_s: Math.round(seconds),
        generator_cpu_percent: Math.round((user + system) / 10_000 / seconds),
        load_average: loadavg()[0]?.toFixed(1),
      }
      process.stderr.write(`${JSON.stringify({ [name]: results[name] })}\n`)
    }
  } finally {
    await database.dispose()
  }
  const head = { node: process.version, date: new Date().toISOString(), quick, events: database.events }
  console.log(JSON.stringify({ ...head, ...results }, null, 1))
}
