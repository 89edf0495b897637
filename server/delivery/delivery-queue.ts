/**
 * A queue that delivers in order, and again until it is taken: one batch at a time to one destination.
 *
 * It knows no destination's protocol, no engine and no clock of its own. An instance says how a batch is sent,
 * where its items lie (`Backlog`), what may travel along (`Passengers`), and when the destination may be asked.
 *
 *  1. What was taken is deleted, exactly that, before anything else is sent.
 *  2. Where too much waits for a destination that is away, the newest of each key is kept (`thinning`).
 *  3. Until it may be asked again nothing is held in memory but the name of the batch that failed.
 *  4. That batch is repeated under its name as long as it has the same items; the receiver knows it by that.
 *
 * Between all this it sleeps: no timer but the one for the next try.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Clock, Timer } from '../kernel/clock.js'
import type { Logger } from '../kernel/logger.js'
import type { Backlog, Queued } from './backlog.js'
import type { TakeSlot } from './slots.js'

export type Batch<Item, Load> = { readonly id: string; readonly items: readonly Item[]; readonly load: Load }

/** What travels along with the items and has no place among them. */
export type Passengers<Load> = {
  readonly mayHaveSome: boolean
  isSome(load: Load): boolean
  /** Of those that are on disk. */
  positionsOf(load: Load): number[]
  /** Those for the next batch; with `seats`, that many of those that are on disk, as the last time. */
  board(seats?: number): Promise<Load>
  arrived(load: Load): Promise<void>
  /** The destination did not take them: what is to last is written down, the rest is dropped. @returns what is left */
  delayed(load: Load): Promise<Load>
  /** Whether there are more in memory than should be while the destination is away. */
  readonly areCrowded: boolean
  /** Puts down what is to last and gives the memory back. */
  rest(): Promise<void>
}

type Needs<Item extends Queued, Load> = {
  clock: Clock
  log: Logger
  backlog: Backlog<Item>
  passengers: Passengers<Load>
  maxItems: number
  newBatchId: () => string
  /** The batch that an earlier run may have sent without hearing of it: its name, and the positions in it. */
  underWay?: { id: string; items: readonly number[] }
  /** Resolves when the destination has taken it all. */
  send: (batch: Batch<Item, Load>) => Promise<void>
  /** Counts what `send` threw, so that `retryAt` moves; throws what is not the destination's fault. */
  failed: (error: unknown) => void
  /** When the destination may be asked, ms since the epoch; 0: now. */
  retryAt: () => number
  isFailing: () => boolean
  takeSlot: TakeSlot
  /** Where more than `above` wait for a destination that is away, or ten times as many in any case. */
  thinning: { above: number; keyOf: (item: Item) => string }
  closing: AbortSignal
  /** The queue has become longer or shorter. */
  changed: () => void
  /** Nothing waits: the queue may be thrown away. */
  idle: () => void
}

export type DeliveryQueue<Item extends Queued> = {
  readonly length: number
  /** Items of its own that are held in memory. */
  readonly inMemory: number
  readonly isIdle: boolean
  /** Takes in what has just become durable. */
  add(item: Item): void
  /** Somebody has boarded: sends within `ms`, or when the destination may be asked. */
  wakeWithin(ms: number): void
  wake(): void
  /** After `closing` was aborted: waits for what is under way and puts down what is to last. */
  settle(): Promise<void>
}

const afterErrorMs = 30_000
const thinInAnyCase = 10

