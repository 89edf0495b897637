/**
 * Opens what needs no server name: the database, its accesses and sessions, who is logged in, the
 * live bridge. From here on a server can be set up; `start-services.ts` makes it one of Matrix.
 */
import { MarkKeeper } from './data-dir/data-mark.js'
import { checkDatabase, checkFolders, checkSigningKey, makeRefuse } from './guard-data.js'
import { type Clock, randomId } from './kernel/clock.js'
import type { HomeserverConfig } from './kernel/config.js'
import { dataDirLayout } from './kernel/data-dir.js'
import type { ServerName } from './kernel/identifiers.js'
import { type Logger, loggerFor } from './kernel/logger.js'
import type { SecretBox } from './kernel/secrets.js'
import { StallMeter } from './kernel/stalls.js'
import type { DataFault } from './kernel/start-faults.js'
import { version } from './kernel/version.js'
import type { SigningKeys } from './keys/signing-key.js'
import { type LiveBridge, makeLiveBridge } from './live/bridge.js'
import { CommitTimes } from './live/delays.js'
import { LiveRegistry } from './live/live-registry.js'
import { LiveViewers } from './live/viewers.js'
import { defineAccesses } from './store/accesses.js'
import { CopyNeededError, type OpenDatabase, openDatabase } from './store/database.js'
import { StoreUnavailableError } from './store/errors.js'
import { loadSessionKeys, type SessionKeys } from './store/key-files.js'
import { type Identity, readIdentity, setIdentity, setStreamPosition } from './store/server-meta-store.js'
import { makeSessions, type Sessions } from './store/sessions.js'
import { type Authenticator, makeAuthenticator } from './users/authenticate.js'
import { type LoginSessions, makeLoginSessions } from './users/login-sessions.js'

export type Base = {
  config: HomeserverConfig
  logger: Logger
  clock: Clock
  secrets: SecretBox
  db: OpenDatabase
  authenticator: Authenticator
  loginSessions: LoginSessions
  /** The users' sessions on the database. */
  recordSessions: Sessions
  sessionKeys: SessionKeys
  nodeId: string
  /** Whether the database is an older copy than the one that was used last, which was accepted for this start. */
  isPutBack: boolean
  liveBridge: LiveBridge
  liveRegistry: LiveRegistry
  liveViewers: LiveViewers
  commitTimes: CommitTimes
  stalls: StallMeter
  /**
   * Whose database it is, from now on.
   *
   * @throws DataFaultError when it is that of another key
   */
  nameDatabase(serverName: ServerName, keys: SigningKeys): Promise<void>
  /** After the live bridge is closed. */
  close(): Promise<void>
}

export async function startBase(options: {
  config: HomeserverConfig
  logger: Logger
  clock: Clock
  secrets: SecretBox
  /** Faults of the data that are accepted for this start. */
  accept?: readonly DataFault[] | undefined
}): Promise<Base> {
  const { config, logger, clock, secrets } = options
  const layout = dataDirLayout(config.data_dir)
  const { url } = config.database
  const isEmbedded = url.startsWith('rocksdb://')
  const refuse = makeRefuse(options.accept ?? [], loggerFor(logger, 'server'))
  const mark = checkFolders(layout, isEmbedded, refuse)
  const db = await openDatabase({
    ...{ url, version, clock, schema: mark?.schema, backupsDir: layout.backups },
    logger: loggerFor(logger, 'engine'),
  }).catch(async (error: unknown) => {
    if (error instanceof CopyNeededError) {
      const { databaseId: database_id, schema } = error
      await new MarkKeeper(
        layout.mark,
        { database_id, position: mark?.position ?? 0, schema },
        { clock, logger },
      ).write()
    }
    throw error
  })
  const { root, live, engine } = db
  const guarded = await guard().catch(async (error: unknown) => {
    await db.close()
    throw error
  })
  const { keeper, sessionKeys, isPutBack } = guarded
  let { identity } = guarded

  async function guard() {
    const found = await readIdentity(db)
    const facts = { mark, identity: found, position: db.position, serverName: config.server_name }
    const position = checkDatabase(facts, layout, refuse)
    const sessionKeys = await loadSessionKeys(layout.keys, secrets)
    await defineAccesses(root, sessionKeys, !isEmbedded)
    const identity: Identity = found ?? { database_id: randomId(16) }
    const writes = found ? [] : [setIdentity(identity)]
    const before = db.position
    if (position > before) writes.push(setStreamPosition(position))
    db.skipTo(position)
    if (writes.length > 0) await db.commit(() => ({ writes, changes: [], result: undefined }))
    const { database_id } = identity
    const keeper = new MarkKeeper(layout.mark, { database_id, position, schema: db.schema }, { clock, logger })
    await keeper.write()
    db.onCommitted('send', () => keeper.note(db.position))
    return { identity, keeper, sessionKeys, isPutBack: position > before }
  }

  const liveLogger = loggerFor(logger, 'live')
  const recordSessions = makeSessions({ rpc: root, live, key: sessionKeys.live, clock, logger: liveLogger })
  const liveRegistry = new LiveRegistry()
  const liveViewers = new LiveViewers()
  const commitTimes = new CommitTimes()
  const liveBridge = makeLiveBridge({
    engine,
    root,
    live,
    sessions: recordSessions,
    registry: liveRegistry,
    viewers: liveViewers,
    commitTimes,
    clock,
    logger: liveLogger,
  })

  const stalls = new StallMeter(clock)
  const authenticator = makeAuthenticator({ db, clock, logger: loggerFor(logger, 'users') })
  const loginSessions = makeLoginSessions({ db, clock })
  loginSessions.onSessionEnded((sid) => {
    authenticator.forgetSession(sid)
    void recordSessions.endLoginSession(sid)
  })

  return {
    ...{ config, logger, clock, secrets, db, authenticator, loginSessions },
    ...{ recordSessions, sessionKeys, liveBridge, liveRegistry, liveViewers, commitTimes, stalls },
    nodeId: db.nodeId,
    isPutBack,
    async nameDatabase(serverName, keys) {
      checkSigningKey(identity, keys, layout, refuse)
      const { keyId: key_id, publicKeyBase64: public_key } = keys.current
      if (identity.server_name === serverName && identity.public_key === public_key) return
      identity = { ...identity, server_name: serverName, key_id, public_key }
      const writes = [setIdentity(identity)]
      await db.commit(() => ({ writes, changes: [], result: undefined }))
    },
    async close() {
      stalls.close()
      // Each refuses where the database has failed; the next must be closed all the same.
      const steps = [() => recordSessions.close(), () => db.close(), () => keeper.close()]
      for (const step of steps)
        await step().catch((error: unknown) => {
          if (!(error instanceof StoreUnavailableError)) throw error
        })
    },
  }
}
