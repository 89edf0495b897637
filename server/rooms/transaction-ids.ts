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
import { hashOfDevice, insertTxn, readTxn, type TxnAnswer, type TxnId, toTxnId } from '../store/transaction-id-store.js'
import type { Write } from '../store/writes.js'
import type { Requester } from '../users/requester.js'

type Device = Pick<Requester, 'userId' | 'deviceId'>

/** Gives the writes that record the answer: to be committed with what the request does. */
export type RecordAnswer<Answer extends TxnAnswer> = (answer: Answer) => Write[]

/**
 * @param path the request's path with its transaction ID, without query
 * @param run  does it, committing `record(answer)` along
 * @returns what the first request was answered
 */
export type OncePerTxn = <Answer extends TxnAnswer>(
  requester: Device,
  path: string,
  run: (record: RecordAnswer<Answer>) => Promise<Answer>,
) => Promise<Answer>

const rememberedRequests = 20_000
const rememberedForMs = 30 * 60 * 1000

export type TransactionIds = {
  oncePerTxn: OncePerTxn
  /** A device that is gone, whose ID may be taken by a new one: it begins its transaction IDs anew. */
  forgetDevice(userId: UserId, deviceId: DeviceId): void
}

export function makeTransactionIds(db: Reader, clock: Clock): TransactionIds {
  const recent = new LRUCache<string, Promise<TxnAnswer>>({ max: rememberedRequests, ttl: rememberedForMs })

  async function runOnce<Answer extends TxnAnswer>(
    id: TxnId,
    run: (record: RecordAnswer<Answer>) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await run((answer) => [insertTxn(id, answer, clock.now())])
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw error
      const stored = await readTxn(db, id)
      if (!stored) throw error
      return stored.answer as Answer // the same path was asked for the same kind of answer
    }
  }

  const oncePerTxn: OncePerTxn = <Answer extends TxnAnswer>(
    { userId, deviceId }: Device,
    path: string,
    run: (record: RecordAnswer<Answer>) => Promise<Answer>,
  ) => {
    const id = toTxnId(userId, deviceId, path)
    const key = id.join('')
    const known = recent.get(key)
    if (known) return known as Promise<Answer> // as above
    const answer = runOnce(id, run)
    recent.set(key, answer)
    answer.catch(() => recent.delete(key)) // a refusal is not an answer to keep: the client may try again
    return answer
  }

  return {
    oncePerTxn,
    forgetDevice(userId, deviceId) {
      const ofDevice = hashOfDevice(userId, deviceId)
      for (const key of recent.keys()) if (key.startsWith(ofDevice)) recent.delete(key)
    },
  }
}
