/**
 * Transaction IDs: a client that lost the answer repeats the request and gets the first answer; what
 * it asked for is done once.
 *
 * Requests of this process's memory are settled there, also while the first is still under way. Older ones
 * are caught by the idempotency record, which is written in the same commit as what the request
 * did: its insert fails, and the stored answer is read. So the usual request costs no read.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import { AlreadyExistsError } from '../store/errors.js'
import type { Reader } from '../store/reader.js'
import { insertTxnAnswer, readTxnAnswer } from '../store/transaction-id-store.js'
import type { Write } from '../store/writes.js'
import type { Requester } from '../users/requester.js'

/** Gives the writes that record an answer: to be committed with what the request does. */
export type RecordAnswer<T> = (answer: T) => Write[]

/**
 * @param path the request's path with its transaction ID, without query
 * @param run  does it, committing `record(answer)` along
 */
export type OncePerTxn = <T extends object>(
  requester: Pick<Requester, 'sid'>,
  path: string,
  run: (record: RecordAnswer<T>) => Promise<T>,
) => Promise<T>

const rememberedRequests = 20_000
const rememberedForMs = 30 * 60 * 1000

export function makeOncePerTxn(db: Reader, clock: Clock): OncePerTxn {
  const recent = new LRUCache<string, Promise<object>>({ max: rememberedRequests, ttl: rememberedForMs })

  async function runOnce<T extends object>(
    sid: string,
    path: string,
    run: (record: RecordAnswer<T>) => Promise<T>,
  ): Promise<T> {
    try {
      return await run((answer) => [insertTxnAnswer(sid, path, JSON.stringify(answer), clock.now())])
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw error
      const stored = await readTxnAnswer(db, sid, path)
      if (stored === undefined) throw error
      return JSON.parse(stored)
    }
  }

  return <T extends object>(
    { sid }: Pick<Requester, 'sid'>,
    path: string,
    run: (record: RecordAnswer<T>) => Promise<T>,
  ) => {
    const key = `${sid} ${path}`
    const known = recent.get(key)
    if (known) return known as Promise<T> // the same session and path asked for the same kind of answer
    const answer = runOnce(sid, path, run)
    recent.set(key, answer)
    answer.catch(() => recent.delete(key)) // a refusal is not an answer to keep: the client may try again
    return answer
  }
}
