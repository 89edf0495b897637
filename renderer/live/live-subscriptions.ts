/** Live subscriptions with how late they are told: one's own, and for admins everybody's. */
import type { LiveSubscriptionRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import { coalesce, makeStore, type Store } from './store.js'

/** The record's id is the subscription's; rows are kept under it. */
export type LiveSubscription = LiveSubscriptionRow & { id: string }
export type LiveSubscriptions = ReadonlyMap<string, LiveSubscription>

type Row = LiveSubscriptionRow & { id: { toString(): string } }

export function startLiveSubscriptions(connection: LiveConnection): Store<LiveSubscriptions | undefined> {
  const store = makeStore<LiveSubscriptions | undefined>(undefined)
  let changed = new Map<string, LiveSubscription | undefined>()
  const named = (row: Row): LiveSubscription => ({ ...row, id: row.id.toString() })

  const flush = coalesce(() => {
    const next = new Map(store.get())
    for (const [id, row] of changed) {
      if (row) next.set(id, row)
      else next.delete(id)
    }
    changed = new Map()
    store.set(next)
  })
  connection.watch<Row>({
    live: 'LIVE SELECT * FROM live_subscriptions',
    select: () => ({ statements: ['SELECT * FROM live_subscriptions'] }),
    onSnapshot([rows]) {
      changed = new Map()
      store.set(new Map((rows as Row[]).map(named).map((row) => [row.id, row])))
    },
    onChange({ action, row }) {
      const id = row.id.toString()
      changed.set(id, action === 'DELETE' ? undefined : named(row))
      flush()
    },
  })
  return store
}

/** The slowest first, then the busiest. */
export const bySlowness = (a: LiveSubscription, b: LiveSubscription) =>
  b.delay_p95_ms - a.delay_p95_ms || b.delivered - a.delivered || (a.id < b.id ? -1 : 1)
