/**
 * What one user may ask of the engine over all channels: how many queries at once, how many slow ones,
 * how many registrations of live queries. A user who goes too far is shut out for half a minute.
 */
import type { Clock } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'
import { liveLimits } from './close-codes.js'

type Account = {
  channels: number
  running: number
  waiting: (() => void)[]
  /** Times of slow queries and of registrations within the last minute. */
  strikes: number[]
  registrations: number[]
  shutOutUntil: number
}

export class UserLimits {
  readonly #accounts = new Map<UserId, Account>()

  constructor(private readonly clock: Clock) {}

  /** @returns false where the user has too many channels or is shut out */
  addChannel(userId: UserId): boolean {
    const account = this.#account(userId)
    if (account.channels >= liveLimits.channelsPerUser || this.clock.now() < account.shutOutUntil) return false
    account.channels++
    return true
  }

  removeChannel(userId: UserId): void {
    this.#account(userId).channels--
    this.#forgetIdle()
  }

  /** Runs `work` when fewer than four queries of the user do. */
  async inTurn<T>(userId: UserId, work: () => Promise<T>): Promise<T> {
    const account = this.#account(userId)
    while (account.running >= liveLimits.queriesPerUser) await new Promise<void>((next) => account.waiting.push(next))
    account.running++
    try {
      return await work()
    } finally {
      account.running--
      account.waiting.shift()?.()
    }
  }

  /** @returns true where it was one too many: the user is shut out now */
  strike(userId: UserId): boolean {
    const account = this.#account(userId)
    if (this.#countRecent(account.strikes) < liveLimits.strikes) return false
    account.shutOutUntil = this.clock.now() + liveLimits.shutOutMs
    account.strikes.length = 0
    return true
  }

  /** @returns false where the user registers and kills live queries too often */
  mayRegister(userId: UserId): boolean {
    return this.#countRecent(this.#account(userId).registrations) <= liveLimits.registrationsPerMinute
  }

  /** Adds now to the times and returns how many lie within the window. */
  #countRecent(times: number[]): number {
    const now = this.clock.now()
    while (times.length > 0 && times[0]! < now - liveLimits.strikeWindowMs) times.shift()
    times.push(now)
    return times.length
  }

  #account(userId: UserId): Account {
    let account = this.#accounts.get(userId)
    if (!account) {
      account = { channels: 0, running: 0, waiting: [], strikes: [], registrations: [], shutOutUntil: 0 }
      this.#accounts.set(userId, account)
    }
    return account
  }

  #forgetIdle(): void {
    const now = this.clock.now()
    for (const [userId, { channels, running, shutOutUntil }] of this.#accounts)
      if (channels === 0 && running === 0 && shutOutUntil <= now) this.#accounts.delete(userId)
  }
}
