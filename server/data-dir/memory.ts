/**
 * `hearth.json`: what a data directory remembers of itself, before any database is open.
 *
 * That is its server name. It is written once, when onboarding (or the first configured start)
 * settles it, and never changed: every user, room and signature in the database carries it.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { ConfigError } from '../kernel/config.js'
import { dataDirLayout } from '../kernel/data-dir.js'
import { parseServerName, type ServerName } from '../kernel/identifiers.js'

/**
 * The server name this directory belongs to; undefined for a new directory.
 *
 * @throws ConfigError when the file is there and unreadable: starting anyway could mix two servers
 */
export function readRememberedServerName(dataDir: string): ServerName | undefined {
  const { memory } = dataDirLayout(dataDir)
  let text: string
  try {
    text = readFileSync(memory, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigError(`${memory} cannot be read: ${(error as Error).message}.`)
  }
  const name = parseServerName(serverNameIn(text))
  if (!name) throw new ConfigError(`${memory} holds no server name; restore it from a backup.`)
  return name
}

function serverNameIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { server_name?: unknown } | null)?.server_name
  } catch {
    return undefined
  }
}

/**
 * The server name to start with: the configured one, else the remembered one, else undefined (onboarding).
 *
 * @throws ConfigError when both are there and differ
 */
export function settleServerName(dataDir: string, configured: ServerName | undefined): ServerName | undefined {
  const remembered = readRememberedServerName(dataDir)
  if (configured && remembered && configured !== remembered)
    throw new ConfigError(
      `${dataDir} belongs to ${remembered} and cannot become ${configured}; a server name never changes.`,
    )
  return configured ?? remembered
}

/**
 * Remembers the server name, durably, before anything is signed with it. Repeating it is harmless.
 *
 * @throws ConfigError when another name is remembered already
 */
export function rememberServerName(dataDir: string, serverName: ServerName): void {
  settleServerName(dataDir, serverName)
  const { memory } = dataDirLayout(dataDir)
  const draft = `${memory}.new`
  const file = openSync(draft, 'w', 0o600)
  writeSync(file, `${JSON.stringify({ server_name: serverName }, undefined, 2)}\n`)
  fsyncSync(file)
  closeSync(file)
  renameSync(draft, memory)
}
