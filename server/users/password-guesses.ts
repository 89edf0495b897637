/**
 * How many passwords may be tried, so that guessing gets nowhere and the owner is never locked out by it.
 *
 * Each caller (a network party, or a device that shows a token already) has ten tries at an account in five minutes.
 * Over all callers together an account takes fifty wrong ones and then one every two minutes: a thousand addresses
 * guess no faster. That share is for strangers alone: whoever has logged in to the account from that address
 * before, shows a token of it, or sits at this machine does not pay into it and is not stopped by it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#rate-limiting
 */
import { LRUCache } from 'lru-cache'
import { partyOf } from '../kernel/address.js'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import { readDevices } from '../store/device-store.js'
import type { Reader } from '../store/reader.js'
import type { Requester } from './requester.js'

/** Who tries a password. */
export type Guesser = {
  ip: string
  isLoopback: boolean
  /** The account and device whose token came along. */
  requester?: Pick<Requester, 'userId' | 'deviceId' | 'appservice'> | undefined
}

export type PasswordGuesses = {
  /**
   * Counts a try before it is looked at, or many at once would all be let through.
   *
   * @returns to be called when the password was right: such a try counts for nothing
   * @throws MatrixError 429 `M_LIMIT_EXCEEDED`
   */
  begin(userId: UserId, from: Guesser): Promise<() => void>
}

const perCaller = { tries: 10, windowMs: 5 * 60_000 } as const
const strangers = { tries: 50, oneEveryMs: 2 * 60_000 } as const
const maxCallers = 20_000
const maxAccounts = 10_000
const maxSuccesses = 10_000

type Tries = { count: number; since: number }
type Share = { left: number; at: number }
type Needs = { db: Reader; clock: Clock; isOn: boolean }

export function makePasswordGuesses({ db, clock, isOn }: Needs): PasswordGuesses {
  const callers = new LRUCache<string, Tries>({ max: maxCallers })
  const shares = new LRUCache<UserId, Share>({ max: maxAccounts })
  /** Who logged in since the start; those of before are known by where their devices were last seen. */
  const successes = new LRUCache<string, true>({ max: maxSuccesses })

  function countCaller(key: string): Tries {
    const now = clock.now()
    const before = callers.get(key)
    const tries = before && now - before.since < perCaller.windowMs ? before : { count: 0, since: now }
    callers.set(key, tries)
    if (tries.count >= perCaller.tries) throw tooMany(tries.since + perCaller.windowMs - now)
    tries.count += 1
    return tries
  }

  function shareOf(userId: UserId): Share {
    const now = clock.now()
    const share = shares.get(userId) ?? { left: strangers.tries, at: now }
    share.left = Math.min(strangers.tries, share.left + (now - share.at) / strangers.oneEveryMs)
    share.at = now
    shares.set(userId, share)
    return share
  }

  async function isSeenBefore(userId: UserId, party: string): Promise<boolean> {
    if (party === 'unknown') return false
    if (successes.has(`${userId} ${party}`)) return true
    return (await readDevices(db, userId)).some(({ last_seen_ip: ip }) => ip !== undefined && partyOf(ip) === party)
  }

  return {
    async begin(userId, { ip, isLoopback, requester }) {
      if (!isOn) return () => {}
      const party = isLoopback ? 'loopback' : partyOf(ip)
      const isOwnDevice = requester?.userId === userId
      const tries = countCaller(isOwnDevice ? `${userId} device ${requester.deviceId}` : `${userId} ${party}`)
      const succeeded = () => {
        tries.count = 0
        if (party !== 'unknown') successes.set(`${userId} ${party}`, true)
      }
      if (isOwnDevice || isLoopback || (await isSeenBefore(userId, party))) return succeeded
      const share = shareOf(userId)
      if (share.left < 1) {
        tries.count -= 1 // it was not tried
        throw tooMany((1 - share.left) * strangers.oneEveryMs)
      }
      share.left -= 1
      return () => {
        share.left += 1
        succeeded()
      }
    },
  }
}

const tooMany = (retryAfterMs: number) =>
  new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many wrong passwords.', {
    retry_after_ms: Math.max(1, Math.ceil(retryAfterMs)),
  })
