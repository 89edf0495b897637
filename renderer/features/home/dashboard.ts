/**
 * What the Home pages read, on a live connection of their own: a river too fast for this window must
 * not cost the chat its channel, and the two together would need more live queries than one channel has.
 */
import type { Services } from '../../app/services.js'
import { type LiveConnection, makeLiveConnection } from '../../live/connection.js'
import { type FederationTraffic, startFederationTraffic } from '../../live/federation-traffic.js'
import { type LiveSubscriptions, startLiveSubscriptions } from '../../live/live-subscriptions.js'
import { type River, startRiver } from '../../live/river.js'
import { makeRoomActivity, type RoomActivity } from '../../live/room-activity.js'
import { type ServerMetrics, startServerMetrics } from '../../live/server-metrics.js'
import { makeStore, type Store } from '../../live/store.js'
import { platform } from '../../platform/bridge.js'
import { readMetricsHistory } from './admin-api.js'

/** Events per second in the user's own rooms, one sample a second. */
export type OwnPace = readonly { ts: number; perSecond: number }[]

export type Dashboard = {
  connection: LiveConnection
  /** Stays empty for those who are no admins, as does `traffic`. */
  metrics: Store<ServerMetrics>
  subscriptions: Store<LiveSubscriptions | undefined>
  traffic: Store<FederationTraffic | undefined>
  river: River
  /** Of the whole server for admins, of the own rooms otherwise. */
  activity: RoomActivity
  ownPace: Store<OwnPace>
  stop(): void
}

const keptPace = 120

export function startDashboard({ live, matrix, session }: Services, isAdmin: boolean): Dashboard {
  const connection = makeLiveConnection({
    connectLive: () => platform.connectLive(),
    readLiveToken: matrix.readLiveToken,
    onResumed: (handler) => platform.onResumed(handler),
    onSignedOut: () => undefined, // the chat's own connection learns the same and ends the session
  })
  const activity = makeRoomActivity()
  const metrics: Store<ServerMetrics> = isAdmin
    ? startServerMetrics(
        connection,
        (since) => readMetricsHistory(matrix.http, since),
        (row) => activity.add(row.rooms),
      )
    : makeStore<ServerMetrics>({ latest: undefined, samples: [] })
  const traffic = isAdmin ? startFederationTraffic(connection) : makeStore<FederationTraffic | undefined>(undefined)
  const subscriptions = startLiveSubscriptions(connection)
  const river = startRiver(connection, session.userId, live.summaries)
  const ownPace = makeStore<OwnPace>([])

  const timer = setInterval(() => {
    const counts = river.takeCounts()
    if (!isAdmin) activity.add(counts)
    const perSecond = counts.reduce((sum, [, events]) => sum + events, 0)
    if (connection.state.get().kind === 'live')
      ownPace.set([...ownPace.get().slice(1 - keptPace), { ts: Date.now(), perSecond }])
  }, 1_000)
  connection.start()

  return {
    connection,
    metrics,
    subscriptions,
    traffic,
    river,
    activity,
    ownPace,
    stop() {
      clearInterval(timer)
      river.stop()
      connection.stop()
    },
  }
}
