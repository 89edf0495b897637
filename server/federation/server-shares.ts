/**
 * What the questions of other servers about rooms may cost: each server has its share of the engine's and this process's
 * time, so that none that asks without end takes what is another's, or our own users'.
 *
 * Of one server one piece of work runs at a time, of all two, and of those that wait the server goes first that was
 * served longest ago. Time is charged afterwards, since nobody knows before how long a question takes; whoever is in
 * debt waits, and is refused where that would take too long. Long answers are many pieces (`stream-events.ts`): others
 * come between them.
 */
import { LRUCache } from 'lru-cache'
import { Bucket } from '../kernel/bucket.js'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import { givenUp, makeFairLanes } from '../kernel/fair-lanes.js'
import type { ServerName } from '../kernel/identifiers.js'

export const serverShares = {
  atOnce: 2,
  /** A lively server asks a handful of questions at once. */
  waitingPerServer: 32,
  /** In milliseconds: a quarter of one thread, and as much at once as the state of a room of 50,000 takes. */
  time: { size: 15_000, perSecond: 250 },
  longestWaitMs: 5_000,
  servers: 10_000,
}

/** Who asks, and whether the answer is still waited for. */
export type Asker = { origin: ServerName; signal: AbortSignal }

export type ServerShares = {
  /**
   * Runs `work` when it is the origin's turn.
   *
   * @throws MatrixError 429 where too much of it waits already, or its time is used up
   */
  run<T>(asker: Asker, work: () => Promise<T>): Promise<T>
  /** The same for a further piece of an answer that has begun: it waits for as long as it takes. */
  goOn<T>(asker: Asker, work: () => Promise<T>): Promise<T>
}

export function makeServerShares({ clock }: { clock: Clock }): ServerShares {
  const lanes = makeFairLanes(
    { atOnce: serverShares.atOnce, perParty: 1, waitingPerParty: serverShares.waitingPerServer },
    'Too many questions of your server wait for their answers.',
  )
  const buckets = new LRUCache<ServerName, Bucket>({ max: serverShares.servers })

  function bucketOf(origin: ServerName): Bucket {
    const bucket = buckets.get(origin) ?? new Bucket(clock, serverShares.time)
    buckets.set(origin, bucket)
    return bucket
  }

  async function whenPaid(bucket: Bucket, longestMs: number, signal: AbortSignal): Promise<void> {
    for (let debtMs = bucket.debtMs; debtMs > 0; debtMs = bucket.debtMs) {
      if (debtMs > longestMs)
        throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Your server has used up its share of time.', {
          retry_after_ms: debtMs,
        })
      await pause(clock, debtMs, signal)
    }
  }

  async function inShare<T>({ origin, signal }: Asker, longestMs: number, work: () => Promise<T>): Promise<T> {
    const bucket = bucketOf(origin)
    for (;;) {
      await whenPaid(bucket, longestMs, signal)
      // Others of the same server may have run into debt while this one waited.
      const done = await lanes.run(origin, signal, async () => (bucket.debtMs > 0 ? undefined : timed(bucket, work)))
      if (done) return done.result
    }
  }

  async function timed<T>(bucket: Bucket, work: () => Promise<T>): Promise<{ result: T }> {
    const began = clock.elapsed()
    try {
      return { result: await work() }
    } finally {
      bucket.spend(clock.elapsed() - began)
    }
  }

  return {
    run: (asker, work) => inShare(asker, serverShares.longestWaitMs, work),
    goOn: (asker, work) => inShare(asker, Number.POSITIVE_INFINITY, work),
  }
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => () => {
      timer.cancel()
      signal.removeEventListener('abort', giveUp)
      settle()
    }
    const giveUp = end(() => reject(givenUp()))
    const timer = clock.after(ms, end(resolve))
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp)
  })
}
