/**
 * Transaction IDs: a client that lost the answer repeats the request and gets the first answer; what
 * it asked for is done once. They are the device's, whatever login session it has by now.
 *
 * Requests of this process's memory are settled there, also while the first is still under way. Older ones
 * are caught by the idempotency record, which is written in the same commit as what the request
 * did: its insert fails, and the stored answer is read. So the usual request costs no read.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import { AlreadyExistsError } from '../store/errors.js'
import type { Reader } from '../store/reader.js'
import { insertTxnAnswer, readTxnAnswer, type TxnId } from '../store/transaction-id-store.js'
import type { Write } from '../store/writes.js'
import type { Requester } from '../users/requester.js'

type Device = Pick<Requester, 'userId' | 'deviceId'>

/** Gives the writes that record an answer: to be committed with what the request does. */
export type RecordAnswer<T> = (answer: T) => Write[]

/**
 * @param path the request's path with its transaction ID, without query
 * @param run  does it, committing `record(answer)` along
 */
export type OncePerTxn = <T extends object>(
  requester: Device,
  path: string,
  run: (record: RecordAnswer<T>) => Promise<T>,
) => Promise<T>

const rememberedRequests = 20_000
const rememberedForMs = 30 * 60 * 1000

export type TransactionIds = {
  oncePerTxn: OncePerTxn
  /** A device that is gone, whose ID may be taken by a new one: it begins its transaction IDs anew. */
  forgetDevice(userId: UserId, deviceId: DeviceId): void
}

export function makeTransactionIds(db: Reader, clock: Clock): TransactionIds {
  const recent = new LRUCache<string, Promise<object>>({ max: rememberedRequests, ttl: rememberedForMs })

  async function runOnce<T extends object>(id: TxnId, run: (record: RecordAnswer<T>) => Promise<T>): Promise<T> {
    try {
      return await run((answer) => [insertTxnAnswer(id, JSON.stringify(answer), clock.now())])
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw error
      const stored = await readTxnAnswer(db, id)
      if (stored === undefined) throw error
      return JSON.parse(stored)
    }
  }

  const oncePerTxn = <T extends object>(
    { userId, deviceId }: Device,
    path: string,
    run: (record: RecordAnswer<T>) => Promise<T>,
  ) => {
    const key = JSON.stringify([userId, deviceId, path]) // a device ID may hold anything
    const known = recent.get(key)
    if (known) return known as Promise<T> // the same device and path asked for the same kind of answer
    const answer = runOnce([userId, deviceId, path], run)
    recent.set(key, answer)
    answer.catch(() => recent.delete(key)) // a refusal is not an answer to keep: the client may try again
    return answer
  }

  return {
    oncePerTxn,
    forgetDevice(userId, deviceId) {
      const ofDevice = JSON.stringify([userId, deviceId, '']).slice(0, -3)
      for (const key of recent.keys()) if (key.startsWith(ofDevice)) recent.delete(key)
    },
  }
}
