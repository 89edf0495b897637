#!/usr/bin/env node
/**
 * `npm test`: everything CI runs, in one go, ending with one line `N passed, N failed[, N skipped]`.
 *
 * Each tool (types, lint, …) counts as one; test stages count their tests. A stage that fails does not
 * stop the others, except the build, without which some have nothing to test. `npm test -- vitest e2e`
 * runs only the named stages.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findChromium, installChromium } from './support/chromium.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const reports = mkdtempSync(join(tmpdir(), 'hearth-test-reports-'))
const bin = (name) => join(root, 'node_modules', name)
// An accidental import of electron must not start a download; snapshots are compared, never written.
const env = { ...process.env, CI: '1', ELECTRON_OVERRIDE_DIST_PATH: '/dev/null' }

/** Runs one program; output goes through, and is kept where a result is read from it. */
function run(given, { keepsOutput = false, env: environment = env } = {}) {
  const child = spawn(process.execPath, given, {
    cwd: root,
    env: environment,
    stdio: ['ignore', keepsOutput ? 'pipe' : 'inherit', 'inherit'],
  })
  let output = ''
  child.stdout?.on('data', (text) => {
    output += text
    process.stdout.write(text)
  })
  return new Promise((resolve) => {
    child.on('error', () => resolve({ code: 1, output }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** A tool that is content or not. */
const tool =
  (...given) =>
  async () => {
    const { code } = await run(given)
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }
  }

/** Tests by vitest, counted from its JSON report. */
const vitest =
  (name, ...given) =>
  async () => {
    const report = join(reports, `${name}.json`)
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { code } = await run([bin('vitest/vitest.mjs'), 'run', ...given, ...reporters])
    const counts = { passed: 0, failed: 0, skipped: 0 }
    if (existsSync(report)) {
      const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'))
      Object.assign(counts, { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests })
    }
    // A file that does not load, or an error outside any test, fails the run without a failed test.
    if (code !== 0 && counts.failed === 0) counts.failed = 1
    return counts
  }

/** A runner of its own that ends with a line `N passed, N failed[, N skipped]`. */
const runner = (path, environment) => async () => {
  const { code, output } = await run([path], { keepsOutput: true, env: environment })
  const lines = [...output.matchAll(/(\d+) passed, (\d+) failed(?:, (\d+) skipped)?/g)]
  const [, passed = 0, failed = 0, skipped = 0] = lines.at(-1) ?? []
  const counts = { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) }
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

const e2e = ['--config', 'vitest.e2e.config.ts']
const tsc = bin('typescript/bin/tsc')
const where = (path) => existsSync(join(root, path))
const { ELECTRON_OVERRIDE_DIST_PATH: _, ...withElectron } = env

/** In order. `isThere`: a stage whose files are not there is not run. `needsBuild`: not run after a failed build. */
const stages = [
  { name: 'types', run: tool(tsc, '-p', 'tsconfig.json') },
  { name: 'test-types', run: tool(tsc, '-p', 'tsconfig.test.json') },
  { name: 'biome', run: tool(bin('@biomejs/biome/bin/biome'), 'check', '.') },
  {
    name: 'imports',
    run: tool(
      bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.cjs',
      'main',
      'renderer',
      'server',
    ),
  },
  { name: 'unused', run: tool(bin('knip/bin/knip.js')) },
  {
    name: 'generated',
    isThere: where('schema/generate-current.mjs'),
    run: tool('schema/generate-current.mjs', '--check'),
  },
  { name: 'build', run: tool('main/build-if-stale.mjs', '--always') },
  { name: 'vitest', run: vitest('unit') },
  { name: 'e2e', needsBuild: true, needsChromium: true, run: vitest('e2e', ...e2e, 'test/e2e', 'test/electron') },
  {
    name: 'clients',
    needsBuild: true,
    needsChromium: true,
    isThere: where('test/clients/run.mjs'),
    run: runner('test/clients/run.mjs'),
  },
  { name: 'packaging', needsBuild: true, run: vitest('packaging', ...e2e, 'test/packaging') },
  { name: 'electron', needsBuild: true, run: runner('test/electron/run.mjs', withElectron) },
]

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !stages.some((stage) => stage.name === name))
if (unknown) {
  process.stderr.write(`There is no stage "${unknown}"; there are ${stages.map(({ name }) => name).join(', ')}.\n`)
  process.exit(2)
}
const chosen = stages.filter(({ name, isThere = true }) => isThere && (wanted.length === 0 || wanted.includes(name)))

if (chosen.some(({ needsChromium }) => needsChromium)) {
  let chromium
  let problem = 'No Chromium, and none could be installed: install it (apt-get install chromium) or set CHROMIUM_PATH.'
  try {
    chromium = findChromium() ?? installChromium()
  } catch (error) {
    problem = error.message
  }
  if (!chromium) {
    process.stderr.write(`${problem}\n`)
    process.stdout.write('0 passed, 1 failed\n')
    process.exit(1)
  }
  env.CHROMIUM_PATH = chromium
}

const results = []
let isBuilt = true
for (const { name, needsBuild, run: runStage } of chosen) {
  process.stdout.write(`\n── ${name} ──\n`)
  const startedAt = Date.now()
  const counts = needsBuild && !isBuilt ? { passed: 0, failed: 1, skipped: 0 } : await runStage()
  if (needsBuild && !isBuilt) process.stdout.write('not run: the build failed\n')
  if (name === 'build' && counts.failed > 0) isBuilt = false
  results.push({ name, seconds: Math.round((Date.now() - startedAt) / 1000), ...counts })
}
rmSync(reports, { recursive: true, force: true })

process.stdout.write('\n')
for (const { name, seconds, passed, failed, skipped } of results)
  process.stdout.write(
    `${name.padEnd(12)}${String(seconds).padStart(5)} s  ${passed} passed, ${failed} failed, ${skipped} skipped\n`,
  )
const sum = (key) => results.reduce((total, result) => total + result[key], 0)
const skippedInAll = sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : ''
process.stdout.write(`\n${sum('passed')} passed, ${sum('failed')} failed${skippedInAll}\n`)
process.exit(sum('failed') === 0 ? 0 : 1)
