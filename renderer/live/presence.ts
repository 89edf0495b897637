/** Presence of the people the user follows (the plan's statement), by user ID. */
import { RecordId } from 'surrealdb'
import type { PresenceRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import { coalesce, makeStore, type Store } from './store.js'

export type Presence = ReadonlyMap<string, PresenceRow>
export type FollowedPresence = {
  store: Store<Presence>
  /** Sets whom to follow; the live query is made anew when the set changes. */
  follow(userIds: readonly string[]): void
}

const mostFollowed = 200

export function makePresence(connection: LiveConnection): FollowedPresence {
  const store = makeStore<Presence>(new Map())
  let followed: string[] = []
  let stop: (() => void) | undefined
  let arrived: PresenceRow[] = []
  const flush = coalesce(() => {
    const next = new Map(store.get())
    for (const row of arrived.splice(0)) next.set(row.user_id, { ...next.get(row.user_id), ...row })
    store.set(next)
  })
  return {
    store,
    follow(userIds) {
      const next = [...new Set(userIds)].sort().slice(0, mostFollowed)
      if (next.length === followed.length && next.every((userId, index) => userId === followed[index])) return
      followed = next
      stop?.()
      stop = undefined
      arrived = []
      if (followed.length === 0) return
      stop = connection.watch<PresenceRow>({
        live: 'LIVE SELECT user_id, presence, last_active_ago, status_msg FROM user_presence WHERE user_id IN $followed_users',
        bindings: () => ({ followed_users: followed }),
        select: () => ({
          statements: ['SELECT * FROM $followed_rows'],
          bindings: { followed_rows: followed.map((userId) => new RecordId('user_presence', userId)) },
        }),
        onSnapshot: ([rows]) => store.set(new Map((rows as PresenceRow[]).map((row) => [row.user_id, row]))),
        onChange({ action, row }) {
          if (action === 'DELETE') return
          arrived.push(row)
          flush()
        },
      })
    },
  }
}
