/**
 * Starts what fills the live tables, once the server has a name: projector, ephemeral rows, samplers. The
 * bridge, through which they are read, is there before (`makeLiveBridge`), as onboarding has no projector.
 */
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import { type Logger, loggerFor } from '../kernel/logger.js'
import type { OpenDatabase } from '../store/database.js'
import type { CommitTimes } from './delays.js'
import { type EphemeralRows, makeEphemeralRows, resetEphemeralRows } from './ephemeral-rows.js'
import { type FederationTraffic, makeFederationTraffic } from './federation-traffic.js'
import type { LiveRegistry } from './live-registry.js'
import { mirrorLiveSubscriptions } from './live-subscriptions.js'
import { type MetricsNeeds, sampleMetrics } from './metrics.js'
import type { MetricsHistory } from './metrics-history.js'
import { type Projector, type ProjectorNeeds, startProjector } from './projector/projector.js'

export type LiveNeeds = Pick<
  ProjectorNeeds,
  | 'rooms'
  | 'countUnread'
  | 'readOwnReceipts'
  | 'viewers'
  | 'isErased'
  | 'inbox'
  | 'readKeyCounts'
  | 'readDeviceLists'
  | 'otherLanes'
> &
  Pick<MetricsNeeds, 'connectedClients' | 'liveChannels' | 'stalls'> & {
    db: OpenDatabase
    /** Those given to the bridge. */
    registry: LiveRegistry
    commitTimes: CommitTimes
    serverName: ServerName
    /** This process (`node-store.ts`). */
    nodeId: string
    clock: Clock
    /** The root logger. */
    logger: Logger
  }

export type Live = Pick<EphemeralRows, 'writeTyping' | 'deleteTyping' | 'writePresence' | 'deletePresence'> & {
  projector: Projector
  federationTraffic: FederationTraffic
  metricsHistory: MetricsHistory
  /** Finishes the batches under way. After the bridge is closed, before the database is. */
  close(): Promise<void>
}

export async function startLive(needs: LiveNeeds): Promise<Live> {
  const { db, clock, registry, commitTimes, nodeId, connectedClients, liveChannels, stalls } = needs
  const { live } = db
  const logger = loggerFor(needs.logger, 'live')
  const shared = { live, registry, clock, logger }
  const stopNoting = db.onCommitted('project', (changes) => {
    for (const { position } of changes) commitTimes.note(position, clock.elapsed())
  })
  const reset = live.ready
    .then(() => resetEphemeralRows(db))
    .catch((error: unknown) => logger.error({ err: error }, 'rows of the last run were not reset'))
  const projector = await startProjector({ ...needs, live, logger: loggerFor(needs.logger, 'projector') })
  const ephemeral = makeEphemeralRows({ ...shared, beforePresence: (userIds) => projector.beforePresence(userIds) })
  const federationTraffic = makeFederationTraffic(shared)
  const stopMirror = mirrorLiveSubscriptions({ ...shared, nodeId })
  const metrics = sampleMetrics({
    ...{ ...shared, db, connectedClients, liveChannels, stalls },
    federation: federationTraffic.totals,
    projector,
  })

  return {
    writeTyping: ephemeral.writeTyping,
    deleteTyping: ephemeral.deleteTyping,
    writePresence: ephemeral.writePresence,
    deletePresence: ephemeral.deletePresence,
    projector,
    federationTraffic,
    metricsHistory: metrics.history,
    async close() {
      stopMirror()
      metrics.close()
      stopNoting()
      federationTraffic.close()
      await reset
      await ephemeral.settled()
      await projector.close()
    },
  }
}
