/**
 * A user's account data with the position of each entry, in memory while the user syncs, so that
 * looking for news costs no read.
 *
 * Also who the user ignores, since that is account data that /sync itself obeys.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#client-config
 */

import { LRUCache } from 'lru-cache'
import { ignoredUsersType, readIgnoredUsers } from '../events/ignored-users.js'
import type { JsonObject } from '../events/pdu.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import { readAccountData } from '../store/account-data-store.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'
import type { StreamPosition } from '../store/writes.js'

export type AccountDataItem = { type: string; content: JsonObject; position: StreamPosition }

export type AccountDataOfUser = {
  /** By type. */
  global: ReadonlyMap<string, AccountDataItem>
  rooms: ReadonlyMap<RoomId, ReadonlyMap<string, AccountDataItem>>
  /** Position of the newest entry; nothing to look at for whoever is further. */
  lastPosition: number
  /** Users whose messages and invitations are not shown. */
  ignored: ReadonlySet<string>
}

export type ReadAccountDataOf = (userId: UserId) => Promise<AccountDataOfUser>

type Kept = {
  userId: UserId
  global: Map<string, AccountDataItem>
  rooms: Map<RoomId, Map<string, AccountDataItem>>
  lastPosition: number
  ignored: ReadonlySet<string>
}
type Missed = { roomId: RoomId | undefined; item: AccountDataItem }

const maxUsers = 2_000
const nobody: ReadonlySet<string> = new Set()

export function makeReadAccountDataOf({ db }: { db: Database }): ReadAccountDataOf {
  const loaded = new LRUCache<UserId, Kept>({ max: maxUsers })
  const loading = new Map<UserId, { done: Promise<Kept>; missed: Missed[] }>()

  const follow: ByKind = {
    account_data({ userId, roomId, type, content, position }) {
      const item: AccountDataItem = { type, content, position }
      const kept = loaded.get(userId)
      if (kept) put(kept, roomId, item)
      loading.get(userId)?.missed.push({ roomId, item })
    },
    ...{ event: ignore, state: ignore, redaction: ignore, membership: ignore, receipt: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }
  db.onCommitted('memory', (changes) => {
    for (const change of changes) treat(follow, change)
  })

  async function load(userId: UserId, missed: readonly Missed[]): Promise<Kept> {
    const kept: Kept = { userId, global: new Map(), rooms: new Map(), lastPosition: 0, ignored: nobody }
    for (const { roomId, type, content, position } of await readAccountData(db, userId))
      put(kept, roomId, { type, content: JSON.parse(content), position })
    for (const { roomId, item } of missed) put(kept, roomId, item)
    loaded.set(userId, kept)
    return kept
  }

  return async (userId) => {
    const known = loaded.get(userId)
    if (known) return known
    let run = loading.get(userId)
    if (!run) {
      const missed: Missed[] = []
      run = { missed, done: load(userId, missed).finally(() => loading.delete(userId)) }
      loading.set(userId, run)
    }
    return run.done
  }
}

function put(kept: Kept, roomId: RoomId | undefined, item: AccountDataItem): void {
  const { type, content, position } = item
  let items = kept.global
  if (roomId) {
    items = kept.rooms.get(roomId) ?? new Map()
    kept.rooms.set(roomId, items)
  }
  const before = items.get(type)
  if (before && before.position > position) return
  items.set(type, item)
  kept.lastPosition = Math.max(kept.lastPosition, position)
  if (!roomId && type === ignoredUsersType) kept.ignored = readIgnoredUsers(content, kept.userId)
}

/** Entries newer than `since`, in the form of /sync. */
export const itemsSince = (items: ReadonlyMap<string, AccountDataItem> | undefined, since: number): JsonObject[] =>
  items
    ? [...items.values()].filter(({ position }) => position > since).map(({ type, content }) => ({ type, content }))
    : []
