/**
 * The homeserver: builds every part once, starts them, closes them in the opposite order.
 *
 * Knows nothing of Electron. A server without a name is in onboarding: it answers a page on this
 * machine and says to everybody else that it is not set up; everything of Matrix starts with the
 * name.
 */

import { hostname, networkInterfaces } from 'node:os'
import { adminEndpoints } from './api/admin/admin-endpoints.js'
import { accountEndpoints } from './api/client/account-endpoints.js'
import { encryptionEndpoints } from './api/client/encryption-endpoints.js'
import { mediaEndpoints } from './api/client/media-endpoints.js'
import { readingEndpoints } from './api/client/reading-endpoints.js'
import { roomEndpoints } from './api/client/room-endpoints.js'
import { getVersionsEndpoint } from './api/client/server-administration/get-versions.js'
import { federationEndpoints } from './api/federation/index.js'
import { hearthEndpoints } from './api/hearth/hearth-endpoints.js'
import { setupEndpoints } from './api/hearth/setup-endpoints.js'
import { wellKnownEndpoints } from './api/well-known/well-known-endpoints.js'
import { closeInTime } from './close-in-time.js'
import { rememberServerName } from './data-dir/memory.js'
import { bindEndpoints, type NeedsOf } from './http/endpoint.js'
import { type Listeners, startListeners } from './http/listeners.js'
import { makeHttpMetrics, showFigures } from './http/metrics.js'
import { type Clock, systemClock } from './kernel/clock.js'
import type { HomeserverConfig } from './kernel/config.js'
import { MatrixError } from './kernel/errors.js'
import type { ServerName } from './kernel/identifiers.js'
import { type Logger, loggerFor } from './kernel/logger.js'
import type { SecretBox } from './kernel/secrets.js'
import type { DataFault } from './kernel/start-faults.js'
import type { Channel } from './live/channel.js'
import { makeUpgradeHandler } from './live/websocket.js'
import { measureStore } from './measure-store.js'
import { readMainAddress } from './network/home-addresses.js'
import { HomeNetwork } from './network/home-network.js'
import { makeReadReachability } from './network/reachability.js'
import { startBase } from './start-base.js'
import { refuseServers } from './start-federation.js'
import { type Services, startServices } from './start-services.js'
import { readSetup, setSetup } from './store/server-meta-store.js'
import { makeOnboarding } from './users/onboarding.js'
import { makeReadAccounts } from './users/read-accounts.js'
import { makeSetupSecret } from './users/setup-secret.js'

export type Homeserver = {
  /** Stops listening, lets requests finish, flushes, closes the database. Repeating it waits for the first. */
  close(): Promise<void>
  /** Undefined until onboarding has settled it. */
  readonly serverName: ServerName | undefined
  /** `http://host:port/` of the client listener; undefined where nothing listens. */
  readonly clientUrl: string | undefined
  readonly federationPort: number | undefined
  /** A request as if it came to the client listener from this machine. */
  handle(request: Request): Promise<Response>
  openLiveChannel(channel: Channel): void
  /** True until there is an account. */
  needsOnboarding(): boolean
  /** What sets the server up (`users/setup-secret.ts`), for the person who started it; undefined once it is set up. */
  readonly setupSecret: string | undefined
  /**
   * Calls once, when this process can serve no longer and a fresh one could: the database cannot be opened twice in
   * one process. `reason` is a sentence for people.
   */
  onUnusable(handler: (reason: string) => void): void
}

export type HomeserverDeps = {
  logger: Logger
  secrets: SecretBox
  clock?: Clock
  /** Faults of the data that are accepted for this start (`--accept`). */
  accept?: readonly DataFault[]
  /** No socket for clients; they use `handle` (tests). */
  inProcessOnly?: boolean
  /** Refuses answers that do not fit their endpoint's own schema (tests). */
  checkResponses?: boolean
}

const namedEndpoints = [
  ...accountEndpoints,
  ...encryptionEndpoints,
  ...mediaEndpoints,
  ...roomEndpoints,
  ...readingEndpoints,
  ...hearthEndpoints,
  ...wellKnownEndpoints,
  ...adminEndpoints,
] as const

