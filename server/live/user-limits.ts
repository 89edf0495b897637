/**
 * What one user may ask of the engine over all channels: how many queries at once, how many slow ones,
 * how many registrations of live queries. A user who goes too far is shut out for half a minute.
 */
import type { Clock } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'
import { liveLimits } from './close-codes.js'

type Account = {
  channels: number
  queries: Turns
  scans: Turns
  /** Times of slow queries and of registrations within the last minute. */
  strikes: number[]
  registrations: number[]
  shutOutUntil: number
}

export class UserLimits {
  readonly #scans = new Turns(liveLimits.scans)
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

  /** Runs `work` when it is its turn: four queries of a user at once, one scan; two scans of all users. */
  inTurn<T>(userId: UserId, isScan: boolean, work: () => Promise<T>): Promise<T> {
    const { queries, scans } = this.#account(userId)
    if (!isScan) return queries.take(work)
    return scans.take(() => queries.take(() => this.#scans.take(work)))
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
      account = {
        channels: 0,
        queries: new Turns(liveLimits.queriesPerUser),
        scans: new Turns(liveLimits.scansPerUser),
        strikes: [],
        registrations: [],
        shutOutUntil: 0,
      }
      this.#accounts.set(userId, account)
    }
    return account
  }

  #forgetIdle(): void {
    const now = this.clock.now()
    for (const [userId, { channels, queries, scans, shutOutUntil }] of this.#accounts)
      if (channels === 0 && queries.isIdle && scans.isIdle && shutOutUntil <= now) this.#accounts.delete(userId)
  }
}

/** So many at once; the rest wait in the order they came. */
class Turns {
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(private readonly most: number) {}

  get isIdle(): boolean {
    return this.#running === 0 && this.#waiting.length === 0
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.most) await new Promise<void>((next) => this.#waiting.push(next))
    else this.#running++
    try {
      return await work()
    } finally {
      // The turn passes on; it is only given back where nobody waits.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
