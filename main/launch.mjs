#!/usr/bin/env node
/**
 * `npm start`: the desktop app where Electron can run, otherwise the same app on loopback, watched over.
 *
 * Electron's binary is looked for as files. Importing the package instead would start a download,
 * and the answer would depend on the network. The one line that says why there is no window goes to
 * standard error: standard output carries the `ready` line alone.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** A program that ends with 127 this soon could not load its shared libraries. */
const missingLibrariesWithinMs = 5_000

/**
 * Memory that Node and the C library would keep and not use; docs/decisions/0019-knobs-of-engine-and-node.md has what each
 * brings. An environment that names a number of arenas keeps it.
 */
export const nodeOptions = ['--max-semi-space-size=8']
export const withFewArenas = (env) => ({ MALLOC_ARENA_MAX: '2', ...env })

/** Path of Electron's executable, or undefined when it has not been downloaded. */
export function findElectron(env, resolvePackage = createRequire(import.meta.url).resolve) {
  let folder
  try {
    folder = dirname(resolvePackage('electron/package.json'))
  } catch {
    return undefined
  }
  if (env.ELECTRON_OVERRIDE_DIST_PATH) {
    const overridden = join(env.ELECTRON_OVERRIDE_DIST_PATH, process.platform === 'win32' ? 'electron.exe' : 'electron')
    return existsSync(overridden) ? overridden : undefined
  }
  try {
    const binary = join(folder, 'dist', readFileSync(join(folder, 'path.txt'), 'utf8'))
    return existsSync(binary) ? binary : undefined
  } catch {
    return undefined
  }
}

/** What to run, and why if it is not the desktop app. */
export function decide({ isHeadless, electron, platform, env, isRoot }) {
  if (isHeadless) return { run: 'headless' }
  const instead = (why) => ({
    run: 'headless',
    why: `Desktop window not available: ${why}. Serving the same app on loopback instead.`,
  })
  if (!electron) return instead("Electron's binary has not been downloaded (npx install-electron --no)")
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return instead('there is no display')
  if (platform === 'linux' && isRoot) return instead('Electron does not run as root')
  return { run: 'desktop', electron }
}

/** Resolves with the exit code, or with why the window could not come up. */
export function runElectron(electron, given, env, spawnProcess = spawn) {
  const { ELECTRON_RUN_AS_NODE: _, ...clean } = env
  const startedAt = Date.now()
  const child = spawnProcess(electron, [root, ...given], { stdio: 'inherit', env: withFewArenas(clean) })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ why: `its binary could not be started (${error.message})` }))
    child.on('exit', (code, signal) => {
      const isUnloadable = code === 127 && Date.now() - startedAt < missingLibrariesWithinMs
      resolve(isUnloadable ? { why: 'shared libraries it needs are missing' } : { code: code ?? (signal ? 1 : 0) })
    })
  })
}

/** The server asks to be started again: the database needs a fresh process. See exit-codes.ts. */
const startAgain = 75
/** A server that ran this long is healthy: the next end starts counting afresh. */
const healthyAfterMs = 60_000

/**
 * Runs the headless server in a process of its own, and again whenever it asks for that.
 *
 * @returns the exit code, once it ends in any other way
 */
export async function superviseHeadless(given, env, { spawnProcess = spawn, wait = pause } = {}) {
  let child
  let isEnding = false
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      isEnding = true
      // A terminal's Ctrl-C has reached the server already; a second one would cut its closing short.
      if (signal === 'SIGTERM' || !process.stdin.isTTY) child?.kill(signal)
    })
  let delayMs = 1_000
  for (let run = 0; ; run++) {
    const startedAt = Date.now()
    const args = run === 0 ? given : again(given)
    child = spawnProcess(process.execPath, [...nodeOptions, join(root, 'out', 'main', 'headless.js'), ...args], {
      // By the channel's end the server notices when this process was killed.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: withFewArenas(env),
    })
    const code = await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)))
    })
    child = undefined
    if (code !== startAgain || isEnding) return code
    delayMs = Date.now() - startedAt > healthyAfterMs ? 1_000 : Math.min(delayMs * 2, 30_000)
    await wait(delayMs)
    if (isEnding) return 0
  }
}

/** The browser is there already, and what was accepted of damaged data, was accepted once. */
function again(given) {
  const args = given.filter((each, i) => !/^--(accept(=|$)|no-open$)/.test(each) && given[i - 1] !== '--accept')
  return [...args, '--no-open']
}

async function main() {
  const given = process.argv.slice(2)
  const { readCommandLine } = await import('../out/main/command-line.js')
  let commandLine
  try {
    commandLine = readCommandLine(given)
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
  const decision = decide({
    isHeadless: commandLine.headless,
    electron: findElectron(process.env),
    platform: process.platform,
    env: process.env,
    isRoot: process.getuid?.() === 0,
  })
  let { why } = decision
  if (decision.run === 'desktop') {
    const ended = await runElectron(decision.electron, given, process.env)
    if (ended.code !== undefined) process.exit(ended.code)
    why = `Desktop window not available: ${ended.why}. Serving the same app on loopback instead.`
    for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal)
  }
  if (why) process.stderr.write(`${why}\n`)
  process.exit(await superviseHeadless(given, process.env))
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main()
