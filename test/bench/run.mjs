/** `npm run bench`: builds if need be, runs every bench against the built server, prints one JSON object. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const built = spawnSync(process.execPath, [at('../../main/build-if-stale.mjs')], { stdio: ['ignore', 2, 2] })
if (built.status !== 0) process.exit(built.status ?? 1)
const { status } = spawnSync(
  process.execPath,
  [at('../support/child-entry.mjs'), at('./bench.ts'), process.argv[2] ?? '{}'],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
  },
)
process.exit(status ?? 1)
