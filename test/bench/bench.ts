/**
 * The budgets of the design, measured over HTTP against the built server, the load on the same machine.
 *
 * Each part starts a server of its own on a new data directory, so that no part warms or burdens another.
 * Arguments: { only?: name of one part, quick?: true for short runs whose figures mean little }.
 */
import type { Say } from '../support/child.js'
import { benchColdStart } from './cold-start.js'
import { benchFederation } from './federation.js'
import { benchSend } from './send.js'
import { benchSync } from './sync.js'

export type BenchOptions = { quick: boolean }

const parts: Record<string, (options: BenchOptions) => Promise<object>> = {
  send: benchSend,
  sync: benchSync,
  federation: benchFederation,
  cold_start: benchColdStart,
}

export async function main({ only, quick = false }: { only?: string; quick?: boolean }, _say: Say): Promise<void> {
  const results: Record<string, object> = {}
  for (const [name, run] of Object.entries(parts)) {
    if (only && only !== name) continue
    process.stderr.write(`bench: ${name}\n`)
    results[name] = await run({ quick })
  }
  console.log(JSON.stringify({ node: process.version, date: new Date().toISOString(), quick, ...results }, null, 1))
}
