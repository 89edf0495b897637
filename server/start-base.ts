/**
 * Opens what needs no server name: the database, its accesses and sessions, who is logged in, the
 * live bridge. From here on a server can be set up; `start-services.ts` makes it one of Matrix.
 */
import type { Clock } from './kernel/clock.js'
import type { HomeserverConfig } from './kernel/config.js'
import { dataDirLayout } from './kernel/data-dir.js'
import { type Logger, loggerFor } from './kernel/logger.js'
import type { SecretBox } from './kernel/secrets.js'
import { StallMeter } from './kernel/stalls.js'
import { version } from './kernel/version.js'
import { type LiveBridge, makeLiveBridge } from './live/bridge.js'
import { CommitTimes } from './live/delays.js'
import { LiveRegistry } from './live/live-registry.js'
import { LiveViewers } from './live/viewers.js'
import { defineAccesses } from './store/accesses.js'
import { type OpenDatabase, openDatabase } from './store/database.js'
import { StoreUnavailableError } from './store/errors.js'
import { loadSessionKeys, type SessionKeys } from './store/key-files.js'
import { startNode } from './store/node-store.js'
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
  liveBridge: LiveBridge
  liveRegistry: LiveRegistry
  liveViewers: LiveViewers
  commitTimes: CommitTimes
  stalls: StallMeter
  /** After the live bridge is closed. */
  close(): Promise<void>
}

export async function startBase(options: {
  config: HomeserverConfig
  logger: Logger
  clock: Clock
  secrets: SecretBox
}): Promise<Base> {
  const { config, logger, clock, secrets } = options
  const layout = dataDirLayout(config.data_dir)
  const { url } = config.database
  const db = await openDatabase({ url, logger: loggerFor(logger, 'engine'), backupsDir: layout.backups })
  const { root, live, engine } = db
  const sessionKeys = await loadSessionKeys(layout.keys, secrets)
  const isShared = !url.startsWith('rocksdb://')
  await defineAccesses(root, sessionKeys, isShared)
  const node = await startNode({ db, clock, logger: loggerFor(logger, 'server'), isShared, version })

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
    nodeId: node.id,
    async close() {
      stalls.close()
      // Each refuses where the database has failed; the next must be closed all the same.
      const steps = [() => recordSessions.close(), () => node.close(), () => db.close()]
      for (const step of steps)
        await step().catch((error: unknown) => {
          if (!(error instanceof StoreUnavailableError)) throw error
        })
    },
  }
}
