#!/usr/bin/env node
/**
 * The suite on the real Electron: `npm run test:electron`. Without a binary it says so in one line and
 * is no failure, unless REQUIRE_ELECTRON=1 (set on the machine that makes releases).
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findElectron } from '../../main/launch.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const suite = fileURLToPath(new URL('./real.electron.test.ts', import.meta.url))
const electron = findElectron(process.env)

if (electron) {
  const needsScreen = process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY
  const vitest = [
    process.execPath,
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/electron/vitest.config.ts',
    ...process.argv.slice(2),
  ]
  const [command, ...given] = needsScreen ? ['xvfb-run', '-a', ...vitest] : vitest
  const { status, error } = spawnSync(command, given, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ELECTRON_BINARY: electron },
  })
  if (error) process.stderr.write(`electron: ${command} cannot be run (${error.message})\n`)
  process.exit(status ?? 1)
}
const cases = readFileSync(suite, 'utf8').match(/^ *test\(/gm)?.length ?? 0
process.stdout.write(
  `electron: 0 passed, 0 failed, ${cases} skipped - no Electron binary (run npx install-electron --no)\n`,
)
process.exit(process.env.REQUIRE_ELECTRON === '1' ? 1 : 0)
