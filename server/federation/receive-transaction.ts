/**
 * Incoming transactions: kept under the origin's own session, answered once, worked off room by room.
 *
 * 1. A transaction seen before gets its first answer. 2. The raw transaction is made durable. 3. Its PDUs
 * go to one queue per room, so that a room that needs long (missing events, a slow peer) holds up
 * nobody else; its EDUs follow. 4. The answer is written and given. A transaction that takes over 25 s
 * is answered before it is through: it is durable, and the origin should not wait. 5. What could not be taken
 * because other servers do not answer stays in the inbox and is tried again (try-again.ts). 6. What was kept and
 * not answered when the process ended is taken up again at the next start.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
import { LRUCache } from 'lru-cache'
import { canonicalJson, parseJsonStrictly } from '../events/canonical-json.js'
import { isJsonObject } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { invalidParam, MatrixError } from '../kernel/errors.js'
import { parseRoomId, type RoomId, type ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { areNumbersSpelled } from '../kernel/spelled-numbers.js'
import { readTransaction, readUnanswered, setAnswer, setBody } from '../store/federation-inbox-store.js'
import type { FederationSessions } from '../store/federation-sessions.js'
import type { Database } from '../store/reader.js'
import type { Write } from '../store/writes.js'
import { makeKeyedQueue } from './keyed-queue.js'
import type { ReceiveEdus } from './receive-edus.js'
import type { ReceiveLastingEdus } from './receive-lasting-edus.js'
import type { PduResults, ReceivePdus } from './receive-pdus.js'
import type { Traffic } from './traffic.js'
import { transactionLimits } from './transaction-limits.js'
import { makeTryAgain } from './try-again.js'

export type Transaction = { pdus: readonly unknown[]; edus: readonly unknown[] }

/** @throws MatrixError 400 for too many PDUs or EDUs, 429 when too much waits already */
export type ReceiveTransaction = (
  origin: ServerName,
  txnId: string,
  transaction: Transaction,
) => Promise<{ pdus: PduResults }>

type Needs = {
  db: Database
  clock: Clock
  log: Logger
  /** Sessions of other servers (S3). */
  withFederationSession: FederationSessions['withFederationSession']
  receivePdus: ReceivePdus
  receiveEdus: ReceiveEdus
  /** Those that must not be lost; they wait for no room. */
  receiveLastingEdus: ReceiveLastingEdus
  traffic: Traffic
}

const answerWithinMs = 25_000
const maxPerOrigin = 10
const maxInProgress = 500
const answersInMemory = 2_000

export type TransactionReceiver = {
  receiveTransaction: ReceiveTransaction
  /** Takes up what an earlier run left. */
  start(): Promise<void>
  /** Takes nothing more in. */
  stop(): void
  /** Waits for what is under way. */
  close(): Promise<void>
}

