/** The members of a room over a live connection: what was told of by a count alone is read again. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LiveConnection, LiveState, Watch } from '../../../renderer/live/connection.js'
import { makeRoomMembers } from '../../../renderer/live/room-members.js'
import { makeStore } from '../../../renderer/live/store.js'
import type { RoomMemberRow } from '../../../server/api/live/rows.js'
import { memberRow, roomId } from '../support/rows.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const people = (count: number, from = 0) => Array.from({ length: count }, (_, n) => memberRow(`@m${from + n}:x`))

function openRoom(table: RoomMemberRow[], joinedCount: number) {
  let queries = 0
  let held: Watch<RoomMemberRow> | undefined
  const listeners = new Set<() => void>()
  const connection: LiveConnection = {
    state: makeStore<LiveState>({ kind: 'live' }),
    start: () => undefined,
    stop: () => undefined,
    restart: () => undefined,
    tryNow: () => undefined,
    sid: () => 'sid',
    watch(watch) {
      held = watch as unknown as Watch<RoomMemberRow>
      const { statements = [] } = watch.select?.() ?? {}
      queueMicrotask(() => watch.onSnapshot(statements.map(() => [...table])))
      return () => undefined
    },
    async query(_statement, { ids } = {}) {
      queries++
      const wanted = (ids as { id: [string, string] }[] | undefined)?.map(({ id }) => id[1])
      return [table.filter(({ user_id }) => wanted?.includes(user_id) ?? true)]
    },
  }
  let count = joinedCount
  const members = makeRoomMembers(roomId, connection, {
    read: () => count,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  })
  members.open()
  return {
    members,
    queries: () => queries,
    known: () => members.store.get().members.size,
    deliver: (row: RoomMemberRow) => held?.onChange({ action: 'CREATE', row }),
    ring(joined: number) {
      count = joined
      for (const listener of listeners) listener()
    },
  }
}

test('a count that live rows make good in a moment costs no query', async () => {
  const room = openRoom(people(2), 2)
  await vi.advanceTimersByTimeAsync(10)
  room.ring(3)
  room.deliver(memberRow('@late:x'))
  await vi.advanceTimersByTimeAsync(2_000)

  expect(room.known()).toBe(3)
  expect(room.queries()).toBe(0)
})

test('members of whom only the count was told are read again', async () => {
  const table = people(2)
  const room = openRoom(table, 2)
  await vi.advanceTimersByTimeAsync(10)
  table.push(...people(300, 2))
  room.ring(302)
  await vi.advanceTimersByTimeAsync(1_000)

  expect(room.known()).toBe(302)
  expect(room.queries()).toBe(1)
})

test('a room whose rows are still being made is read until they are all there', async () => {
  const table = people(100)
  const room = openRoom(table, 300)
  await vi.advanceTimersByTimeAsync(600)
  table.push(...people(200, 100))
  await vi.advanceTimersByTimeAsync(4_000)

  expect(room.known()).toBe(300)
  const before = room.queries()
  await vi.advanceTimersByTimeAsync(30_000)
  expect(room.queries()).toBe(before)
})

test('counts that never agree are looked at more and more seldom', async () => {
  const room = openRoom(people(2), 3)
  await vi.advanceTimersByTimeAsync(60_000)

  expect(room.queries()).toBeGreaterThan(3)
  expect(room.queries()).toBeLessThan(15)
  room.members.close()
  const before = room.queries()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(room.queries()).toBe(before)
})

test('of a large room those that are shown are asked for again where they are not there yet', async () => {
  const table: RoomMemberRow[] = []
  const room = openRoom(table, 5_000)
  await vi.advanceTimersByTimeAsync(10)
  room.members.need(['@m1:x', '@gone:x'])
  await vi.advanceTimersByTimeAsync(300)
  table.push(memberRow('@m1:x'))
  await vi.advanceTimersByTimeAsync(20_000)

  expect(room.known()).toBe(1)
  expect(room.queries()).toBeLessThanOrEqual(4)
})