export function makeDeliveryQueue<Item extends Queued, Load>(needs: Needs<Item, Load>): DeliveryQueue<Item> {
  const { clock, log, backlog, passengers, thinning, closing } = needs
  let batch: Batch<Item, Load> | undefined
  /** The name of a batch that failed, and what was in it. */
  let failedBatch: { id: string; items: readonly number[]; seats: readonly number[] } | undefined = needs.underWay && {
    ...needs.underWay,
    seats: [],
  }
  let taken: Batch<Item, Load> | undefined
  let thinAbove = thinning.above
  /** After a fault of our own, ms since the epoch. */
  let pausedUntil = 0
  let isRunning = false
  let running: Promise<void> = Promise.resolve()
  let timer: Timer | undefined

  const hasWork = () => batch !== undefined || taken !== undefined || backlog.mayHaveSome || passengers.mayHaveSome
  const waitMs = () => Math.max(needs.retryAt(), pausedUntil) - clock.now()
  const isTooLong = () => backlog.length > (waitMs() > 0 ? thinAbove : thinAbove * thinInAnyCase)

  async function nextBatch(): Promise<Batch<Item, Load> | undefined> {
    const again = failedBatch
    const items = await backlog.peek(again ? again.items.length : needs.maxItems)
    const load = await passengers.board(again?.seats.length)
    failedBatch = undefined
    if (items.length === 0 && !passengers.isSome(load)) return undefined
    const same = { items: positionsOf(items), seats: passengers.positionsOf(load) }
    const id = again && isDeepStrictEqual({ ...again, ...same }, again) ? again.id : needs.newBatchId()
    return { id, items, load }
  }

  async function deliver(): Promise<void> {
    batch ??= await nextBatch()
    if (!batch) return
    const giveBack = await needs.takeSlot(needs.isFailing())
    try {
      if (closing.aborted) return
      await needs.send(batch)
      taken = batch
      batch = undefined
    } catch (error) {
      await putDown()
      needs.failed(error)
    } finally {
      giveBack()
    }
  }

  /** What is left of a batch that was not taken is its name. */
  async function putDown(): Promise<void> {
    if (!batch) return
    const { id, items, load } = batch
    const left = await passengers.delayed(load)
    failedBatch = { id, items: positionsOf(items), seats: passengers.positionsOf(left) }
    batch = undefined
  }

  async function forget({ items, load }: Batch<Item, Load>): Promise<void> {
    await Promise.all([backlog.remove(items), passengers.arrived(load)])
    taken = undefined
    thinAbove = thinning.above
    needs.changed()
  }

  /** After a long absence: the newest of each key instead of all; from that the destination can fetch the rest. */
  async function thin(): Promise<void> {
    failedBatch = undefined
    const dropped = await backlog.thin(thinning.keyOf)
    thinAbove = backlog.length + thinning.above
    log.info({ dropped, kept: backlog.length }, 'a backlog was cut to the newest of each kind')
    needs.changed()
  }

  async function run(): Promise<void> {
    while (!closing.aborted) {
      if (taken) await forget(taken)
      if (isTooLong()) await thin()
      if (!hasWork()) return
      const wait = waitMs()
      if (wait > 0) {
        backlog.release()
        await passengers.rest()
        return wakeAfter(wait)
      }
      await deliver()
    }
  }

  function wakeAfter(ms: number): void {
    timer?.cancel()
    timer = clock.after(ms, wake)
  }

  function wake(): void {
    timer?.cancel()
    timer = undefined
    if (isRunning || closing.aborted) return
    pausedUntil = 0
    isRunning = true
    running = run()
      .catch((error: unknown) => {
        // Our own fault or the disk's: try again later rather than never.
        log.error({ err: error }, 'a queue stopped for a while')
        pausedUntil = clock.now() + afterErrorMs
        wakeAfter(afterErrorMs)
      })
      .finally(() => {
        isRunning = false
        if (closing.aborted || timer !== undefined) return
        if (hasWork()) wake()
        else needs.idle()
      })
  }

  function wakeWithin(ms: number): void {
    if (isRunning) return
    if (passengers.areCrowded && waitMs() > 0) wake()
    else if (timer === undefined) wakeAfter(Math.max(ms, waitMs()))
  }

  return {
    get length() {
      return backlog.length
    },
    get inMemory() {
      return backlog.inMemory + (batch?.items.length ?? 0)
    },
    get isIdle() {
      return !isRunning && timer === undefined && !hasWork()
    },
    add(item) {
      backlog.add(item)
      needs.changed()
      if (isRunning) return
      if (waitMs() <= 0 || isTooLong()) wake()
      else if (timer === undefined) wakeAfter(waitMs())
    },
    wakeWithin,
    wake,
    async settle() {
      timer?.cancel()
      await running
      await putDown()
      await passengers.rest()
    },
  }
}

const positionsOf = (items: readonly Queued[]): number[] => items.map(({ position }) => position)
