/** How other servers are doing, by server name; for admins alone. */
import type { FederationTrafficRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import { coalesce, makeStore, type Store } from './store.js'

export type FederationTraffic = ReadonlyMap<string, FederationTrafficRow>

export function startFederationTraffic(connection: LiveConnection): Store<FederationTraffic | undefined> {
  const store = makeStore<FederationTraffic | undefined>(undefined)
  let changed = new Map<string, FederationTrafficRow | undefined>()
  const flush = coalesce(() => {
    const next = new Map(store.get())
    for (const [destination, row] of changed) {
      if (row) next.set(destination, row)
      else next.delete(destination)
    }
    changed = new Map()
    store.set(next)
  })
  connection.watch<FederationTrafficRow>({
    live: 'LIVE SELECT * FROM federation_traffic',
    select: () => ({ statements: ['SELECT * FROM federation_traffic'] }),
    onSnapshot([rows]) {
      changed = new Map()
      store.set(new Map((rows as FederationTrafficRow[]).map((row) => [row.destination, row])))
    },
    onChange({ action, row }) {
      changed.set(row.destination, action === 'DELETE' ? undefined : row)
      flush()
    },
  })
  return store
}

const ladder = ['down', 'backing_off', 'slow', 'unknown', 'ok'] as const

/** What needs somebody first, then the longest queue. */
export const byNeed = (a: FederationTrafficRow, b: FederationTrafficRow) =>
  ladder.indexOf(a.state) - ladder.indexOf(b.state) ||
  b.queue_length - a.queue_length ||
  (a.destination < b.destination ? -1 : 1)
