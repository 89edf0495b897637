/**
 * A user's account data with the position of each entry, in memory while the user syncs, so that
 * looking for news costs no read.
 *
 * Also who the user ignores, since that is account data that /sync itself obeys.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#client-config
 */

import { ignoredUsersType, readIgnoredUsers } from '../events/ignored-users.js'
import type { JsonObject } from '../events/pdu.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import { VersionedCache } from '../kernel/versioned-cache.js'
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

/** `length` of the content's text; in memory it takes about three times as much. */
type KeptItem = AccountDataItem & { length: number }
type Kept = {
  userId: UserId
  global: Map<string, KeptItem>
  rooms: Map<RoomId, Map<string, KeptItem>>
  lastPosition: number
  ignored: ReadonlySet<string>
  bytes: number
}

const maxBytes = 24 * 1024 * 1024
/** Of an entry besides its text, and of what surrounds all of them. */
const entryBytes = 300
const nobody: ReadonlySet<string> = new Set()

export function makeReadAccountDataOf({ db }: { db: Database }): ReadAccountDataOf {
  const loaded = new VersionedCache<UserId, Kept>('account_data', maxBytes)

  const follow: ByKind = {
    account_data({ userId, roomId, type, content, position }) {
      const kept = loaded.peek(userId)
      if (!kept) return loaded.delete(userId) // what is being loaded may be of before it
      put(kept, roomId, { type, content, position, length: JSON.stringify(content).length })
      loaded.set(userId, kept, kept.bytes)
    },
    ...{ event: ignore, state: ignore, redaction: ignore, membership: ignore, receipt: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }
  db.onCommitted('memory', (changes) => {
    for (const change of changes) treat(follow, change)
  })

  async function load(userId: UserId): Promise<{ value: Kept; bytes: number }> {
    const value: Kept = {
      ...{ userId, global: new Map(), rooms: new Map(), lastPosition: 0, ignored: nobody, bytes: entryBytes },
    }
    for (const { roomId, type, content, position } of await readAccountData(db, userId))
      put(value, roomId, { type, content: JSON.parse(content), position, length: content.length })
    return { value, bytes: value.bytes }
  }

  return async (userId) => (await loaded.get(userId, () => load(userId)))!
}

function put(kept: Kept, roomId: RoomId | undefined, item: KeptItem): void {
  const { type, content, position, length } = item
  let items = kept.global
  if (roomId) {
    items = kept.rooms.get(roomId) ?? new Map()
    kept.rooms.set(roomId, items)
  }
  const before = items.get(type)
  if (before && before.position > position) return
  items.set(type, item)
  kept.bytes += before ? (length - before.length) * 3 : length * 3 + entryBytes
  kept.lastPosition = Math.max(kept.lastPosition, position)
  if (!roomId && type === ignoredUsersType) kept.ignored = readIgnoredUsers(content, kept.userId)
}

/** Entries newer than `since`, in the form of /sync. */
export const itemsSince = (items: ReadonlyMap<string, AccountDataItem> | undefined, since: number): JsonObject[] =>
  items
    ? [...items.values()].filter(({ position }) => position > since).map(({ type, content }) => ({ type, content }))
    : []
