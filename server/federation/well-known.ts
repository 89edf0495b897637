/**
 * `/.well-known/matrix/server` of other homeservers: read, judged and remembered.
 *
 * A good answer is kept for as long as its headers say (24 hours where they say nothing, at most
 * 48), a failure for two minutes, doubling to an hour. While a server fails to answer, what it last
 * said stays in force until 48 hours after it said so: a web server's bad day does not cut off a homeserver.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names (step 3)
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import { parseServerName, type ServerName } from '../kernel/identifiers.js'

/** One HTTP answer, redirects already followed. */
export type WellKnownAnswer = { status: number; headers: Record<string, string | undefined>; body: unknown }
/** Throws where there is no answer at all. */
export type FetchWellKnown = (host: string) => Promise<WellKnownAnswer>

const hour = 3_600_000
const limits = { defaultMs: 24 * hour, maxMs: 48 * hour, minMs: 5 * 60_000, firstErrorMs: 2 * 60_000, maxErrorMs: hour }

type Entry = {
  /** Absent: the host says nothing of the kind. */
  delegate?: ServerName
  /** When `delegate` was last heard. */
  heardAt: number
  expiresAt: number
  failures: number
}

export type WellKnownCache = {
  /** The delegated server name, undefined where there is none (or no answer). Never throws. */
  delegateOf(host: string): Promise<ServerName | undefined>
  forget(host: string): void
}

export function makeWellKnownCache(needs: { fetchWellKnown: FetchWellKnown; clock: Clock }): WellKnownCache {
  const entries = new LRUCache<string, Entry>({ max: 5000 })
  const asking = new Map<string, Promise<Entry>>()

  async function ask(host: string): Promise<Entry> {
    const before = entries.get(host)
    const now = needs.clock.now()
    const answer = await needs.fetchWellKnown(host).catch(() => undefined)
    const delegate = answer?.status === 200 ? delegateIn(answer.body) : undefined
    if (answer && delegate)
      return { delegate, heardAt: now, expiresAt: now + lifetimeMs(answer.headers, now), failures: 0 }
    const failures = (before?.failures ?? 0) + 1
    const expiresAt = now + Math.min(limits.firstErrorMs * 2 ** (failures - 1), limits.maxErrorMs)
    const isStillGood = before?.delegate !== undefined && now - before.heardAt < limits.maxMs
    return { ...(isStillGood && { delegate: before.delegate! }), heardAt: before?.heardAt ?? 0, expiresAt, failures }
  }

  return {
    async delegateOf(host) {
      const known = entries.get(host)
      if (known && known.expiresAt > needs.clock.now()) return known.delegate
      let asked = asking.get(host)
      if (!asked) {
        asked = ask(host).finally(() => asking.delete(host))
        asking.set(host, asked)
      }
      const entry = await asked
      entries.set(host, entry)
      return entry.delegate
    },
    forget: (host) => void entries.delete(host),
  }
}

function delegateIn(body: unknown): ServerName | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  return parseServerName((body as Record<string, unknown>)['m.server'])
}

/** `Cache-Control: max-age` before `Expires`; between five minutes and 48 hours. */
export function lifetimeMs(headers: Record<string, string | undefined>, now: number): number {
  const control = headers['cache-control']?.toLowerCase() ?? ''
  const maxAge = /(?:^|[,\s])max-age\s*=\s*"?(\d{1,10})/.exec(control)
  const expires = headers.expires === undefined ? Number.NaN : Date.parse(headers.expires)
  let wanted: number = limits.defaultMs
  if (/(?:^|[,\s])no-(?:store|cache)/.test(control)) wanted = 0
  else if (maxAge) wanted = Number(maxAge[1]) * 1000
  else if (!Number.isNaN(expires)) wanted = expires - now
  return Math.min(Math.max(wanted, limits.minMs), limits.maxMs)
}
