/**
 * The queue of one other server: its PDUs wait in the outbox, its EDUs travel with them, a batch is a
 * transaction. How it waits, repeats and forgets is `delivery/`.
 *
 * A server that was away for so long that more than a thousand events wait for it gets the newest event of
 * each room instead of all of them: from that it fetches what it wants, and both sides are spared the rest.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
import { Backlog } from '../delivery/backlog.js'
import { type Batch, type DeliveryQueue, makeDeliveryQueue } from '../delivery/delivery-queue.js'
import type { TakeSlot } from '../delivery/slots.js'
import type { JsonObject } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { deleteOutboxRow, readOutbox } from '../store/outbox-store.js'
import type { Database } from '../store/reader.js'
import type { StreamPosition } from '../store/writes.js'
import type { Destinations } from './destinations.js'
import { type EduLoad, edusOf, makeEduPassengers, type StoredEdu } from './edu-passengers.js'
import type { Edu } from './edu-shapes.js'
import { type FederationClient, pathOf } from './federation-client.js'
import { FederationError } from './federation-error.js'
import type { Traffic } from './traffic.js'
import { transactionLimits } from './transaction-limits.js'

const maxBacklog = 1000
const maxInMemory = 500
const transactionTimeoutMs = 60_000
// So that receipts and typing notices of one moment share a transaction.
const eduDelayMs = 40
// A conversation may be waiting for them.
const messageDelayMs = 5

export type QueuedPdu = { position: StreamPosition; eventId: EventId; roomId: RoomId }

export type QueueNeeds = {
  db: Database
  clock: Clock
  log: Logger
  serverName: ServerName
  client: FederationClient
  destinations: Destinations
  traffic: Traffic
  /** PDUs in wire form by event ID; missing ones are left out. */
  readPdus: (eventIds: readonly EventId[]) => Promise<ReadonlyMap<EventId, JsonObject>>
  newTxnId: () => string
  takeSlot: TakeSlot
  closing: AbortSignal
  changed: (destination: ServerName) => void
  idle: (destination: ServerName) => void
}

export type DestinationQueue = Omit<DeliveryQueue<QueuedPdu>, 'wakeWithin'> & {
  /** Typing and presence are dropped where the destination does not answer; receipts wait. */
  addEdu(edu: Edu): void
  /** An EDU that must arrive, durable now. */
  addMessage(message: StoredEdu): void
  /** What an earlier run left, as far as it was counted. */
  counted(rows: { pdus: number; edus: number; messages: number }): void
}

/** @param mayHaveRows whether an earlier run may have left something for it */
export function makeDestinationQueue(
  destination: ServerName,
  needs: QueueNeeds,
  mayHaveRows: boolean,
): DestinationQueue {
  const { db, clock, destinations } = needs
  const log = needs.log.child({ destination })
  const passengers = makeEduPassengers({ db, clock, log, destination, mayHaveRows })
  const backlog = new Backlog<QueuedPdu>(
    {
      async load(after, limit) {
        const rows = await readOutbox(db, destination, after, limit)
        return rows.map(({ position, event_id, room_id }) => ({ position, eventId: event_id, roomId: room_id }))
      },
      remove: (items) =>
        db.commit(() => ({
          writes: items.map(({ position }) => deleteOutboxRow(destination, position)),
          changes: [],
          result: undefined,
        })),
    },
    { maxInMemory, mayHaveRows },
  )

  async function send({ id, items, load }: Batch<QueuedPdu, EduLoad>): Promise<void> {
    const found = await needs.readPdus(items.map(({ eventId }) => eventId))
    const pdus = items.map(({ eventId }) => found.get(eventId)).filter((pdu) => pdu !== undefined)
    const edus = edusOf(load)
    const startedAt = clock.elapsed()
    const answer = await needs.client.request({
      destination,
      method: 'PUT',
      path: pathOf('/_matrix/federation/v1/send/:txnId', { txnId: id }),
      content: { origin: needs.serverName, origin_server_ts: clock.now(), pdus, edus },
      timeoutMs: transactionTimeoutMs,
      ignoreBackoff: true,
      signal: needs.closing,
    })
    needs.traffic.countOut(destination, { pdus: pdus.length, edus: edus.length }, clock.elapsed() - startedAt)
    logRefused(log, id, answer.pdus)
  }

  const queue = makeDeliveryQueue<QueuedPdu, EduLoad>({
    clock,
    log,
    backlog,
    passengers,
    maxItems: transactionLimits.pdus,
    newBatchId: needs.newTxnId,
    send,
    failed(error) {
      if (!(error instanceof FederationError)) throw error
      // An outage was counted by the client. What answers but does not take this: no reason to try again at once.
      if (error.failure !== 'aborted' && !error.isOutage) destinations.failed(destination, error)
    },
    retryAt: () => destinations.retryAt(destination),
    isFailing: () => (destinations.all().get(destination)?.failures ?? 0) > 0,
    takeSlot: needs.takeSlot,
    thinning: { above: maxBacklog, keyOf: ({ roomId }) => roomId },
    closing: needs.closing,
    changed: () => needs.changed(destination),
    idle: () => needs.idle(destination),
  })

  return Object.assign(queue, {
    addEdu(edu: Edu) {
      if (destinations.retryAt(destination) > clock.now() && edu.edu_type !== 'm.receipt') return
      passengers.add(edu)
      queue.wakeWithin(eduDelayMs)
    },
    addMessage(message: StoredEdu) {
      passengers.addMessage(message)
      queue.wakeWithin(messageDelayMs)
    },
    counted(rows: { pdus: number; edus: number; messages: number }) {
      backlog.counted(rows.pdus)
      passengers.counted(rows)
    },
  })
}

function logRefused(log: Logger, txnId: string, results: unknown): void {
  if (typeof results !== 'object' || results === null) return
  for (const [eventId, result] of Object.entries(results))
    if (typeof result === 'object' && result !== null && 'error' in result)
      log.info({ txnId, eventId: eventId.slice(0, 255) }, 'the destination refused an event')
}
