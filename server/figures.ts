/** What the parts of the server that start with its name tell of themselves at `/metrics`; `docs/metrics.md` lists all names. */
import type { Figure } from './http/metrics.js'
import { cacheBytes } from './kernel/versioned-cache.js'
import type { LiveBridge } from './live/bridge.js'
import type { ConnectedClients } from './live/connected-clients.js'
import type { LiveRegistry } from './live/live-registry.js'
import type { Live } from './live/start-live.js'

export type FiguresNeeds = {
  live: Pick<Live, 'projector' | 'federationTraffic'>
  bridge: Pick<LiveBridge, 'channels' | 'devices'>
  registry: LiveRegistry
  clients: Pick<ConnectedClients, 'count'>
  /** /sync requests that wait. */
  waitingSyncs(): number
}

export function figuresOf({ live, bridge, registry, clients, waitingSyncs }: FiguresNeeds): Figure[] {
  const perLane = (of: 'lag' | 'lagMs', unit: number) => () =>
    Object.fromEntries(live.projector.lanes.map((each) => [each.lane, each[of] / unit]))
  return [
    {
      name: 'hearth_lane_lag_positions',
      help: 'Stream positions that are durable and that a lane of the live tables has not taken yet.',
      label: 'lane',
      read: perLane('lag', 1),
    },
    {
      name: 'hearth_lane_lag_seconds',
      help: 'How long the oldest of them has waited.',
      label: 'lane',
      read: perLane('lagMs', 1000),
    },
    {
      name: 'hearth_live_channels',
      help: 'Live channels, by whether they have shown a token.',
      label: 'state',
      read: () => ({ known: bridge.devices.length, waiting: bridge.channels - bridge.devices.length }),
    },
    { name: 'hearth_live_queries', help: 'Live queries.', label: 'table', read: () => registry.perTable },
    {
      name: 'hearth_cache_bytes',
      help: 'What the caches keep in memory, about.',
      label: 'cache',
      read: cacheBytes,
    },
    { name: 'hearth_connected_clients', help: 'Windows, and other devices in /sync.', read: () => clients.count },
    { name: 'hearth_sync_waiting', help: '/sync requests that wait for something new.', read: waitingSyncs },
    {
      name: 'hearth_federation_queue_length',
      help: 'PDUs and EDUs that wait for other servers.',
      read: () => live.federationTraffic.queues().waiting,
    },
    {
      name: 'hearth_federation_servers',
      help: 'Servers this one has talked to, by state.',
      label: 'state',
      read: () => live.federationTraffic.queues().servers,
    },
    {
      name: 'hearth_federation_received_total',
      help: 'PDUs and EDUs received.',
      read: () => live.federationTraffic.totals.incoming,
    },
    {
      name: 'hearth_federation_sent_total',
      help: 'PDUs and EDUs sent.',
      read: () => live.federationTraffic.totals.outgoing,
    },
  ]
}