export async function startHomeserver(config: HomeserverConfig, deps: HomeserverDeps): Promise<Homeserver> {
  const { logger, secrets, clock = systemClock } = deps
  const base = await startBase({ config, logger, clock, secrets, accept: deps.accept })
  const accounts = makeReadAccounts({ db: base.db })
  let hasAccounts = await accounts.hasAccounts()
  base.db.onCommitted('memory', (changes) => {
    // Every new account tells one; but so does that of an application service, which is nobody's.
    if (hasAccounts || !changes.some(({ kind }) => kind === 'profile')) return
    void accounts.hasAccounts().then(
      (isSo) => {
        hasAccounts ||= isSo
      },
      (error: unknown) => logger.error({ err: error }, 'whether there are accounts could not be read'),
    )
  })
  let services: Services | undefined
  let listeners: Listeners | undefined
  const clientUrl = () => listeners?.clientUrl
  const serverName = () => services?.forClients.serverName
  const homeNetwork = new HomeNetwork({
    ...{ db: base.db, clock, logger: loggerFor(logger, 'http') },
    client: config.listeners.client,
    clientPort: () => listeners?.clientPort,
    openAt: (...at) => listeners!.openAt(...at), // nothing is opened before they are there
    ...{ readInterfaces: networkInterfaces, readMainAddress, machineName: hostname() },
    otherHosts: () => [serverName(), config.public_baseurl && new URL(config.public_baseurl).host],
  })
  const readReachability = makeReadReachability({
    ...{ clientUrl, serverName, homeNetwork, publicUrl: config.public_baseurl },
    federates: () => services?.forClients.federates ?? false,
    federation() {
      const port = listeners?.federationPort
      return port === undefined ? undefined : { port, certificate: listeners?.federationCertificate }
    },
  })
  const metrics = makeHttpMetrics(base.stalls)

  async function nameServer(serverName: ServerName, choice?: 'local' | 'federated'): Promise<Services> {
    rememberServerName(config.data_dir, serverName)
    if (choice) {
      const setup = setSetup({ federation: choice, set_up_at: clock.now() })
      await base.db.commit(() => ({ writes: [setup], changes: [], result: undefined }))
    }
    const federates = config.federation.enabled || (await readSetup(base.db))?.federation === 'federated'
    if (!services) {
      services = await startServices(base, {
        serverName,
        federates,
        reach: { clientUrl, homeNetwork, readReachability },
      })
      showFigures(metrics.registry, services.figures)
      if (listeners) await services.federation.start() // named by onboarding: the listeners are open already
    }
    return services
  }
  if (config.server_name) await nameServer(config.server_name)

  const onboarding = makeOnboarding({
    dataDir: config.data_dir,
    logger: loggerFor(logger, 'users'),
    async hasAccounts() {
      hasAccounts ||= await accounts.hasAccounts()
      return hasAccounts
    },
    readServerName: () => services?.forClients.serverName,
    nameServer: async (...named) => (await nameServer(...named)).forClients,
  })

  measureStore(metrics.registry, base.db)
  const setupSecret = makeSetupSecret()
  const { authenticate } = base.authenticator
  const setupNeeds = {
    ...{ onboarding, setupSecret, metrics, metricsToken: config.metrics.token, authenticate },
    readCondition: () => base.db.health.condition,
  }
  const endpoints = [
    ...bindEndpoints<NeedsOf<typeof setupEndpoints>>(setupEndpoints, setupNeeds),
    ...bindEndpoints<object>([getVersionsEndpoint], {}),
    ...bindEndpoints<NeedsOf<typeof namedEndpoints>>(
      namedEndpoints.filter((endpoint) => endpoint !== getVersionsEndpoint),
      () => (services ?? throwNotSetUp()).forClients,
    ),
    ...bindEndpoints<NeedsOf<typeof federationEndpoints>>(
      federationEndpoints,
      () => (services ?? throwNotSetUp()).forServers ?? refuseServers(),
    ),
  ]
  const upgrade = makeUpgradeHandler({
    openLiveChannel: base.liveBridge.openLiveChannel,
    clock,
    get serverName() {
      return serverName()
    },
    isHome: homeNetwork.isHome,
    publicBaseUrl: config.public_baseurl,
    listenHost: config.listeners.client.host,
  })
  const opened = await startListeners({
    config,
    logger: loggerFor(logger, 'http'),
    clock,
    endpoints,
    metrics,
    authenticate: (...request) => (services ?? base.authenticator).authenticate(...request),
    admitServer: (request) => (services ?? throwNotSetUp()).federation.admitServer(request),
    upgrade,
    inProcessOnly: deps.inProcessOnly ?? false,
    checkResponses: deps.checkResponses ?? false,
  })
  listeners = opened
  if (config.listeners.federation.enabled) await opened.openFederation()
  await services?.federation.start()
  await homeNetwork.start()

  let closing: Promise<void> | undefined
  async function close(): Promise<void> {
    base.liveBridge.close() // its sockets count as connections of the listener, which waits for them
    await Promise.all([opened.close(), homeNetwork.close()])
    await closeInTime(services?.close(), clock, () => logger.warn('closing does not wait for what is under way'))
    await base.close()
  }
  return {
    get serverName() {
      return services?.forClients.serverName
    },
    get clientUrl() {
      return opened.clientUrl
    },
    get federationPort() {
      return opened.federationPort
    },
    handle: opened.handle,
    openLiveChannel: base.liveBridge.openLiveChannel,
    needsOnboarding: () => !hasAccounts,
    get setupSecret() {
      return hasAccounts ? undefined : setupSecret.text
    },
    onUnusable: (handler) => base.db.health.onFailed(handler),
    close() {
      closing ??= close()
      return closing
    },
  }
}

function throwNotSetUp(): never {
  throw new MatrixError(503, 'M_UNKNOWN', 'This server has not been set up yet.')
}
