/** `npm run test:walk -- --seconds N [--seed S]`. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } } })
const { status } = spawnSync(
  process.execPath,
  [fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url)), 'run', 'test/walk'],
  {
    stdio: 'inherit',
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: {
      ...process.env,
      HEARTH_WALK_SECONDS: values.seconds,
      ...(values.seed === undefined ? {} : { HEARTH_WALK_SEED: values.seed }),
    },
  },
)
process.exit(status ?? 1)
