/**
 * The federation sender: one queue per destination, fed by the committed changes.
 *
 * It makes nothing durable itself: the rows it sends from were written with the event. After a
 * restart it goes on from those rows, so an event that a user saw as sent reaches every server that
 * ever comes back.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */

import { makeSlots } from '../delivery/slots.js'
import type { JsonObject, Pdu } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { FederationTrafficRow } from '../kernel/live-rows.js'
import type { Logger } from '../kernel/logger.js'
import { parseSpelled } from '../kernel/spelled-numbers.js'
import { readEventRows } from '../store/event-store.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import { countOutbox } from '../store/outbox-store.js'
import type { Database } from '../store/reader.js'
import type { Change } from '../store/writes.js'
import { type DestinationQueue, makeDestinationQueue, type QueueNeeds } from './destination-queue.js'
import type { Destinations } from './destinations.js'
import { type Edu, receiptEdu } from './edu-shapes.js'
import type { FederationClient } from './federation-client.js'
import { forWire } from './read-history.js'
import type { IsServerAllowed } from './server-policy.js'
import type { Traffic, TrafficSink } from './traffic.js'

export type StateSink = TrafficSink & {
  set(
    destination: string,
    state: Pick<FederationTrafficRow, 'state' | 'queue_length' | 'last_success_ts' | 'last_error' | 'retry_at'>,
  ): void
}

export type FederationSender = {
  /** Reads what an earlier run left and begins to send. */
  start(): Promise<void>
  /** Stops sending; what has not been acknowledged stays for the next start. */
  close(): Promise<void>
  /** For `Database.onCommitted`. */
  onChanges(changes: readonly Change[]): void
  /** Typing and presence are dropped where the destination does not answer; receipts wait. */
  sendEdu(destinations: Iterable<ServerName>, edu: Edu): void
  /** Every destination known, for administrators; the shape of `federation_traffic` rows. */
  destinations(): FederationTrafficRow[]
  /** Tells the live tables of traffic and of the destinations' states as they change. */
  forwardTo(sink: StateSink): void
  /** Forgets the backoff and tries at once. */
  retryNow(destination: ServerName): void
  readonly traffic: Traffic
}

type Needs = {
  db: Database
  clock: Clock
  log: Logger
  serverName: ServerName
  client: FederationClient
  destinations: Destinations
  traffic: Traffic
  isServerAllowed: IsServerAllowed
  /** Other servers with joined members; empty for an unknown room. */
  serversInRoom: (roomId: RoomId) => Promise<Iterable<ServerName>>
}

/** Transactions under way at once; see delivery/slots.ts. */
const slots = { healthy: 30, failing: 10, passOnAfterMs: 2_000 }

