/**
 * Who is typing.
 *
 * The open room uses the plan's statement; the room list uses one query over all rooms of the user,
 * in which the engine's permissions leave only those they are in. A row that is not deleted in time
 * (a lost notification) ends by its `expires_at`. Whoever is ignored types unseen.
 */
import type { TypingRow } from '../../server/api/live/rows.js'
import { type AccountData, readIgnoredUsers } from './account-data.js'
import type { LiveConnection } from './connection.js'
import { makeStore, type Store } from './store.js'

/** User IDs by room ID; a room where nobody types is absent. */
export type Typing = ReadonlyMap<string, readonly string[]>

export type TypingOfRoom = { store: Store<Typing>; open(): void; close(): void }

/** Whose typing is looked at, and the account data that say whom they ignore. */
type Viewer = { userId: string; accountData: Store<AccountData> }

function makeTypingStore({ userId, accountData }: Viewer) {
  const store = makeStore<Typing>(new Map())
  const until = new Map<string, TypingRow>() // by room and user
  let timer: ReturnType<typeof setTimeout> | undefined
  let ignored: ReadonlySet<string>

  function publish(): void {
    clearTimeout(timer)
    const now = Date.now()
    ignored = readIgnoredUsers(accountData.get(), userId)
    const byRoom = new Map<string, string[]>()
    let next = Number.POSITIVE_INFINITY
    for (const [key, row] of until) {
      if (row.expires_at <= now) {
        until.delete(key)
        continue
      }
      next = Math.min(next, row.expires_at)
      if (ignored.has(row.user_id)) continue
      byRoom.set(row.room_id, [...(byRoom.get(row.room_id) ?? []), row.user_id])
    }
    if (Number.isFinite(next)) timer = setTimeout(publish, Math.min(next - now, 60_000) + 50)
    store.set(byRoom)
  }
  return {
    store,
    /** @returns a function that stops it */
    followIgnored: () =>
      accountData.subscribe(() => {
        if (readIgnoredUsers(accountData.get(), userId) !== ignored) publish()
      }),
    put(rows: readonly TypingRow[], isGone = false) {
      for (const row of rows) {
        if (isGone) until.delete(`${row.room_id} ${row.user_id}`)
        else until.set(`${row.room_id} ${row.user_id}`, row)
      }
      publish()
    },
    clear() {
      until.clear()
      publish()
    },
  }
}

export function makeRoomTyping(roomId: string, connection: LiveConnection, viewer: Viewer): TypingOfRoom {
  const { userId } = viewer
  const typing = makeTypingStore(viewer)
  let stops: (() => void)[] = []
  return {
    store: typing.store,
    open() {
      if (stops.length > 0) return
      const stopWatching = connection.watch<TypingRow>({
        live: 'LIVE SELECT * FROM typing_events WHERE room_id = $room_id AND user_id != $user_id',
        bindings: () => ({ room_id: roomId, user_id: userId }),
        select: () => ({ statements: ['SELECT * FROM typing_events:[$room_id, NONE]..[$room_id, ..]'] }),
        onSnapshot([rows]) {
          typing.clear()
          typing.put((rows as TypingRow[]).filter((row) => row.user_id !== userId))
        },
        onChange: ({ action, row }) => typing.put([row], action === 'DELETE'),
      })
      stops = [stopWatching, typing.followIgnored()]
    },
    close() {
      for (const stop of stops) stop()
      stops = []
      typing.clear()
    },
  }
}

/** Typing in all the user's rooms, for the room list. */
export function startTypingEverywhere(connection: LiveConnection, viewer: Viewer): Store<Typing> {
  const { userId } = viewer
  const typing = makeTypingStore(viewer)
  typing.followIgnored()
  connection.watch<TypingRow>({
    live: 'LIVE SELECT * FROM typing_events WHERE user_id != $user_id',
    bindings: () => ({ user_id: userId }),
    onSnapshot: () => typing.clear(),
    onChange: ({ action, row }) => typing.put([row], action === 'DELETE'),
  })
  return typing.store
}
