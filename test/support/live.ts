/**
 * The live side on a real database without HTTP routes: users with login sessions, rooms, the projector,
 * the bridge, and a socket that an unmodified SDK of another process can connect to.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../server/kernel/clock.js'
import type { DeviceId, ServerName, UserId } from '../../server/kernel/identifiers.js'
import { fileSecretBox } from '../../server/kernel/secrets.js'
import { StallMeter } from '../../server/kernel/stalls.js'
import { makeLiveBridge } from '../../server/live/bridge.js'
import { CommitTimes } from '../../server/live/delays.js'
import { LiveRegistry } from '../../server/live/live-registry.js'
import { startLive } from '../../server/live/start-live.js'
import { LiveViewers } from '../../server/live/viewers.js'
import { makeUpgradeHandler } from '../../server/live/websocket.js'
import { defineAccesses } from '../../server/store/accesses.js'
import { loadSessionKeys } from '../../server/store/key-files.js'
import { makeSessions } from '../../server/store/sessions.js'
import { insertRow, upsertRow } from '../../server/store/writes.js'
import { makeReadAccountDataOf } from '../../server/sync/account-data-changes.js'
import { makeReadDeviceLists } from '../../server/sync/device-lists.js'
import { makeReadKeyCounts } from '../../server/sync/key-counts.js'
import { makeReceipts } from '../../server/sync/receipts.js'
import { makeToDeviceInbox } from '../../server/sync/to-device-inbox.js'
import { makeUnreadCounts } from '../../server/sync/unread-counts.js'
import { openTestDatabase, silentLogger } from './database.js'
import { makeTestRooms, user } from './rooms.js'

export type LiveServer = Awaited<ReturnType<typeof startLiveServer>>

export async function startLiveServer(options: { users?: readonly string[]; admins?: readonly string[] } = {}) {
  const db = await openTestDatabase()
  const logger = silentLogger
  const clock = systemClock
  const keys = await loadSessionKeys(join(db.dir, 'keys'), fileSecretBox)
  await defineAccesses(db.root, keys)
  const sessions = makeSessions({ rpc: db.root, live: db.live, key: keys.live, clock, logger })
  const sids = new Map<UserId, string>()
  const erased = new Set<UserId>()

  async function addUser(name: string, admin = false): Promise<UserId> {
    const userId = user(name)
    const sid = randomUUID()
    sids.set(userId, sid)
    await db.commit(() => ({
      writes: [
        upsertRow('user', { id: userId, user_id: userId, status: 'active', admin, kind: 'user', created_at: 1 }),
        insertRow('login_session', { id: sid, user_id: userId, device_id: `${name}-device`, active: true }),
      ],
      changes: [],
      result: undefined,
    }))
    return userId
  }
  for (const name of options.users ?? ['alice', 'bob']) await addUser(name)
  for (const name of options.admins ?? []) await addUser(name, true)

  const rooms = await makeTestRooms(db)
  const receipts = makeReceipts({ db, rooms: rooms.rooms, clock })
  const unread = makeUnreadCounts({
    ...{ db, rooms: rooms.rooms, receipts, clock, log: logger },
    readAccountDataOf: makeReadAccountDataOf({ db }),
  })
  const registry = new LiveRegistry()
  const viewers = new LiveViewers()
  const commitTimes = new CommitTimes()
  const bridge = makeLiveBridge({
    ...{ engine: db.engine, root: db.root, live: db.live, sessions, registry, viewers, commitTimes, clock, logger },
  })
  const stalls = new StallMeter(clock)
  const inbox = makeToDeviceInbox({ db, log: logger })
  const readKeyCounts = makeReadKeyCounts({ db })
  const readDeviceLists = makeReadDeviceLists({ db, rooms: rooms.rooms })
  const begin = () =>
    startLive({
      ...{
        db,
        registry,
        viewers,
        commitTimes,
        clock,
        logger,
        serverName: 'hearth.test' as ServerName,
        nodeId: 'node1',
      },
      rooms: rooms.rooms,
      isErased: (userId) => erased.has(userId),
      countUnread: unread.countUnread,
      readOwnReceipts: receipts.readOwn,
      ...{ inbox, readKeyCounts, readDeviceLists, otherLanes: [] },
      connectedClients: () => 0,
      stalls,
      liveChannels: () => bridge.channels,
    })
  let live = await begin()
  const http = createServer()
  http.on(
    'upgrade',
    makeUpgradeHandler({
      openLiveChannel: bridge.openLiveChannel,
      clock,
      serverName: 'hearth.test',
      publicBaseUrl: undefined,
      isHome: () => false,
    }),
  )
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')

  const sidOf = (name: string) => sids.get(user(name)) ?? ''
  const token = async (name: string, sid = sidOf(name)) => {
    const subject = { userId: user(name), deviceId: `${name}-device` as DeviceId, sid, accessTokenHash: 'hash' }
    return (await sessions.issueLiveToken(subject)).token
  }

  return {
    ...{ db, sessions, rooms, receipts, unread, bridge, registry, viewers, erased, addUser, sidOf, token },
    get live() {
      return live
    },
    /** After `live.close()`: as the next run would begin. */
    async restartLive() {
      live = await begin()
    },
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/_hearth/live/rpc`,
    /** Everything durable so far is in the live tables. */
    settled: () => live.projector.settled(),
    async [Symbol.asyncDispose]() {
      bridge.close()
      http.closeAllConnections()
      http.close()
      await live.close()
      stalls.close()
      await sessions.close()
      await db[Symbol.asyncDispose]()
    },
  }
}
