/** Who types, over a live connection that fails for a while. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { AccountData } from '../../../renderer/live/account-data.js'
import type { LiveConnection, LiveState, Watch } from '../../../renderer/live/connection.js'
import { makeStore } from '../../../renderer/live/store.js'
import { makeRoomTyping, startTypingEverywhere } from '../../../renderer/live/typing.js'
import type { TypingRow } from '../../../server/api/live/rows.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const row = (user_id: string, room_id = '!r'): TypingRow => ({ room_id, user_id, expires_at: Date.now() + 30_000 })

const viewer = (accountData = makeStore<AccountData>(new Map())) => ({ userId: '@me', accountData })

function connect() {
  let held: Watch<TypingRow> | undefined
  const connection: LiveConnection = {
    state: makeStore<LiveState>({ kind: 'live' }),
    start: () => undefined,
    stop: () => undefined,
    restart: () => undefined,
    tryNow: () => undefined,
    sid: () => 'sid',
    watch(watch) {
      held = watch as unknown as Watch<TypingRow>
      return () => undefined
    },
    query: async () => [],
  }
  return {
    connection,
    tell: (user_id: string) => held?.onChange({ action: 'CREATE', row: row(user_id) }),
    /** The connection is back, and this is what is there now. */
    comesBack: (...userIds: string[]) => held?.onSnapshot([userIds.map((userId) => row(userId))]),
  }
}

test('who stopped typing while a room’s connection was down types no more', () => {
  const live = connect()
  const typing = makeRoomTyping('!r', live.connection, viewer())
  typing.open()
  live.comesBack('@a', '@me')
  live.tell('@b')
  expect(typing.store.get().get('!r')).toEqual(['@a', '@b'])

  live.comesBack('@b')

  expect(typing.store.get().get('!r')).toEqual(['@b'])
})

test('nobody is said to type in the room list after the connection was down', () => {
  const live = connect()
  const store = startTypingEverywhere(live.connection, viewer())
  live.tell('@a')
  expect(store.get().get('!r')).toEqual(['@a'])

  live.comesBack()

  expect(store.get().size).toBe(0)
})

test('a row that is not deleted in time ends by itself', () => {
  const live = connect()
  const store = startTypingEverywhere(live.connection, viewer())
  live.tell('@a')

  vi.advanceTimersByTime(31_000)

  expect(store.get().size).toBe(0)
})

test('whoever is ignored types unseen, in the open room and in the list, and is seen again when that ends', () => {
  const accountData = makeStore<AccountData>(new Map())
  const ignore = (...userIds: string[]) => {
    const ignored_users = Object.fromEntries(userIds.map((userId) => [userId, {}]))
    accountData.set(new Map([[' m.ignored_user_list', { ignored_users }]]))
  }
  const [one, everywhere] = [connect(), connect()]
  const room = makeRoomTyping('!r', one.connection, viewer(accountData))
  room.open()
  const list = startTypingEverywhere(everywhere.connection, viewer(accountData))
  const shown = () => [room.store.get().get('!r'), list.get().get('!r')]
  for (const live of [one, everywhere]) for (const userId of ['@a', '@b']) live.tell(userId)

  ignore('@a')
  expect(shown()).toEqual([['@b'], ['@b']])
  ignore('@a', '@b')
  expect(shown()).toEqual([undefined, undefined])
  ignore()

  expect(shown()).toEqual([
    ['@a', '@b'],
    ['@a', '@b'],
  ])
})
