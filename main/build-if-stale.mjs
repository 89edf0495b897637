#!/usr/bin/env node
/**
 * Before `npm start`: builds when the sources are newer than what was built from them.
 *
 * All output goes to standard error; standard output belongs to the `ready` line.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = ['main', 'renderer', 'server', 'schema', 'assets', 'vite.config.ts', 'package-lock.json']
const passes = ['main', 'preload', 'renderer']
const stamp = join(root, 'out', '.built')

/** Newest modification below a path, in milliseconds since the epoch. Folders count: a file may have gone. */
export function newestBelow(path) {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) return 0
  if (!found.isDirectory()) return found.mtimeMs
  return Math.max(found.mtimeMs, ...readdirSync(path).map((name) => newestBelow(join(path, name))))
}

export const isStale = (sourcePaths, stampPath) => {
  const builtAt = statSync(stampPath, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return sourcePaths.some((path) => newestBelow(path) > builtAt)
}

/** Also what `npm run build` does. Exits with the first pass's code that is not 0. */
export function build() {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const startedAt = new Date()
  for (const pass of passes) {
    const { status } = spawnSync(process.execPath, [vite, 'build', '--mode', pass, '--logLevel', 'warn'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    })
    if (status !== 0) process.exit(status ?? 1)
  }
  writeFileSync(stamp, `${startedAt.toISOString()}\n`)
}

if (process.argv[1]?.endsWith('build-if-stale.mjs')) {
  if (
    process.argv.includes('--always') ||
    isStale(
      sources.map((name) => join(root, name)),
      stamp,
    )
  )
    build()
}