export function makeTransactionReceiver(needs: Needs): TransactionReceiver {
  const { db, clock, log } = needs
  const answers = new LRUCache<string, { pdus: PduResults }>({ max: answersInMemory })
  const inProgress = new Map<string, Promise<{ pdus: PduResults }>>()
  const working = new Set<Promise<unknown>>()
  const byOrigin = makeKeyedQueue<ServerName>()
  const byRoom = makeKeyedQueue<RoomId>()
  const tryAgain = makeTryAgain({ clock, log })
  let isClosing = false

  /** Works a durable transaction off and writes its answer. */
  async function work(
    origin: ServerName,
    txnId: string,
    { pdus, edus }: Transaction,
    results: PduResults,
  ): Promise<void> {
    needs.traffic.countIn(origin, { pdus: pdus.length, edus: edus.length })
    await needs.receiveLastingEdus(origin, edus)
    const unsettled = await receiveByRoom(origin, pdus, results)
    // Closing broke off what was being fetched: without an answer it is taken up again at the next start.
    if (isClosing) return
    await needs.receiveEdus(origin, edus)
    answers.set(keyOf(origin, txnId), { pdus: results })
    const commit = (write: Write) => db.commit(() => ({ writes: [write], changes: [], result: undefined }))
    const answer = () => commit(setAnswer(origin, txnId, JSON.stringify({ pdus: results }), clock.now()))
    if (unsettled.length === 0) return answer()
    await commit(setBody(origin, txnId, textOf({ pdus: unsettled, edus: [] })))
    let left = unsettled
    tryAgain.later(async () => {
      left = await track(receiveByRoom(origin, left, {}))
      return left.length === 0 && !isClosing
    }, answer)
  }

  /** @returns those that are worth another try */
  async function receiveByRoom(origin: ServerName, pdus: readonly unknown[], results: PduResults): Promise<unknown[]> {
    const unsettled = await Promise.all(
      [...groupByRoom(pdus)].map(([roomId, ofRoom]) =>
        byRoom.run(roomId, async () => {
          const received = await needs.receivePdus(origin, roomId, ofRoom)
          Object.assign(results, received.results)
          return received.unsettled
        }),
      ),
    )
    return unsettled.flat()
  }

  function track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.catch(() => undefined).finally(() => working.delete(tracked))
    working.add(tracked)
    return work
  }

  async function receive(origin: ServerName, txnId: string, transaction: Transaction): Promise<{ pdus: PduResults }> {
    const body = textOf(transaction)
    const before = await needs.withFederationSession(origin, async (session) => {
      const isNew = await session.insertInbox({ txnId, body, receivedAt: clock.now() })
      return isNew ? undefined : readTransaction(session, origin, txnId)
    })
    if (before?.answer !== undefined) return JSON.parse(before.answer) as { pdus: PduResults }
    const results: PduResults = {}
    await withinTime(track(work(origin, txnId, transaction, results)))
    return { pdus: { ...results } }
  }

  function withinTime(done: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = clock.after(answerWithinMs, resolve)
      done.finally(() => timer.cancel()).then(resolve, reject)
    })
  }

  return {
    receiveTransaction(origin, txnId, transaction) {
      if (transaction.pdus.length > transactionLimits.pdus || transaction.edus.length > transactionLimits.edus)
        throw invalidParam(
          `A transaction has at most ${transactionLimits.pdus} PDUs and ${transactionLimits.edus} EDUs.`,
        )
      const key = keyOf(origin, txnId)
      const known = answers.get(key)
      if (known) return Promise.resolve(known)
      const running = inProgress.get(key)
      if (running) return running
      if (isClosing || working.size >= maxInProgress || byOrigin.waiting(origin) >= maxPerOrigin)
        throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too much is waiting already.', { retry_after_ms: 5000 })
      const received = byOrigin
        .run(origin, () => receive(origin, txnId, transaction))
        .finally(() => inProgress.delete(key))
      inProgress.set(key, received)
      return received
    },
    async start() {
      for (const { origin, txn_id, body } of await readUnanswered(db)) {
        const transaction = parseJsonStrictly(body) as Transaction
        track(byOrigin.run(origin, () => work(origin, txn_id, transaction, {}))).catch((error: unknown) =>
          log.error(
            { err: error, origin, txnId: txn_id },
            'a transaction of before the restart could not be processed',
          ),
        )
      }
    },
    stop() {
      isClosing = true
      tryAgain.stop()
    },
    async close() {
      await Promise.all(working)
    },
  }
}

/** Numbers of old rooms are kept as they are spelt: the signatures are over that. */
const textOf = (transaction: Transaction) =>
  areNumbersSpelled() ? canonicalJson(transaction, { strict: false }) : JSON.stringify(transaction)

const keyOf = (origin: ServerName, txnId: string) => `${origin} ${txnId}`

/** PDUs that name no room are nobody's: they are dropped here. */
function groupByRoom(pdus: readonly unknown[]): Map<RoomId, unknown[]> {
  const rooms = new Map<RoomId, unknown[]>()
  for (const pdu of pdus) {
    const roomId = isJsonObject(pdu) ? parseRoomId(pdu.room_id) : undefined
    if (!roomId) continue
    const ofRoom = rooms.get(roomId) ?? []
    ofRoom.push(pdu)
    rooms.set(roomId, ofRoom)
  }
  return rooms
}
