/** One process per data directory: who is refused, and which locks are taken over. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lockDataDir } from '../../../server/data-dir/lock.js'
import { ConfigError } from '../../../server/kernel/config.js'
import { temporaryDirectory } from '../../support/temporary-directory.js'

const lockIn = (dataDir: string) => join(dataDir, 'hearth.lock')
const write = (dataDir: string, holder: object | string) =>
  writeFileSync(lockIn(dataDir), typeof holder === 'string' ? holder : JSON.stringify(holder))
const sleeper = async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  await once(child, 'spawn')
  return child
}

test('the directory is created for this account alone, and the lock is gone after release', () => {
  using directory = temporaryDirectory()
  const dataDir = join(directory.path, 'new', 'data')

  const lock = lockDataDir(dataDir)
  expect(JSON.parse(readFileSync(lockIn(dataDir), 'utf8'))).toMatchObject({ pid: process.pid })
  if (process.platform !== 'win32') expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  lock.release()
  lock.release()

  expect(existsSync(lockIn(dataDir))).toBe(false)
})

test('the same process is refused a second lock, with one sentence', () => {
  using directory = temporaryDirectory()
  const lock = lockDataDir(directory.path)

  const sentence = `Another Hearth (process ${process.pid}) is using the data directory ${directory.path}; close it first.`
  expect(() => lockDataDir(directory.path)).toThrow(new ConfigError(sentence))

  lock.release()
  lockDataDir(directory.path).release()
})

test('a living process keeps its lock', async () => {
  using directory = temporaryDirectory()
  const child = await sleeper()
  write(directory.path, { pid: child.pid, startedAt: '', lockedAt: Date.now() })

  expect(() => lockDataDir(directory.path)).toThrow(`process ${child.pid}`)

  child.kill('SIGKILL')
  await once(child, 'exit')
  lockDataDir(directory.path).release()
})

test.each([
  ['of a process that is gone', { pid: 2 ** 22 + 1, startedAt: '', lockedAt: Date.now() }],
  ['whose pid belongs to another process now', { pid: process.pid, startedAt: 'boot/1', lockedAt: Date.now() }],
  ['from before the machine started', { pid: process.pid, startedAt: '', lockedAt: 1 }],
  ['that was never written whole', '{"pid":'],
  ['that is empty', ''],
])('a lock %s is taken over', (_what, holder) => {
  using directory = temporaryDirectory()
  write(directory.path, holder)

  const lock = lockDataDir(directory.path)

  expect(JSON.parse(readFileSync(lockIn(directory.path), 'utf8'))).toMatchObject({ pid: process.pid })
  lock.release()
})

test('releasing leaves a lock that somebody else has taken meanwhile', () => {
  using directory = temporaryDirectory()
  const lock = lockDataDir(directory.path)
  write(directory.path, { pid: 1, startedAt: '', lockedAt: Date.now() })

  lock.release()

  expect(existsSync(lockIn(directory.path))).toBe(true)
})

test('a directory that cannot be made is one sentence', () => {
  using directory = temporaryDirectory()
  writeFileSync(join(directory.path, 'file'), '')

  expect(() => lockDataDir(join(directory.path, 'file', 'data'))).toThrow(/^The data directory .* cannot be written: /)
})
