/**
 * Finds the Chromium that browser tests use: CHROMIUM_PATH, the system's, or Playwright's own.
 * Tests import `chromiumPath`; `test/run.mjs` has installed one before, or said that it could not.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chromium } from 'playwright'

const systemPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** Path of an executable Chromium, or undefined. A CHROMIUM_PATH that does not exist is an error, not a hint. */
export function findChromium(env = process.env) {
  if (env.CHROMIUM_PATH) {
    if (!existsSync(env.CHROMIUM_PATH))
      throw new Error(`CHROMIUM_PATH is ${env.CHROMIUM_PATH}, where there is no file.`)
    return env.CHROMIUM_PATH
  }
  return [...systemPaths, playwrightPath()].find((path) => path && existsSync(path))
}

function playwrightPath() {
  try {
    return chromium.executablePath()
  } catch {
    return undefined // none is known for this system
  }
}

/** @throws Error with one sentence when there is none */
export function chromiumPath(env = process.env) {
  const found = findChromium(env)
  if (!found) throw new Error('No Chromium: install it (apt-get install chromium) or set CHROMIUM_PATH.')
  return found
}

/**
 * Installs Chromium: Debian's package as root, where that removes nothing, else Playwright's own download.
 *
 * @returns the path, or undefined when neither worked
 */
export function installChromium(run = (command, given) => spawnSync(command, given, { encoding: 'utf8' })) {
  const isDebianRoot = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/etc/debian_version')
  if (isDebianRoot && run('apt-get', ['update']).status === 0) {
    const plan = run('apt-get', ['install', '-s', 'chromium'])
    // "Remv" lines are packages that the installation would take away from the machine.
    if (plan.status === 0 && !/^Remv /m.test(plan.stdout)) run('apt-get', ['install', '-y', 'chromium'])
  }
  const found = findChromium()
  if (found) return found
  run(process.execPath, ['node_modules/playwright/cli.js', 'install', 'chromium'])
  return findChromium()
}

/** Arguments every test browser needs: as root there is no sandbox, in containers little shared memory, and no microphone. */
export const chromiumArguments = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ...['--disable-dev-shm-usage', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
]
