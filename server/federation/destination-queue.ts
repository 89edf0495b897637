/**
 * What one destination has yet to receive, and the sending of it: one transaction at a time, in order,
 * the same one again until it is answered.
 *
 * Rows of the outbox leave when the destination has answered 200. A destination that was away for so
 * long that more than a thousand events wait for it gets the newest event of each room instead of all
 * of them: from that it fetches what it wants, and both sides are spared the rest.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
import type { JsonObject } from '../events/pdu.js'
import type { Clock, Timer } from '../kernel/clock.js'
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { deleteOutboxEdu, deleteOutboxRow, deleteOutboxUpTo, insertOutboxEdu } from '../store/outbox-store.js'
import type { Database } from '../store/reader.js'
import type { StreamPosition, Write } from '../store/writes.js'
import type { Destinations } from './destinations.js'
import { makeEduBuffer } from './edu-buffer.js'
import type { Edu } from './edu-shapes.js'
import { type FederationClient, pathOf } from './federation-client.js'
import { FederationError } from './federation-error.js'
import type { Traffic } from './traffic.js'

export const transactionLimits = { pdus: 50, edus: 100 }
const maxBacklog = 1000
const transactionTimeoutMs = 60_000
// So that receipts and typing notices of one moment share a transaction.
const eduDelayMs = 40

export type QueuedPdu = { position: StreamPosition; eventId: EventId; roomId: RoomId }
export type StoredEdu = { position: number; edu: Edu }

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
  /** Waits for one of the slots that all destinations share; resolves to the function that gives it back. */
  takeSlot: () => Promise<() => void>
  closing: AbortSignal
  /** The queue has become longer or shorter. */
  changed: (destination: ServerName) => void
}

export type DestinationQueue = {
  readonly length: number
  /** What was stored before this process started. */
  restore(pdus: readonly QueuedPdu[], edus: readonly StoredEdu[]): void
  addPdu(pdu: QueuedPdu): void
  addEdu(edu: Edu): void
  wake(): void
  /** Writes down what is to survive the end of this process. */
  save(): Promise<void>
}

/** `position` is that of the last PDU in it. */
type Transaction = { txnId: string; pdus: QueuedPdu[]; storedEdus: StoredEdu[]; lasting: Edu[]; passing: Edu[] }

