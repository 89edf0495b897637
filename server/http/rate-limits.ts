/**
 * Token buckets: each caller (user, or address where there is no user) has a budget per kind of
 * request, refilled steadily. Kept in memory: a restart forgives everybody.
 *
 * The budgets let a person's several devices and a lively bot through and stop a loop. Logins and
 * registrations are counted by address, besides what the account's own guard counts; registering takes
 * two or three requests, since it asks for proof.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#rate-limiting
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import type { RateLimit } from './endpoint.js'

/** `perSecond` is the steady rate, `burst` what may come at once. */
const budgets: Record<Exclude<RateLimit, 'none'>, { perSecond: number; burst: number }> = {
  default: { perSecond: 50, burst: 200 },
  message: { perSecond: 10, burst: 60 },
  join: { perSecond: 1, burst: 20 },
  invite: { perSecond: 1, burst: 30 },
  create: { perSecond: 0.5, burst: 20 },
  login: { perSecond: 0.3, burst: 20 },
  registration: { perSecond: 0.2, burst: 20 },
  media: { perSecond: 30, burst: 200 },
  directory: { perSecond: 5, burst: 30 },
}

/** Callers remembered at once; the one longest unseen is forgiven first. */
const maxBuckets = 20_000

export type ChargeRateLimit = (kind: RateLimit, caller: string) => void

/** @throws (by the function returned) MatrixError 429 with `retry_after_ms` */
export function makeRateLimits(options: { enabled: boolean; clock: Clock }): ChargeRateLimit {
  if (!options.enabled) return () => {}
  const buckets = new LRUCache<string, { tokens: number; at: number }>({ max: maxBuckets })
  return (kind, caller) => {
    if (kind === 'none') return
    const { perSecond, burst } = budgets[kind]
    const now = options.clock.elapsed()
    const key = `${kind} ${caller}`
    const bucket = buckets.get(key) ?? { tokens: burst, at: now }
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond)
    bucket.at = now
    buckets.set(key, bucket)
    if (bucket.tokens < 1) {
      const retryAfterMs = Math.ceil(((1 - bucket.tokens) / perSecond) * 1000)
      throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many requests.', { retry_after_ms: retryAfterMs })
    }
    bucket.tokens -= 1
  }
}
