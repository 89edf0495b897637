/**
 * A live connection without a server: watches are started by hand, and range queries on room_events
 * are answered from a table that the test fills.
 */

import type { Change, LiveConnection, LiveState, Watch } from '../../../renderer/live/connection.js'
import { makeStore } from '../../../renderer/live/store.js'
import type { RoomEventRow } from '../../../server/api/live/rows.js'

export function makeFakeConnection(table: RoomEventRow[]) {
  const watches = new Set<Watch<never>>()
  const queries: { from: number; to: number }[] = []
  let isDown = false
  const range = ({ from, to }: { from: number; to: number }) =>
    table.filter(({ seq }) => seq >= from && seq <= to).sort((a, b) => a.seq - b.seq)
  const bounds = (bindings: Record<string, unknown>) => ({ from: Number(bindings.from), to: Number(bindings.to) })
  const begin = (watch: Watch<never>) => {
    const { statements = [], bindings = {} } = watch.select?.() ?? {}
    watch.onSnapshot(statements.map(() => range(bounds(bindings))))
  }
  const connection: LiveConnection = {
    state: makeStore<LiveState>({ kind: 'live' }),
    start: () => undefined,
    stop: () => undefined,
    restart: () => undefined,
    tryNow: () => undefined,
    sid: () => 'sid',
    watch<Row>(watch: Watch<Row>) {
      const held = watch as unknown as Watch<never>
      watches.add(held)
      begin(held)
      return () => watches.delete(held)
    },
    async query(_statement, bindings = {}) {
      if (isDown) throw new Error('no live channel')
      queries.push(bounds(bindings))
      return [range(bounds(bindings))]
    },
  }
  return {
    connection,
    /** Ranges that were read besides the snapshots. */
    queries,
    isWatched: () => watches.size > 0,
    /** A notification for everyone who watches. */
    deliver(row: RoomEventRow, action: Change<never>['action'] = 'UPDATE') {
      for (const watch of watches) watch.onChange({ action, row: row as never })
    },
    /** The channel was lost and is back: everything starts again. */
    reconnect() {
      for (const watch of watches) begin(watch)
    },
    setDown(value: boolean) {
      isDown = value
    },
  }
}
