/**
 * The built server as `npm start` runs it without a window: a process of its own with the same options of Node, on free ports and
 * a data directory of its own, spoken to over HTTP alone.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { nodeOptions, withFewArenas } from '../../main/launch.mjs'

/** MEASURED_SERVER: another build, for the benches that compare two. */
const entry = process.env.MEASURED_SERVER ?? fileURLToPath(new URL('../../out/main/headless.js', import.meta.url))

export type ServerOptions = {
  /** Kept when given, otherwise a new one that `dispose` removes. */
  dataDir?: string
  /** Undefined leaves the name to onboarding. */
  serverName?: string | undefined
  port?: number
  env?: Record<string, string>
}

export type ServerProcess = {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string
  readonly serverName: string
  /** Where a new server is set up; rejects where it says of no such address. */
  readonly setupUrl: () => Promise<string>
  readonly dataDir: string
  readonly pid: number
  /** Milliseconds from the start of the process to its `ready` line. */
  readonly readyMs: number
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** Stops it and removes its data directory, if that was made here. */
  [Symbol.asyncDispose](): Promise<void>
}

/** What tests and benches want of a server: open registration, no limits, cheap passwords. */
export const testEnvironment: Record<string, string> = {
  HEARTH_REGISTRATION_ENABLED: 'true',
  HEARTH_REGISTRATION_DUMMY_FLOW: 'true',
  HEARTH_RATE_LIMITS_ENABLED: 'false',
  HEARTH_PASSWORD_HASHING_COST: 'test',
  HEARTH_LOG_LEVEL: 'warn',
}

/** A build of before this token would refuse the variable, and wants none. */
const metricsToken = process.env.MEASURED_SERVER ? undefined : 'metrics-of-the-test'
/** For requests of `/metrics`. */
export const metricsHeaders: Record<string, string> = metricsToken ? { authorization: `Bearer ${metricsToken}` } : {}

export async function startServerProcess(options: ServerOptions = {}): Promise<ServerProcess> {
  if (!existsSync(entry)) throw new Error('the server is not built: npm run build')
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'hearth-server-')))
  const serverName = 'serverName' in options ? options.serverName : 'hearth.test'
  const args = ['--headless', '--no-open', '--data-dir', dataDir, '--client-port', String(options.port ?? 0)]
  if (serverName) args.push('--server-name', serverName)
  const started = performance.now()
  const child = spawn(process.execPath, [...nodeOptions, entry, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...withFewArenas(process.env),
      ...testEnvironment,
      ...(metricsToken && { HEARTH_METRICS_TOKEN: metricsToken }),
      ...options.env,
    },
  })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const said = readLines(child, ended)
  const url = await said(/^ready (http:\/\/\S+?)\/? /)
  const readyMs = performance.now() - started
  const stop = async () => {
    child.kill('SIGTERM')
    return ended
  }
  return {
    url,
    serverName: serverName ?? '',
    setupUrl: () => said(/^setup (http:\/\/\S+#setup=[\w-]+)$/),
    dataDir,
    pid: child.pid ?? 0,
    readyMs,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
      if (!options.dataDir) await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** What the server prints: each question waits for the line that fits, said already or not. */
function readLines(child: ChildProcess, ended: Promise<number | null>) {
  if (!child.stdout) throw new Error('the server has no standard output')
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  return (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const take = (line: string) => {
        const found = pattern.exec(line)?.[1]
        if (found === undefined) return
        reader.off('line', take)
        resolve(found)
      }
      reader.on('line', take)
      for (const line of lines) take(line)
      void ended.then((code) => reject(new Error(`the server ended with ${code} before it said ${pattern}`)))
    })
}

/** Answers the first run's questions, as whoever started the server. @returns the new login */
export async function setUp(server: ServerProcess, answers: Record<string, unknown>): Promise<Record<string, unknown>> {
  const secret = new URL(await server.setupUrl()).hash.replace('#setup=', '')
  const response = await fetch(`${server.url}/_hearth/client/v1/onboarding`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-hearth-setup': secret },
    body: JSON.stringify(answers),
  })
  const login = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`setting up: ${response.status} ${JSON.stringify(login)}`)
  return login
}
