/** The user's account data: `m.direct`, `m.ignored_user_list`, per-room tags and markers. */
import type { AccountDataRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import { makeStore, type Store } from './store.js'

/** Content by `${roomId or ''} ${type}`. */
export type AccountData = ReadonlyMap<string, Record<string, unknown>>

const keyOf = (row: { room_id?: string; type: string }) => `${row.room_id ?? ''} ${row.type}`

export function startAccountData(connection: LiveConnection, userId: string): Store<AccountData> {
  const store = makeStore<AccountData>(new Map())
  connection.watch<AccountDataRow>({
    live: 'LIVE SELECT * FROM account_data WHERE user_id = $user_id',
    bindings: () => ({ user_id: userId }),
    select: () => ({ statements: ['SELECT * FROM account_data:[$user_id, NONE]..[$user_id, ..]'] }),
    onSnapshot: ([rows]) => store.set(new Map((rows as AccountDataRow[]).map((row) => [keyOf(row), row.content]))),
    onChange({ action, row }) {
      const next = new Map(store.get())
      if (action === 'DELETE') next.delete(keyOf(row))
      else next.set(keyOf(row), row.content)
      store.set(next)
    },
  })
  return store
}

const none: ReadonlySet<string> = new Set()
const ignoredOf = new WeakMap<object, ReadonlySet<string>>()

/** The users whose events are folded away, never oneself. The same object for the same list. */
export function readIgnoredUsers(data: AccountData, userId: string): ReadonlySet<string> {
  const content = data.get(' m.ignored_user_list')
  if (!content || typeof content.ignored_users !== 'object' || !content.ignored_users) return none
  const known = ignoredOf.get(content) ?? new Set(Object.keys(content.ignored_users).filter((each) => each !== userId))
  ignoredOf.set(content, known)
  return known
}
