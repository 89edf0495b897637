/**
 * The queue of one application service: events in order, each until the service has taken it.
 *
 * What is in a transaction is written down before it is first sent, and that transaction is repeated under its ID after a
 * restart too: a service tells repetitions by it. Ephemeral events travel along and are dropped where it is away.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#pushing-events
 */
import { Backlog } from '../delivery/backlog.js'
import { type Batch, type DeliveryQueue, makeDeliveryQueue, type Passengers } from '../delivery/delivery-queue.js'
import type { Clock } from '../kernel/clock.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { OutboundError } from '../outbound/outbound-error.js'
import {
  deleteAppserviceRow,
  readAppserviceRows,
  readAppserviceTransaction,
  setAppserviceTransaction,
} from '../store/appservice-store.js'
import type { Database } from '../store/reader.js'
import type { StreamPosition } from '../store/writes.js'
import type { AskAppservice } from './appservice-client.js'
import type { Appservice } from './appservices.js'

export type QueuedEvent = { position: StreamPosition; eventId: EventId; roomId: RoomId }

export type EphemeralEvent = { type: string; room_id?: RoomId; sender?: string; content: object }

export type AppserviceQueueNeeds = {
  db: Database
  clock: Clock
  log: Logger
  ask: AskAppservice
  /** In the clients' form; those that are gone are left out. */
  readEvents: (events: readonly QueuedEvent[]) => Promise<object[]>
  newTxnId: () => string
  closing: AbortSignal
}

export type AppserviceQueue = Pick<DeliveryQueue<QueuedEvent>, 'add' | 'wake' | 'settle' | 'length'> & {
  addEphemeral(event: EphemeralEvent): void
}

const maxEvents = 100
const maxInMemory = 500
const maxEphemeral = 200
const timeoutMs = 60_000
const ephemeralDelayMs = 40
/** After so many days of absence the newest event of each room must do. */
const thinAbove = 100_000
const pause = { firstMs: 1_000, longestMs: 5 * 60_000 }

/** Ephemeral events on their way: the newest of each kind, room and user. */
function makeEphemeralPassengers(): Passengers<EphemeralEvent[]> & { add(event: EphemeralEvent): void } {
  let waiting: EphemeralEvent[] = []
  return {
    add(event) {
      waiting.push(event)
      if (waiting.length > maxEphemeral) waiting.shift()
    },
    get mayHaveSome() {
      return waiting.length > 0
    },
    isSome: (load) => load.length > 0,
    positionsOf: () => [],
    async board() {
      const load = waiting
      waiting = []
      return load
    },
    async arrived() {},
    async delayed() {
      return []
    },
    areCrowded: false,
    async rest() {
      waiting = []
    },
  }
}

export async function openAppserviceQueue(service: Appservice, needs: AppserviceQueueNeeds): Promise<AppserviceQueue> {
  const { db, clock, ask, closing } = needs
  const { id, ephemeralIn = 'ephemeral' } = service
  const log = needs.log.child({ appservice: id })
  const passengers = makeEphemeralPassengers()
  const backlog = new Backlog<QueuedEvent>(
    {
      async load(after, limit) {
        const rows = await readAppserviceRows(db, id, after, limit)
        return rows.map(({ position, event_id, room_id }) => ({ position, eventId: event_id, roomId: room_id }))
      },
      remove: (items) =>
        db.commit(() => ({
          writes: items.map(({ position }) => deleteAppserviceRow(id, position)),
          changes: [],
          result: undefined,
        })),
    },
    { maxInMemory, mayHaveRows: true },
  )
  const underWay = await readAppserviceTransaction(db, id)
  /** The transaction whose content is on disk. */
  let written = underWay?.txn_id
  let failures = 0
  let retryAt = 0

  async function writeDown({ id: txnId, items }: Batch<QueuedEvent, EphemeralEvent[]>): Promise<void> {
    if (items.length === 0 || txnId === written) return
    const row = setAppserviceTransaction(id, { txn_id: txnId, positions: items.map(({ position }) => position) })
    await db.commit(() => ({ writes: [row], changes: [], result: undefined }))
    written = txnId
  }

  async function send(batch: Batch<QueuedEvent, EphemeralEvent[]>): Promise<void> {
    await writeDown(batch)
    const events = await needs.readEvents(batch.items)
    const { status } = await ask(service, {
      method: 'PUT',
      path: `/_matrix/app/v1/transactions/${encodeURIComponent(batch.id)}`,
      content: { events, ...(batch.load.length > 0 && { [ephemeralIn]: batch.load }) },
      timeoutMs,
      signal: closing,
    })
    if (status !== 200) throw new OutboundError('answer', `it answered ${status}`)
    if (failures > 0) log.info({ failures }, 'the application service is back')
    failures = 0
    retryAt = 0
  }

  const queue = makeDeliveryQueue<QueuedEvent, EphemeralEvent[]>({
    ...{ clock, log, backlog, passengers, closing, send },
    maxItems: maxEvents,
    newBatchId: needs.newTxnId,
    ...(underWay && { underWay: { id: underWay.txn_id, items: underWay.positions } }),
    failed(error) {
      if (!(error instanceof OutboundError)) throw error
      if (error.failure === 'aborted') return
      if (failures === 0) log.warn({ reason: error.message }, 'the application service does not take its events')
      retryAt = clock.now() + Math.min(pause.longestMs, pause.firstMs * 2 ** Math.min(failures, 20))
      failures += 1
    },
    retryAt: () => retryAt,
    isFailing: () => failures > 0,
    // Each service is the only one that waits for its queue.
    takeSlot: async () => () => {},
    thinning: { above: thinAbove, keyOf: ({ roomId }) => roomId },
    changed: () => {},
    idle: () => {},
  })

  return Object.assign(queue, {
    addEphemeral(event: EphemeralEvent) {
      if (failures > 0) return
      passengers.add(event)
      queue.wakeWithin(ephemeralDelayMs)
    },
  })
}