export function makeDestinationQueue(destination: ServerName, needs: QueueNeeds): DestinationQueue {
  const { db, clock, log, destinations } = needs
  let pdus: QueuedPdu[] = []
  let storedEdus: StoredEdu[] = []
  const buffer = makeEduBuffer()
  let pending: Transaction | undefined
  let isRunning = false
  let running: Promise<void> = Promise.resolve()
  let timer: Timer | undefined

  /** Microseconds since the epoch, each once: rows of an earlier run come before those of this one. */
  let lastEduPosition = 0
  const nextEduPosition = () => {
    lastEduPosition = Math.max(lastEduPosition + 1, clock.now() * 1000)
    return lastEduPosition
  }

  const write = async (writes: Write[]) => {
    if (writes.length > 0) await db.commit(() => ({ writes, changes: [], result: undefined }))
  }
  const hasWork = () => pending !== undefined || pdus.length + storedEdus.length + buffer.size > 0

  function nextTransaction(): Transaction {
    const stored = storedEdus.splice(0, transactionLimits.edus)
    const buffered = buffer.take(transactionLimits.edus - stored.length)
    return {
      txnId: needs.newTxnId(),
      pdus: pdus.splice(0, transactionLimits.pdus),
      storedEdus: stored,
      lasting: buffered.filter((edu) => edu.edu_type === 'm.receipt'),
      passing: buffered.filter((edu) => edu.edu_type !== 'm.receipt'),
    }
  }

  async function contentOf(transaction: Transaction): Promise<{ content: JsonObject; pdus: number; edus: number }> {
    const found = await needs.readPdus(transaction.pdus.map(({ eventId }) => eventId))
    const wire = transaction.pdus.map(({ eventId }) => found.get(eventId)).filter((pdu) => pdu !== undefined)
    const edus = [...transaction.storedEdus.map(({ edu }) => edu), ...transaction.lasting, ...transaction.passing]
    const content = { origin: needs.serverName, origin_server_ts: clock.now(), pdus: wire, edus }
    return { content, pdus: wire.length, edus: edus.length }
  }

  async function send(transaction: Transaction): Promise<void> {
    const { content, pdus: pduCount, edus: eduCount } = await contentOf(transaction)
    const startedAt = clock.elapsed()
    const answer = await needs.client.request({
      destination,
      method: 'PUT',
      path: pathOf('/_matrix/federation/v1/send/:txnId', { txnId: transaction.txnId }),
      content,
      timeoutMs: transactionTimeoutMs,
      ignoreBackoff: true,
      signal: needs.closing,
    })
    needs.traffic.countOut(destination, { pdus: pduCount, edus: eduCount }, clock.elapsed() - startedAt)
    logRefused(log, destination, transaction.txnId, answer.pdus)
  }

  const acknowledged = (transaction: Transaction): Write[] => {
    const last = transaction.pdus.at(-1)
    return [
      ...(last ? [deleteOutboxUpTo(destination, last.position)] : []),
      ...transaction.storedEdus.map(({ position }) => deleteOutboxEdu(destination, position)),
    ]
  }

  async function sendOne(): Promise<void> {
    pending ??= nextTransaction()
    const giveBack = await needs.takeSlot()
    try {
      if (needs.closing.aborted) return
      await send(pending)
      const done = pending
      pending = undefined
      needs.changed(destination)
      await write(acknowledged(done))
    } finally {
      giveBack()
    }
  }

  async function handleFailure(error: unknown): Promise<void> {
    if (!(error instanceof FederationError)) throw error
    if (error.failure === 'aborted') return
    // It lives, but does not take what we send: no reason to try again at once.
    if (!error.isOutage) destinations.failed(destination, error)
    if (pending) pending.passing = []
    buffer.dropEphemeral()
    await storeLasting()
  }

  /** Receipts are written down only when they have to wait: nearly all of them never have to. */
  async function storeLasting(): Promise<void> {
    const lasting = [...(pending?.lasting ?? []), ...buffer.takeLasting()]
    if (lasting.length === 0) return
    const stored = lasting.map((edu) => ({ position: nextEduPosition(), edu }))
    await write(stored.map(({ position, edu }) => insertOutboxEdu({ destination, position, edu: JSON.stringify(edu) })))
    if (pending) {
      pending.storedEdus = [...pending.storedEdus, ...stored]
      pending.lasting = []
    } else storedEdus.push(...stored)
  }

  async function run(): Promise<void> {
    while (hasWork() && !needs.closing.aborted) {
      const retryAt = destinations.retryAt(destination)
      if (retryAt > clock.now()) return wakeAfter(retryAt - clock.now())
      try {
        await sendOne()
      } catch (error) {
        await handleFailure(error)
      }
    }
  }

  function wakeAfter(ms: number): void {
    timer?.cancel()
    timer = clock.after(ms, wake)
  }

  function wake(): void {
    timer?.cancel()
    timer = undefined
    if (isRunning || needs.closing.aborted) return
    isRunning = true
    running = run()
      .catch((error: unknown) => {
        // Our own fault or the disk's: try again later rather than never.
        log.error({ err: error, destination }, 'a transaction could not be made')
        wakeAfter(30_000)
      })
      .finally(() => {
        isRunning = false
        if (hasWork() && timer === undefined && !needs.closing.aborted) wakeAfter(0)
      })
  }

  /** After a long absence: the newest event of each room instead of the whole backlog. */
  function shorten(): void {
    const newest = new Map(pdus.map((pdu) => [pdu.roomId, pdu]))
    const kept = pdus.filter((pdu) => newest.get(pdu.roomId) === pdu)
    const dropped = pdus.filter((pdu) => newest.get(pdu.roomId) !== pdu)
    pdus = kept
    log.info(
      { destination, dropped: dropped.length, kept: kept.length },
      'the backlog of a destination was cut to one event a room',
    )
    write(dropped.map(({ position }) => deleteOutboxRow(destination, position))).catch((error: Error) =>
      log.warn({ destination, err: error.message }, 'dropped outbox rows were not deleted'),
    )
  }

  return {
    get length() {
      return pdus.length + (pending?.pdus.length ?? 0)
    },
    restore(storedPdus, edus) {
      pdus = [...storedPdus].sort((a, b) => a.position - b.position)
      storedEdus = [...edus].sort((a, b) => a.position - b.position)
      if (pdus.length > maxBacklog) shorten()
      needs.changed(destination)
    },
    addPdu(pdu) {
      pdus.push(pdu)
      needs.changed(destination)
      if (pdus.length > maxBacklog && destinations.retryAt(destination) > clock.now()) shorten()
      if (!isRunning && destinations.retryAt(destination) <= clock.now()) wake()
      else if (!isRunning && timer === undefined) wakeAfter(destinations.retryAt(destination) - clock.now())
    },
    addEdu(edu) {
      if (destinations.retryAt(destination) > clock.now() && edu.edu_type !== 'm.receipt') return
      buffer.add(edu)
      if (!isRunning && timer === undefined)
        wakeAfter(Math.max(eduDelayMs, destinations.retryAt(destination) - clock.now()))
    },
    wake,
    async save() {
      timer?.cancel()
      await running
      await storeLasting()
    },
  }
}

function logRefused(log: Logger, destination: ServerName, txnId: string, results: unknown): void {
  if (typeof results !== 'object' || results === null) return
  for (const [eventId, result] of Object.entries(results))
    if (typeof result === 'object' && result !== null && 'error' in result)
      log.info({ destination, txnId, eventId: eventId.slice(0, 255) }, 'the destination refused an event')
}
