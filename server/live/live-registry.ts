/**
 * Every live query that the bridge registered: whose, on which table, how much it was told and how late.
 *
 * What is sampled only while someone watches (metrics, this registry's own table) asks here whether
 * anybody does. The engine keeps a list of its own (`INFO FOR TABLE`); `leftover-queries.ts` compares
 * them at start.
 */
import type { UserId } from '../kernel/identifiers.js'
import { Delays } from './delays.js'

export type LiveQuery = {
  readonly id: string
  readonly channel: string
  /** Engine session. */
  readonly session: string
  readonly userId: UserId
  readonly sid: string
  readonly table: string
  /** As it reached the engine. */
  readonly sql: string
  /** Milliseconds since the epoch. */
  readonly since: number
  /** What each write to the table pays for it; see `screen-query.ts`. */
  readonly weight: number
  delivered: number
  /** From the commit of a change to its row being handed to the channel. */
  readonly delays: Delays
}

export class LiveRegistry {
  readonly #queries = new Map<string, LiveQuery>()
  readonly #perTable = new Map<string, number>()
  readonly #weights = new Map<string, Map<UserId, number>>()
  readonly #listeners = new Map<string, Set<(isWatched: boolean) => void>>()

  get size(): number {
    return this.#queries.size
  }

  /** @param query its weight is counted already, by `takeWeight` */
  add(query: Omit<LiveQuery, 'delivered' | 'delays'>): void {
    this.#queries.set(query.id, { ...query, delivered: 0, delays: new Delays() })
    this.#count(query.table, 1)
  }

  get(id: string): LiveQuery | undefined {
    return this.#queries.get(id)
  }

  delete(id: string): void {
    const query = this.#queries.get(id)
    if (!query) return
    this.#queries.delete(id)
    this.#count(query.table, -1)
    this.giveWeight(query.table, query.userId, query.weight)
  }

  /** Counts what is about to be registered, so that two that register at once cannot both have the last place. */
  takeWeight(table: string, userId: UserId, weight: number): void {
    const users = this.#weights.get(table) ?? new Map<UserId, number>()
    this.#weights.set(table, users)
    users.set(userId, (users.get(userId) ?? 0) + weight)
  }

  /** What was taken and did not come to be registered. */
  giveWeight(table: string, userId: UserId, weight: number): void {
    const users = this.#weights.get(table)
    const left = (users?.get(userId) ?? 0) - weight
    if (left > 1e-6) users?.set(userId, left)
    else users?.delete(userId)
  }

  /** Weight on a table: of one user, or of all. */
  weightOn(table: string, userId?: UserId): number {
    const users = this.#weights.get(table)
    if (userId) return users?.get(userId) ?? 0
    return [...(users?.values() ?? [])].reduce((sum, weight) => sum + weight, 0)
  }

  /** The user whose live queries weigh most on the table. */
  heaviestOn(table: string): UserId | undefined {
    return [...(this.#weights.get(table) ?? [])].sort(([, a], [, b]) => b - a)[0]?.[0]
  }

  ofChannel(channel: string): LiveQuery[] {
    return this.all().filter((query) => query.channel === channel)
  }

  all(): LiveQuery[] {
    return [...this.#queries.values()]
  }

  /** Live queries a table, those without any left out. */
  get perTable(): Record<string, number> {
    return Object.fromEntries([...this.#perTable].filter(([, count]) => count > 0))
  }

  /** How many live queries listen to the table: what each write to it pays for. */
  countOn(table: string): number {
    return this.#perTable.get(table) ?? 0
  }

  /** Runs when the first watcher of `table` comes and when the last one goes. */
  onWatched(table: string, listener: (isWatched: boolean) => void): () => void {
    const listeners = this.#listeners.get(table) ?? new Set()
    this.#listeners.set(table, listeners)
    listeners.add(listener)
    if (this.countOn(table) > 0) listener(true)
    return () => listeners.delete(listener)
  }

  #count(table: string, change: 1 | -1): void {
    const before = this.countOn(table)
    this.#perTable.set(table, before + change)
    if (before === 0 || before + change === 0)
      for (const listener of this.#listeners.get(table) ?? []) listener(before === 0)
  }
}
