/**
 * `hearth.lock`: one process per data directory, desktop or headless.
 *
 * RocksDB has a lock of its own, but meeting it makes `connect` fail late and obscurely, and media
 * and keys are outside it. A lock names its process by pid and start time, so that one left by a
 * crash (or a reboot, or a container whose pids begin again at 1) is recognised and taken over.
 */
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { ConfigError } from '../kernel/config.js'
import { dataDirLayout } from '../kernel/data-dir.js'
import { isDiskFull } from '../kernel/start-faults.js'

/** Who holds a lock. `startedAt` is the system's own name for the start time; empty where it tells none. */
type Holder = { pid: number; startedAt: string; lockedAt: number }

export type DataDirLock = {
  /** Gives the directory up. Repeating it is harmless. */
  release(): void
}

/**
 * Takes the data directory for this process, creating it (mode 0700) when it is not there.
 *
 * @throws ConfigError when another living process has it, or it cannot be written
 */
export function lockDataDir(dataDir: string): DataDirLock {
  const { lock } = dataDirLayout(dataDir)
  const self: Holder = { pid: process.pid, startedAt: startTimeOf(process.pid), lockedAt: Date.now() }
  const text = `${JSON.stringify(self)}\n`
  const draft = `${lock}.${process.pid}`
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    writeFileSync(draft, text, { mode: 0o600 })
  } catch (error) {
    if (isDiskFull(error)) throw error
    throw new ConfigError(`The data directory ${dataDir} cannot be written: ${(error as Error).message}.`)
  }
  try {
    // Two tries: the second after a stale lock was put aside. A third would fight another newcomer.
    if (!takePlace(draft, lock) && !(putAsideStale(lock, dataDir) && takePlace(draft, lock)))
      throw inUse(dataDir, readHolder(lock)?.pid)
  } finally {
    rmSync(draft, { force: true })
  }
  return {
    release() {
      if (readText(lock) === text) rmSync(lock, { force: true })
    },
  }
}

const inUse = (dataDir: string, pid: number | undefined) =>
  new ConfigError(
    `Another Hearth${pid ? ` (process ${pid})` : ''} is using the data directory ${dataDir}; close it first.`,
  )

/** A hard link is the one way to create a file with its content in one step that fails if it exists. */
function takePlace(draft: string, lock: string): boolean {
  try {
    linkSync(draft, lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    return takePlaceWithoutLinks(draft, lock)
  }
}

/** File systems without hard links (FAT, some network drives). */
function takePlaceWithoutLinks(draft: string, lock: string): boolean {
  try {
    writeFileSync(lock, readFileSync(draft), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function putAsideStale(lock: string, dataDir: string): boolean {
  const found = readText(lock)
  if (found === undefined) return true
  const holder = readHolder(lock)
  if (holder && isAlive(holder)) throw inUse(dataDir, holder.pid)
  const aside = `${lock}.stale.${process.pid}`
  try {
    renameSync(lock, aside)
  } catch {
    return true // another newcomer put it aside; who links first has the place
  }
  const moved = readText(aside)
  // Between the read and the rename another newcomer may have taken the place: give it back.
  if (moved !== found) takePlace(aside, lock)
  rmSync(aside, { force: true })
  return moved === found
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function readHolder(lock: string): Holder | undefined {
  try {
    const holder = JSON.parse(readText(lock) ?? '') as Partial<Holder>
    return Number.isInteger(holder.pid) && holder.pid! > 0
      ? { pid: holder.pid!, startedAt: String(holder.startedAt ?? ''), lockedAt: Number(holder.lockedAt ?? 0) }
      : undefined
  } catch {
    return undefined
  }
}

function isAlive({ pid, startedAt, lockedAt }: Holder): boolean {
  const bootedAt = Date.now() - uptime() * 1000
  // A minute's grace for a clock that was set while booting.
  if (lockedAt < bootedAt - 60_000) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = startTimeOf(pid)
  return startedAt === '' || now === '' || now === startedAt
}

/** When the process started, in the system's own words; empty where it does not say. */
function startTimeOf(pid: number): string {
  try {
    if (process.platform === 'linux') {
      // Field 22 of stat, counted after the command name, which may hold spaces and parentheses.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`
    }
    if (process.platform === 'darwin')
      return execFileSync('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    // no such process, or no permission to look
  }
  return ''
}
