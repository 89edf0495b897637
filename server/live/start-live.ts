/**
 * Builds the live side once: registry, projector, ephemeral rows, samplers and the bridge over them.
 *
 * Closing goes from the outside in: channels first, then what writes the tables; the database after.
 */
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import { type Logger, loggerFor } from '../kernel/logger.js'
import type { OpenDatabase } from '../store/database.js'
import type { Sessions } from '../store/sessions.js'
import { type LiveBridge, makeLiveBridge } from './bridge.js'
import { CommitTimes } from './delays.js'
import { type EphemeralRows, makeEphemeralRows, resetEphemeralRows } from './ephemeral-rows.js'
import { type FederationTraffic, makeFederationTraffic } from './federation-traffic.js'
import { LiveRegistry } from './live-registry.js'
import { mirrorLiveSubscriptions } from './live-subscriptions.js'
import { type MetricsNeeds, sampleMetrics } from './metrics.js'
import { type Projector, type ProjectorNeeds, startProjector } from './projector/projector.js'

export type LiveNeeds = Pick<ProjectorNeeds, 'rooms' | 'countUnread' | 'readOwnReceipts'> &
  Pick<MetricsNeeds, 'connectedClients'> & {
    db: OpenDatabase
    sessions: Sessions
    serverName: ServerName
    /** This process (`node-store.ts`). */
    nodeId: string
    clock: Clock
    logger: Logger
  }

export type Live = Pick<LiveBridge, 'openLiveChannel'> &
  Pick<EphemeralRows, 'writeTyping' | 'deleteTyping' | 'writePresence'> & {
    projector: Projector
    federationTraffic: FederationTraffic
    /** For `/metrics`: open channels and live queries. */
    stats(): { channels: number; liveQueries: number; projectorLag: number }
    /** Closes every channel with 1012, finishes the batches under way. Before the database is closed. */
    close(): Promise<void>
  }

export async function startLive(needs: LiveNeeds): Promise<Live> {
  const { db, clock, sessions, nodeId } = needs
  const { live, engine, root } = db
  const registry = new LiveRegistry()
  const commitTimes = new CommitTimes()
  const stopNoting = db.onCommitted((changes) => {
    for (const { position } of changes) commitTimes.note(position, clock.elapsed())
  })
  const logger = loggerFor(needs.logger, 'live')
  await live.ready
  await resetEphemeralRows(db)
  const ephemeral = makeEphemeralRows({ live, clock, logger })
  const federationTraffic = makeFederationTraffic({ live, registry, clock, logger })
  const projector = await startProjector({ ...needs, live, registry, logger: loggerFor(needs.logger, 'projector') })
  const bridge = makeLiveBridge({ engine, root, live, sessions, registry, commitTimes, clock, logger })
  const stopMirror = mirrorLiveSubscriptions({ live, registry, nodeId, clock, logger })
  const stopMetrics = sampleMetrics({
    ...{ db, live, registry, clock, logger, connectedClients: needs.connectedClients },
    federation: federationTraffic.totals,
    liveChannels: () => bridge.channels,
    projectorLag: () => projector.lag,
  })

  return {
    openLiveChannel: bridge.openLiveChannel,
    writeTyping: ephemeral.writeTyping,
    deleteTyping: ephemeral.deleteTyping,
    writePresence: ephemeral.writePresence,
    projector,
    federationTraffic,
    stats: () => ({ channels: bridge.channels, liveQueries: registry.size, projectorLag: projector.lag }),
    async close() {
      bridge.close()
      stopMirror()
      stopMetrics()
      stopNoting()
      federationTraffic.close()
      await projector.close()
      await ephemeral.settled()
    },
  }
}
