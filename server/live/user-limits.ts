/**
 * What one user may ask of the engine, over all channels and over time: how many queries at once, how much of the
 * engine's time, how much of the time in which writers wait.
 *
 * Whoever has used up a share waits until it has filled again, and everybody else goes on as before: on a busy
 * machine a window becomes slower and loses nothing. Only who keeps the engine busy with long queries is
 * shut out for half a minute. What a user did is remembered when the channels are closed, or closing them would
 * pay the debt.
 */

import { Bucket } from '../kernel/bucket.js'
import type { Clock } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'
import { liveLimits } from './close-codes.js'
import { Turns } from './turns.js'

type Account = {
  channels: number
  queries: Turns
  scans: Turns
  engineMs: Bucket
  pauseMs: Bucket
  registrations: Bucket
  /** Long queries within the last minute: when, and how long. */
  long: { at: number; ms: number }[]
  shutOutUntil: number
}

/** A share is used up and would not fill soon enough to wait for it. */
export class ShareUsedUp extends Error {
  override readonly name = 'ShareUsedUp'
}

export class UserLimits {
  readonly #scans = new Turns(liveLimits.scans)
  readonly #accounts = new Map<UserId, Account>()

  constructor(private readonly clock: Clock) {}

  /** @returns false where the user has too many channels or is shut out */
  addChannel(userId: UserId): boolean {
    this.#forgetIdle()
    const account = this.#account(userId)
    if (account.channels >= liveLimits.channelsPerUser || this.clock.elapsed() < account.shutOutUntil) return false
    account.channels++
    return true
  }

  removeChannel(userId: UserId): void {
    this.#account(userId).channels--
    this.#forgetIdle()
  }

  /**
   * Runs `work` when it is its turn: four queries of a user at once, one scan; two scans of all users.
   *
   * @throws ShareUsedUp
   */
  async inTurn<T>(userId: UserId, isScan: boolean, work: () => Promise<T>): Promise<T> {
    const { queries, scans, engineMs } = this.#account(userId)
    if (!isScan) return queries.take(() => this.#whenPaid(engineMs).then(work))
    return scans.take(() => queries.take(() => this.#whenPaid(engineMs).then(() => this.#scans.take(work))))
  }

  /**
   * Waits until the user may stop the writers again.
   *
   * @param statements LIVE and KILL that are to run
   * @throws ShareUsedUp
   */
  async beforeRegistering(userId: UserId, statements: number): Promise<void> {
    const { pauseMs, registrations } = this.#account(userId)
    await this.#whenPaid(registrations)
    registrations.spend(statements)
    await this.#whenPaid(pauseMs)
  }

  /** Charges time in which the writers of a table waited for this user. */
  spendPause(userId: UserId, ms: number): void {
    this.#account(userId).pauseMs.spend(ms)
  }

  /**
   * Charges time that the engine worked for this user.
   *
   * @returns true where it was too much of long queries: the user is shut out now
   */
  spendEngine(userId: UserId, ms: number): boolean {
    const account = this.#account(userId)
    account.engineMs.spend(ms)
    if (ms < liveLimits.longQueryMs) return false
    const now = this.clock.elapsed()
    account.long = [...account.long.filter(({ at }) => at > now - liveLimits.longWindowMs), { at: now, ms }]
    if (account.long.reduce((sum, each) => sum + each.ms, 0) < liveLimits.longQueriesMs) return false
    account.shutOutUntil = now + liveLimits.shutOutMs
    account.long = []
    return true
  }

  /** Waits until the user may have rows made again. @throws ShareUsedUp */
  async beforeMaking(userId: UserId): Promise<void> {
    await this.#whenPaid(this.#account(userId).engineMs)
  }

  /**
   * Runs what is done for a query before it runs, out of the user's share of the engine's time. It is no query of
   * theirs, so however long it takes is no long query.
   */
  async atExpense<T>(userId: UserId, work: () => Promise<T>): Promise<T> {
    const began = this.clock.elapsed()
    try {
      return await work()
    } finally {
      this.#account(userId).engineMs.spend(this.clock.elapsed() - began)
    }
  }

  async #whenPaid(bucket: Bucket): Promise<void> {
    for (let debtMs = bucket.debtMs; debtMs > 0; debtMs = bucket.debtMs) {
      if (debtMs > liveLimits.longestWaitMs)
        throw new ShareUsedUp(`This account has used up its share of the database: ask again in ${seconds(debtMs)}.`)
      await new Promise<void>((resolve) => this.clock.after(debtMs, resolve))
    }
  }

  #account(userId: UserId): Account {
    let account = this.#accounts.get(userId)
    if (!account) {
      account = {
        channels: 0,
        queries: new Turns(liveLimits.queriesPerUser),
        scans: new Turns(liveLimits.scansPerUser),
        engineMs: new Bucket(this.clock, liveLimits.engineMs),
        pauseMs: new Bucket(this.clock, liveLimits.pauseMs),
        registrations: new Bucket(this.clock, liveLimits.registrations),
        long: [],
        shutOutUntil: Number.NEGATIVE_INFINITY,
      }
      this.#accounts.set(userId, account)
    }
    return account
  }

  /** Only who owes nothing is forgotten. */
  #forgetIdle(): void {
    const now = this.clock.elapsed()
    for (const [userId, account] of this.#accounts) {
      const { channels, queries, scans, engineMs, pauseMs, registrations, long, shutOutUntil } = account
      const isQuiet = channels === 0 && queries.isIdle && scans.isIdle && now >= shutOutUntil
      const isPaid = engineMs.isFull && pauseMs.isFull && registrations.isFull
      if (isQuiet && isPaid && long.every(({ at }) => at <= now - liveLimits.longWindowMs))
        this.#accounts.delete(userId)
    }
  }
}

const seconds = (ms: number) => `${Math.ceil(ms / 1000)} seconds`
