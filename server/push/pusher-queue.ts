/**
 * One pusher's queue: tells its gateway of one event after the other, each once it took the one before, and of the unread count
 * when that changes by reading. A gateway that fails is left alone for longer and longer; how long survives a restart. What
 * waits for more than a day, and all but the newest of each room where much waits, is not worth telling any more.
 *
 * Spec: https://spec.matrix.org/v1.19/push-gateway-api/
 */
import { Backlog } from '../delivery/backlog.js'
import { type DeliveryQueue, makeDeliveryQueue, type Passengers } from '../delivery/delivery-queue.js'
import type { TakeSlot } from '../delivery/slots.js'
import { isJsonObject } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Outbound } from '../outbound/outbound.js'
import { OutboundError } from '../outbound/outbound-error.js'
import { parseAnswer } from '../outbound/read-answer.js'
import {
  deletePushRow,
  type PusherKey,
  type PushRow,
  type PushState,
  readPushRows,
  setPushState,
} from '../store/push-queue-store.js'
import { type PusherRow, readPusher } from '../store/pusher-store.js'
import type { Database } from '../store/reader.js'
import type { PushAction } from './default-push-rules.js'
import type { DescribePush } from './describe-push.js'
import { buildNotification } from './notification.js'
import type { Pusher } from './pushers.js'

export type PusherQueueNeeds = {
  db: Database
  clock: Clock
  log: Logger
  outbound: Pick<Outbound, 'exchange'>
  takeSlot: TakeSlot
  /** Of all pushers whose gateways could not be reached, by origin. */
  gateways: Map<string, PushState>
  describePush: DescribePush
  /** Over all rooms of the user. */
  countUnread(userId: UserId): Promise<number>
  /** The pusher is not there any more, or the gateway does not know its key. */
  onGone(key: PusherKey, isRejected: boolean): Promise<void>
  closing: AbortSignal
}

export type PusherQueue = Pick<DeliveryQueue<PushRow>, 'add' | 'wake' | 'settle'> & {
  /** The unread count may be another: it is told in a moment. */
  countChanged(): void
}

const timeoutMs = 30_000
const maxAnswerBytes = 65_536
const keptMs = 24 * 60 * 60_000
const pause = { firstMs: 2_000, longestMs: 60 * 60_000 }
const countDelayMs = 1_000
const thinAbove = 100
const maxInMemory = 100

/** One thing travels along: that the count is another. */
function makeCountPassenger(): Passengers<boolean> & { board(): Promise<boolean>; add(): void } {
  let isWaiting = false
  return {
    add() {
      isWaiting = true
    },
    get mayHaveSome() {
      return isWaiting
    },
    isSome: (load) => load,
    positionsOf: () => [],
    async board() {
      const load = isWaiting
      isWaiting = false
      return load
    },
    async arrived() {},
    async delayed(load) {
      isWaiting ||= load
      return false
    },
    areCrowded: false,
    async rest() {},
  }
}

const pauseAfter = (failures: number) => Math.min(pause.longestMs, pause.firstMs * 2 ** Math.min(failures - 1, 20))

export function openPusherQueue(
  key: PusherKey,
  state: PushState | undefined,
  mayHaveRows: boolean,
  needs: PusherQueueNeeds,
): PusherQueue {
  const { db, clock, outbound, gateways, closing } = needs
  const log = needs.log.child({ app: key.appId, user: key.userId })
  const passenger = makeCountPassenger()
  let own: PushState = state ?? { failures: 0, retry_at: 0 }
  let origin: string | undefined
  /** The count that was told last. */
  let told: number | undefined

  const backlog = new Backlog<PushRow>(
    {
      load: (after, limit) => readPushRows(db, key, after, limit),
      remove: (items) =>
        db.commit(() => ({
          ...{ changes: [], result: undefined },
          writes: items.map(({ position }) => deletePushRow(key, position)),
        })),
    },
    { maxInMemory, mayHaveRows },
  )

  async function setState(next: PushState): Promise<void> {
    own = next
    const write = setPushState(key, next.failures > 0 ? next : undefined)
    await db.commit(() => ({ writes: [write], changes: [], result: undefined }))
  }

  /** Undefined where nothing is to be told. */
  async function bodyOf(
    row: PusherRow,
    item: PushRow | undefined,
  ): Promise<{ body: object; unread: number } | undefined> {
    const event = item && (await needs.describePush(key.userId, item))
    const unread = await needs.countUnread(key.userId)
    if (event && item) {
      const actions = JSON.parse(item.actions) as PushAction[]
      return { unread, body: buildNotification(key.userId, row, unread, { told: event, actions }) }
    }
    if (unread === told || (told === undefined && unread > 0)) return undefined
    return { unread, body: buildNotification(key.userId, row, unread) }
  }

  async function send(item: PushRow | undefined): Promise<void> {
    const row = await readPusher(db, key.userId, key.appId, key.pushkey)
    if (!row) return needs.onGone(key, false)
    const url = new URL((JSON.parse(row.pusher) as Pusher).data?.url as string) // checked when it was set
    origin = url.origin
    const notification = await bodyOf(row, item)
    if (!notification) return
    const answer = await outbound.exchange({
      ...{ url, method: 'POST', timeoutMs, maxBytes: maxAnswerBytes, signal: closing },
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(notification.body),
    })
    gateways.delete(origin)
    if (answer.status !== 200) throw new OutboundError('answer', `it answered ${answer.status}`)
    if (own.failures > 0) await setState({ failures: 0, retry_at: 0 })
    told = notification.unread
    const said = parseAnswer(answer.body.toString())
    const rejected = isJsonObject(said) && Array.isArray(said.rejected) ? said.rejected : []
    if (rejected.includes(key.pushkey)) await needs.onGone(key, true)
  }

  /** A gateway that cannot be reached is not asked by its other pushers either. */
  function failed(error: unknown): void {
    if (!(error instanceof OutboundError)) throw error
    if (error.failure === 'aborted') return
    const now = clock.now()
    if (own.failures === 0) log.warn({ reason: error.message }, 'a push gateway does not take notifications')
    const failures = own.failures + 1
    setState({ failures, retry_at: now + pauseAfter(failures) }).catch((reason: unknown) =>
      log.error({ err: reason }, 'how a push gateway does was not written down'),
    )
    if (error.failure === 'answer' || origin === undefined) return
    const gateway = gateways.get(origin)
    if (gateway && gateway.retry_at > now) return
    const times = (gateway?.failures ?? 0) + 1
    gateways.set(origin, { failures: times, retry_at: now + pauseAfter(times) })
  }

  const gatewayRetryAt = () => (origin && gateways.get(origin)?.retry_at) || 0
  let serial = 0
  const queue = makeDeliveryQueue<PushRow, boolean>({
    ...{ clock, log, backlog, passengers: passenger, closing, failed },
    maxItems: 1,
    newBatchId: () => String(++serial), // gateways know an event by its ID
    async send({ items: [item] }) {
      await send(item && item.ts > clock.now() - keptMs ? item : undefined)
    },
    retryAt: () => Math.max(own.retry_at, gatewayRetryAt()),
    isFailing: () => own.failures > 0,
    takeSlot: needs.takeSlot,
    thinning: { above: thinAbove, keyOf: ({ room_id }) => room_id },
    changed: () => {},
    idle: () => {},
  })
  return Object.assign(queue, {
    countChanged() {
      passenger.add()
      queue.wakeWithin(countDelayMs)
    },
  })
}
