/**
 * The database engine where external buffers are refused, as in Electron's memory cage.
 *
 * A copy of the engine's module has its import of `napi_create_external_arraybuffer` renamed to a
 * preloaded stand-in that always refuses; the engine must fall back to copying, with the same results
 * and without leaking. To be repeated on every engine upgrade. Linux x64 with gcc alone.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

const repo = resolve(import.meta.dirname, '../..')
const moduleName = 'surrealdb-node.linux-x64-gnu.node'
const modulePath = join('node_modules/@surrealdb/node/dist', moduleName)
const original = join(repo, modulePath)

const isPossible =
  process.platform === 'linux' && process.arch === 'x64' && spawnSync('gcc', ['--version']).status === 0
if (!isPossible) process.stderr.write('caged engine: skipped, it needs Linux x64 and gcc\n')

const temporary = mkdtempSync(join(tmpdir(), 'hearth-cage-'))
const stub = join(temporary, 'stub.so')
const caged = join(temporary, 'app', modulePath)
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

type Report = { heard: number; heardDistinct: number; digests: string[]; bytes: number; rssMiB: number }

function runChild(
  module: string,
  { creates, scans, env = {} }: { creates: number; scans: number; env?: NodeJS.ProcessEnv },
) {
  const database = mkdtempSync(join(temporary, 'db-'))
  const given = [join(import.meta.dirname, 'caged-child.mjs'), module, database, String(creates), String(scans)]
  const output = execFileSync(process.execPath, given, { cwd: repo, encoding: 'utf8', env: { ...process.env, ...env } })
  return JSON.parse(output) as Report
}

describe.skipIf(!isPossible)('the engine without external buffers', () => {
  const refusalsFile = join(temporary, 'refusals')
  const cage = { LD_PRELOAD: stub, REFUSALS_FILE: refusalsFile }
  const refusals = () => Number(readFileSync(refusalsFile, 'utf8'))

  beforeAll(() => {
    execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', stub, join(import.meta.dirname, 'no-external-buffers.c')])
    const bytes = readFileSync(original)
    const name = Buffer.from('\0napi_create_external_arraybuffer\0')
    const at = bytes.indexOf(name)
    expect(at, 'the engine does not import it any more: is this test still needed?').toBeGreaterThan(0)
    bytes.write('hrth', at + 1, 'latin1')
    mkdirSync(dirname(caged), { recursive: true })
    writeFileSync(caged, bytes)
  })

  test('gives the same rows and notifications, and every buffer was refused', () => {
    const free = runChild(original, { creates: 500, scans: 5 })
    const inCage = runChild(caged, { creates: 500, scans: 5, env: cage })

    expect(inCage.digests).toEqual(free.digests)
    expect(inCage.digests).toHaveLength(1)
    expect(inCage).toMatchObject({ heard: 500, heardDistinct: 500 })
    // One for each reply and each notification at least.
    expect(refusals()).toBeGreaterThan(1_000)
  })

  test('does not leak what it copies', () => {
    const few = runChild(caged, { creates: 300, scans: 5, env: cage })
    const many = runChild(caged, { creates: 300, scans: 200, env: cage })

    expect(many.bytes - few.bytes).toBeGreaterThan(15 * 2 ** 20)
    expect(many.rssMiB - few.rssMiB).toBeLessThan(60)
  })

  test('carries the whole server to ready', async () => {
    const app = join(temporary, 'app')
    cpSync(join(repo, 'out'), join(app, 'out'), { recursive: true })
    cpSync(join(repo, 'package.json'), join(app, 'package.json'))
    linkPackages(join(repo, 'node_modules'), join(app, 'node_modules'))
    const child = spawn(
      process.execPath,
      [
        join(app, 'out/main/headless.js'),
        '--data-dir',
        join(temporary, 'data'),
        '--client-port',
        '0',
        '--no-open',
        '--server-name',
        'caged.test',
      ],
      { env: { ...process.env, ...cage, HEARTH_LOG_LEVEL: 'error' }, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = new Promise<number | null>((done) => child.once('exit', done))
    const line = await Promise.race([
      new Promise<string>((done) => createInterface(child.stdout).once('line', done)),
      ended.then((code) => `ended with ${code}`),
    ])

    expect(line).toMatch(/^ready http:.* server_name=caged\.test pid=\d+$/)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(refusals()).toBeGreaterThan(10)
  })
})

/** Every installed package by link, except the engine's, whose copy in the cage is there already. */
function linkPackages(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    if (name === '@surrealdb') {
      for (const each of readdirSync(join(from, name)))
        if (each !== 'node') symlinkSync(join(from, name, each), join(to, name, each))
    } else symlinkSync(join(from, name), join(to, name))
  }
}