export function makeFederationSender(needs: Needs): FederationSender {
  const { db, clock, log, destinations } = needs
  const queues = new Map<ServerName, DestinationQueue>()
  const closing = new AbortController()
  const bootId = clock.now().toString(36)
  let lastTxn = 0
  /** Until it is known for whom the last run left something, it may have been for anybody. */
  let isCounted = false

  const queueNeeds: QueueNeeds = {
    ...needs,
    readPdus: (eventIds) => readPdus(db, eventIds),
    newTxnId: () => `${bootId}-${++lastTxn}`,
    takeSlot: makeSlots(clock, slots),
    closing: closing.signal,
    changed: (destination) => tell(destination),
    idle(destination) {
      if (queues.get(destination)?.isIdle) queues.delete(destination)
    },
  }

  function queueOf(destination: ServerName, mayHaveRows = !isCounted): DestinationQueue | undefined {
    if (destination === needs.serverName || !needs.isServerAllowed(destination)) return undefined
    let queue = queues.get(destination)
    if (!queue) {
      queue = makeDestinationQueue(destination, queueNeeds, mayHaveRows)
      queues.set(destination, queue)
    }
    return queue
  }

  let sink: StateSink | undefined
  const tell = (destination: ServerName) => sink?.set(destination, stateRow(needs, queues, destination))
  const stopWatching = destinations.onChanged(tell)
  const stopListening = destinations.onHealed((destination) => queues.get(destination)?.wake())

  function sendEdu(to: Iterable<ServerName>, edu: Edu): void {
    for (const destination of to) queueOf(destination)?.addEdu(edu)
  }

  async function sendReceipt(change: Change & { kind: 'receipt' }): Promise<void> {
    const { roomId, userId, eventId, ts, threadId } = change
    sendEdu(await needs.serversInRoom(roomId), receiptEdu({ roomId, userId: userId as UserId, eventId, ts, threadId }))
  }

  const follow: ByKind = {
    event({ position, eventId, roomId, destinations: servers = [] }) {
      for (const destination of servers) queueOf(destination)?.add({ position, eventId, roomId })
    },
    receipt(change) {
      if (!change.isLocal || change.receiptType !== 'm.read') return
      sendReceipt(change).catch((error: unknown) =>
        log.warn({ err: error, roomId: change.roomId }, 'a receipt was not sent'),
      )
    },
    lasting_edu({ destination, edu, position }) {
      queueOf(destination)?.addMessage({ position, edu })
    },
    ...{ state: ignore, redaction: ignore, membership: ignore, account_data: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, profile: ignore },
  }

  return {
    traffic: needs.traffic,
    async start() {
      for (const { destination, ...rows } of await countOutbox(db)) queueOf(destination, true)?.counted(rows)
      isCounted = true
      for (const queue of queues.values()) queue.wake()
    },
    async close() {
      closing.abort()
      stopListening()
      stopWatching()
      await Promise.all([...queues.values()].map((queue) => queue.settle()))
    },
    onChanges(changes) {
      for (const change of changes) treat(follow, change)
    },
    sendEdu,
    forwardTo(given) {
      sink = given
      needs.traffic.forwardTo(given)
      for (const destination of queues.keys()) tell(destination)
    },
    destinations: () => rowsOf(needs, queues),
    retryNow(destination) {
      destinations.retryNow(destination)
      queues.get(destination)?.wake()
    },
  }
}

async function readPdus(db: Database, eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, JsonObject>> {
  const rows = await readEventRows(db, eventIds)
  return new Map(rows.map((row) => [row.event_id, forWire(parseSpelled(row.pdu) as Pdu)]))
}

const slowMs = 10_000
const downAfterFailures = 5

function rowsOf(needs: Needs, queues: ReadonlyMap<ServerName, DestinationQueue>): FederationTrafficRow[] {
  const names = new Set([...needs.destinations.all().keys(), ...queues.keys(), ...needs.traffic.servers()])
  names.delete(needs.serverName)
  return [...names].map((destination) => {
    const { inPdus, inEdus, outPdus, outEdus } = needs.traffic.of(destination)
    const counts = { in_pdus: inPdus, in_edus: inEdus, out_pdus: outPdus, out_edus: outEdus }
    return { destination, ...counts, ...stateRow(needs, queues, destination) }
  })
}

/** What is not known is named as undefined, so that it can replace what was. */
function stateRow(needs: Needs, queues: ReadonlyMap<ServerName, DestinationQueue>, destination: ServerName) {
  const row = needs.destinations.all().get(destination)
  return {
    state: stateOf(row, needs.traffic.of(destination).lastExchangeMs),
    queue_length: queues.get(destination)?.length ?? 0,
    last_success_ts: row?.last_success_at || undefined,
    last_error: row?.last_error || undefined,
    retry_at: row?.retry_at || undefined,
  }
}

function stateOf(
  row: { failures: number; last_success_at: number } | undefined,
  lastExchangeMs: number,
): FederationTrafficRow['state'] {
  if (!row) return 'unknown'
  if (row.failures >= downAfterFailures) return 'down'
  if (row.failures > 0) return 'backing_off'
  if (row.last_success_at === 0) return 'unknown'
  return lastExchangeMs > slowMs ? 'slow' : 'ok'
}
