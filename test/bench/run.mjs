/**
 * `npm run bench -- [--only send,idle] [--events N] [--quick] [--database DIR] [--server ENTRY]`: builds if need be, runs the
 * rows against the built server, prints one JSON object. `--server` measures another build (its `out/main/headless.js`) by the same
 * scripts; `--database` keeps the database of N events there and takes it again.
 */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const text = { type: 'string' }
const options = { only: text, events: text, database: text, server: text, quick: { type: 'boolean', default: false } }
const { values } = parseArgs({ options })

if (!values.server) {
  const built = spawnSync(process.execPath, [at('../../main/build-if-stale.mjs')], { stdio: ['ignore', 2, 2] })
  if (built.status !== 0) process.exit(built.status ?? 1)
}
const { status } = spawnSync(
  process.execPath,
  [at('../support/child-entry.mjs'), at('./bench.ts'), JSON.stringify(values)],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...(values.server && { MEASURED_SERVER: resolve(values.server) }) },
  },
)
process.exit(status ?? 1)
