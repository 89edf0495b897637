/**
 * What every host (Electron's main process, its utility process, plain Node) does around the
 * homeserver: read the configuration, take the data directory, load the server, give all back.
 *
 * The configuration file is `--config`, else HEARTH_CONFIG, else `config.json` in the default data
 * directory where there is one.
 */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type DataDirLock, lockDataDir } from '../server/data-dir/lock.js'
import { settleServerName } from '../server/data-dir/memory.js'
import type { Homeserver } from '../server/index.js'
import { ConfigError, type HomeserverConfig, readConfig } from '../server/kernel/config.js'
import { chooseDataDir } from '../server/kernel/data-dir.js'
import type { Logger } from '../server/kernel/logger.js'
import type { SecretBox } from '../server/kernel/secrets.js'
import { type DataFault, DataFaultError, isDiskFull, StartAgainError } from '../server/kernel/start-faults.js'
import type { CommandLine } from './command-line.js'
import { exitCodes } from './exit-codes.js'

/** The server's own start; a test hands in another. */
export type StartHomeserver = (
  config: HomeserverConfig,
  deps: { logger: Logger; secrets: SecretBox; accept?: readonly DataFault[] },
) => Promise<Homeserver>

export type RunningServer = {
  homeserver: Homeserver
  /** Closes the server, then gives the data directory up. Repeating it waits for the first. */
  close(): Promise<void>
}

/** @throws ConfigError */
export function loadConfig(
  commandLine: Pick<CommandLine, 'configPath' | 'options'>,
  env: NodeJS.ProcessEnv,
  rendererDir: string,
  warn: (sentence: string) => void,
): HomeserverConfig {
  const dataDir = chooseDataDir({ platform: process.platform, env, home: homedir() })
  const named = commandLine.configPath ?? env.HEARTH_CONFIG
  const kept = join(dataDir, 'config.json')
  const path = named ? resolve(named) : existsSync(kept) ? kept : undefined
  return readConfig({
    argv: commandLine.options,
    env,
    ...(path && { file: { path, text: readText(path) } }),
    dataDir,
    rendererDir,
    warn,
  })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(`The configuration file ${path} cannot be read: ${(error as Error).message}.`)
  }
}

/** Loaded only now: a refused option or a second instance should not wait for the whole server. */
const startOurs: StartHomeserver = async (config, deps) => {
  const server = await import('../server/index.js')
  return server.startHomeserver(config, deps)
}

/**
 * Takes the data directory and starts the homeserver on it.
 *
 * @throws ConfigError when the directory is another process's, or belongs to another server name
 */
export async function startServer(
  config: HomeserverConfig,
  deps: { logger: Logger; secrets: SecretBox; accept?: readonly DataFault[] },
  start: StartHomeserver = startOurs,
): Promise<RunningServer> {
  const lock: DataDirLock = lockDataDir(config.data_dir)
  try {
    const server_name = settleServerName(config.data_dir, config.server_name)
    const homeserver = await start({ ...config, server_name }, deps)
    let closing: Promise<void> | undefined
    return {
      homeserver,
      close() {
        closing ??= homeserver.close().finally(() => lock.release())
        return closing
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** One sentence for the person who started us. */
export function describeStartFailure(error: unknown): string {
  const { code, port, message } = error as { code?: string; port?: number; message?: string }
  if (code === 'EADDRINUSE')
    return `Port ${port ?? 'asked for'} is in use by another program; choose one with --client-port.`
  if (code === 'EACCES' && port !== undefined) return `Port ${port} may not be used by this account.`
  if (isDiskFull(error)) return `The disk that holds the data directory is full; make room on it (${message}).`
  return isSentence(error) ? error.message : `The server could not start: ${message ?? String(error)}`
}

const isSentence = (error: unknown): error is Error =>
  error instanceof ConfigError || error instanceof DataFaultError || error instanceof StartAgainError

/** The fault of the data with which one may go on all the same, where that is what kept the server from starting. */
export const acceptableFault = (error: unknown): DataFault | undefined =>
  error instanceof DataFaultError && error.isAcceptable ? error.fault : undefined

/** How the process ends after a failed start. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return exitCodes.refused
  if (error instanceof DataFaultError) return exitCodes.dataRefused
  return error instanceof StartAgainError || isDiskFull(error) ? exitCodes.startAgain : exitCodes.failed
}
