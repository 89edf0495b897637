/**
 * Token buckets: each caller (user, other server, or network address where there is neither) has a budget per kind
 * of request, refilled steadily. Kept in memory: a restart forgives everybody.
 *
 * The budgets let a person's several devices and a lively bot through and stop a loop. Every request is charged to
 * its address first, whoever it says it is from; logins and registrations are counted by address too, besides what
 * the account's own guard counts; registering takes two or three requests, since it asks for proof.
 *
 * Saying no costs time as well. A caller who goes on asking after several refusals has to wait for each further one,
 * so that a loop without pauses is slowed to the pace of its connections.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#rate-limiting
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import type { RateLimit } from './endpoint.js'

export type Budgets = Record<Exclude<RateLimit, 'none'> | 'address', { perSecond: number; burst: number }>

/** `perSecond` is the steady rate, `burst` what may come at once. */
const budgets: Budgets = {
  address: { perSecond: 300, burst: 1_500 },
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
/** So many refusals come at once, and are forgotten at so many a second; each further one is held so long. */
export const refusals = { atOnce: 20, forgottenPerSecond: 5, holdMs: 1_000 }

export type ChargeRateLimit = (kind: RateLimit | 'address', caller: string) => void

/** 429 `M_LIMIT_EXCEEDED`; to be answered after `holdMs`. */
export class RateLimited extends MatrixError {
  constructor(
    retryAfterMs: number,
    readonly holdMs: number,
  ) {
    super(429, 'M_LIMIT_EXCEEDED', 'Too many requests.', { retry_after_ms: retryAfterMs })
  }
}

type Bucket = { tokens: number; refused: number; at: number }

/** @throws (by the function returned) RateLimited, with `retry_after_ms` */
export function makeRateLimits(options: {
  enabled: boolean
  clock: Clock
  /** For tests; otherwise those above. */
  budgets?: Partial<Budgets> | undefined
}): ChargeRateLimit {
  if (!options.enabled) return () => {}
  const all = { ...budgets, ...options.budgets }
  const buckets = new LRUCache<string, Bucket>({ max: maxBuckets })
  return (kind, caller) => {
    if (kind === 'none') return
    const { perSecond, burst } = all[kind]
    const now = options.clock.elapsed()
    const key = `${kind} ${caller}`
    const bucket = buckets.get(key) ?? { tokens: burst, refused: 0, at: now }
    const seconds = (now - bucket.at) / 1000
    bucket.tokens = Math.min(burst, bucket.tokens + seconds * perSecond)
    bucket.refused = Math.max(0, bucket.refused - seconds * refusals.forgottenPerSecond)
    bucket.at = now
    buckets.set(key, bucket)
    if (bucket.tokens < 1) {
      bucket.refused += 1
      const holdMs = bucket.refused > refusals.atOnce ? refusals.holdMs : 0
      throw new RateLimited(Math.ceil(((1 - bucket.tokens) / perSecond) * 1000), holdMs)
    }
    bucket.tokens -= 1
  }
}
