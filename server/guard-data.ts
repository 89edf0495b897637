/**
 * Compares what the data directory remembers, what the database says and which keys are there, before anything is
 * done with them: an empty or older database, or a new identity, must never come about without a word.
 *
 * Everything wrong is a `DataFaultError` with the ways out. Where going on is possible at all, `--accept FAULT` says so
 * for one start; what was found is then the new truth.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type DataMark, readDataMark } from './data-dir/data-mark.js'
import type { dataDirLayout } from './kernel/data-dir.js'
import type { Logger } from './kernel/logger.js'
import { acceptableFaults, type DataFault, DataFaultError } from './kernel/start-faults.js'
import type { SigningKeys } from './keys/signing-key.js'
import type { Identity } from './store/server-meta-store.js'

type Layout = ReturnType<typeof dataDirLayout>
type Refuse = (fault: DataFault, what: string, waysOut: string) => void

/** @returns a function that throws, unless the fault was accepted */
export function makeRefuse(accepted: readonly DataFault[], logger: Logger): Refuse {
  return (fault, what, waysOut) => {
    if (accepted.includes(fault) && acceptableFaults.includes(fault))
      return logger.warn({ fault }, `${what}; accepted for this start`)
    const option = acceptableFaults.includes(fault) ? `, or start once with --accept ${fault} to go on as it is` : ''
    throw new DataFaultError(fault, `${what}: ${waysOut}${option}.`)
  }
}

/** Before the engine is opened, which would make an empty database. `isEmbedded`: it lies in the data directory. */
export function checkFolders(layout: Layout, isEmbedded: boolean, refuse: Refuse): DataMark | undefined {
  const found = readDataMark(layout.mark)
  if (found === 'broken')
    refuse('broken-mark', `${layout.mark} cannot be read`, 'check that db/ and keys/ are those that belong together')
  const mark = found === 'broken' ? undefined : found
  // These keys are only ever made here; signing.key alone may have been brought along from another server.
  const wasUsed = found !== undefined || existsSync(join(layout.keys, 'live.jwk'))
  if (isEmbedded && wasUsed && !hasFiles(layout.database)) {
    refuse(
      'database-missing',
      `The database folder ${layout.database} is missing or empty although this data directory has been used before`,
      'put it back, from a backup if need be',
    )
    return undefined // what the mark says is of the database that is gone
  }
  return mark
}

const hasFiles = (folder: string) => existsSync(folder) && readdirSync(folder).length > 0

/** @returns the position below which none may be given out again */
export function checkDatabase(
  facts: {
    mark: DataMark | undefined
    identity: Identity | undefined
    position: number
    serverName?: string | undefined
  },
  layout: Layout,
  refuse: Refuse,
): number {
  const { mark, identity, position, serverName } = facts
  if (mark && identity?.database_id !== mark.database_id) {
    refuse(
      'other-database',
      `The database in ${layout.database} is not the one that was used here last`,
      'put the right one back',
    )
    return position
  }
  if (serverName && identity?.server_name && identity.server_name !== serverName)
    refuse(
      'other-server',
      `The database belongs to ${identity.server_name} and not to ${serverName}`,
      'put the right one back, or name the server as it was; a server name never changes',
    )
  if (mark && position < mark.position)
    refuse(
      'lost-tail',
      `The database ends at position ${position} although ${mark.position} was acknowledged, so its end is damaged or an older copy was put in its place`,
      'put a newer copy in its place',
    )
  if (identity?.key_id && !existsSync(join(layout.keys, 'signing.key')))
    refuse(
      'key-missing',
      `The key ${join(layout.keys, 'signing.key')} is missing with which this server signed until now (${identity.key_id})`,
      'put it back, from a backup if need be; with a new one other servers do not believe this server for a while',
    )
  return Math.max(position, mark?.position ?? 0)
}

/** The key of the database is the current one, or one that `old-keys.json` says was used before. */
export function checkSigningKey(
  identity: Identity | undefined,
  keys: SigningKeys,
  layout: Layout,
  refuse: Refuse,
): void {
  if (!identity?.key_id || identity.public_key === keys.current.publicKeyBase64) return
  if (keys.retired.some(({ publicKeyBase64 }) => publicKeyBase64 === identity.public_key)) return
  refuse(
    'other-key',
    `${join(layout.keys, 'signing.key')} (${keys.current.keyId}) is not the key with which this server signed until now (${identity.key_id})`,
    'put the right one back, or list the former one in old-keys.json',
  )
}
