/**
 * Delivers notifications to push gateways: a queue for each pusher, filled by the lane that judges events.
 *
 * Who has pushers is in memory. Pushers end with their session, with their account, or when another user takes the device over; a
 * queue asks whether its pusher is still there before each notification, and goes when it is not.
 */
import { makeSlots } from '../delivery/slots.js'
import type { Clock } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { LaneParts } from '../live/projector/lane.js'
import type { Outbound } from '../outbound/outbound.js'
import type { Rooms } from '../rooms/room.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import {
  deletePushesOf,
  type PusherKey,
  type PushState,
  readPushQueueKeys,
  readPushState,
} from '../store/push-queue-store.js'
import { deletePusher, type PusherRow, readAllPushers } from '../store/pusher-store.js'
import type { Database } from '../store/reader.js'
import type { Syncing } from '../sync/build-syncing.js'
import type { UnreadCount } from '../sync/unread-walk.js'
import { makeDescribePush } from './describe-push.js'
import { pushLane } from './push-lane.js'
import { openPusherQueue, type PusherQueue } from './pusher-queue.js'

export type PushDelivery = {
  /** Fills the queues. */
  readonly lane: LaneParts
  onPusherSet(userId: UserId, row: PusherRow): void
  /** Begins to deliver, what waits first. */
  start(): void
  close(): Promise<void>
}

type Needs = Pick<Syncing, 'readJudge' | 'readReading' | 'readThreadOf' | 'readSummary' | 'visibility'> & {
  db: Database
  rooms: Rooms
  clock: Clock
  log: Logger
  outbound: Pick<Outbound, 'exchange'>
  countUnread(userId: UserId, roomId: Parameters<Rooms['get']>[0]): Promise<UnreadCount>
}

/** Requests under way at once. */
const slots = { healthy: 16, failing: 4, passOnAfterMs: 5_000 }

type Held = { key: PusherKey; since: number; queue: PusherQueue; gone: AbortController }

const idOf = ({ appId, pushkey }: Pick<PusherKey, 'appId' | 'pushkey'>) => JSON.stringify([appId, pushkey])

export async function makePushDelivery(needs: Needs): Promise<PushDelivery> {
  const { db, clock, log, rooms } = needs
  const closing = new AbortController()
  const gateways = new Map<string, PushState>()
  const held = new Map<UserId, Map<string, Held>>()
  const users = new Set<UserId>()
  const takeSlot = makeSlots(clock, slots)
  const describePush = makeDescribePush(needs)

  async function countUnread(userId: UserId): Promise<number> {
    let sum = 0
    for (const [roomId, { membership }] of await rooms.membershipsOf(userId))
      if (membership === 'join') sum += (await needs.countUnread(userId, roomId)).notification_count
      else if (membership === 'invite') sum += 1
    return sum
  }

  async function onGone(key: PusherKey, isRejected: boolean): Promise<void> {
    const known = held.get(key.userId)?.get(idOf(key))
    known?.gone.abort()
    held.get(key.userId)?.delete(idOf(key))
    if (held.get(key.userId)?.size === 0) held.delete(key.userId)
    if (!held.has(key.userId)) users.delete(key.userId)
    if (isRejected) log.info({ user: key.userId, app: key.appId }, 'a push gateway does not know a pusher any more')
    const pusher = isRejected ? [deletePusher(key.userId, key.appId, key.pushkey)] : []
    await db.commit(() => ({ writes: [...pusher, ...deletePushesOf(key)], changes: [], result: undefined }))
  }

  function hold(key: PusherKey, since: number, state: PushState | undefined, mayHaveRows: boolean): void {
    const gone = new AbortController()
    const queue = openPusherQueue(key, state, mayHaveRows, {
      ...{ db, clock, log, outbound: needs.outbound, takeSlot, gateways, describePush, countUnread, onGone },
      closing: AbortSignal.any([closing.signal, gone.signal]),
    })
    const ofUser = held.get(key.userId) ?? new Map<string, Held>()
    held.set(key.userId, ofUser.set(idOf(key), { key, since, queue, gone }))
    users.add(key.userId)
  }

  const waiting = new Map((await readPushQueueKeys(db)).map((key) => [JSON.stringify(key), key]))
  for (const { user_id: userId, app_id: appId, pushkey, since } of await readAllPushers(db)) {
    const key = { userId, appId, pushkey }
    hold(key, since, await readPushState(db, key), waiting.delete(JSON.stringify(key)))
  }
  for (const key of waiting.values()) await onGone(key, false)

  const follow: ByKind = {
    receipt({ userId }) {
      for (const { queue } of held.get(userId)?.values() ?? []) queue.countChanged()
    },
    ...{ event: ignore, state: ignore, redaction: ignore, membership: ignore, account_data: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }
  const stopListening = db.onCommitted('send', (changes) => {
    if (users.size > 0) for (const change of changes) treat(follow, change)
  })

  return {
    lane: pushLane({
      ...{ rooms, clock, users, readJudge: needs.readJudge, visibility: needs.visibility },
      pushersOf: (userId, position) =>
        [...(held.get(userId)?.values() ?? [])].flatMap(({ key, since }) => (since < position ? [key] : [])),
      written: (key, row) => held.get(key.userId)?.get(idOf(key))?.queue.add(row),
    }),
    onPusherSet(userId, { app_id: appId, pushkey, since }) {
      const key = { userId, appId, pushkey }
      const known = held.get(userId)?.get(idOf(key))
      if (known) known.queue.wake()
      else hold(key, since, undefined, false)
    },
    start() {
      for (const ofUser of held.values()) for (const { queue } of ofUser.values()) queue.wake()
    },
    async close() {
      closing.abort()
      stopListening()
      await Promise.all([...held.values()].flatMap((ofUser) => [...ofUser.values()].map(({ queue }) => queue.settle())))
    },
  }
}
