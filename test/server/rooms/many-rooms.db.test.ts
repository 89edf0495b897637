/** Many rooms at once: loaded by a handful of queries, and the same as if each had been loaded by itself. */
import { expect, test } from 'vitest'
import type { Room } from '../../../server/rooms/room.js'
import type { Database } from '../../../server/store/reader.js'
import { openTestDatabase } from '../../support/database.js'
import { makeTestRooms, user } from '../../support/rooms.js'
import { makeTestSyncing } from '../../support/syncing.js'

const [alice, bob] = [user('alice'), user('bob')]

test('a first sync of twenty rooms after a restart asks the database a few times, not a few times a room', async () => {
  await using database = await openTestDatabase()
  const hs = await makeTestSyncing(database)
  for (let n = 0; n < 20; n++) {
    const roomId = await hs.createRoom({ creator: alice, name: `Room ${n}`, preset: 'public_chat' })
    await hs.joinRoom({ roomId, sender: bob })
    for (let i = 0; i < 24; i++) await hs.sendText(roomId, bob, `hello ${i}`)
  }
  const asked: string[] = []
  const db: Database = Object.create(database, {
    query: {
      value(sql: string, bindings?: Record<string, unknown>) {
        asked.push(sql)
        return database.query(sql, bindings)
      },
    },
  })
  const fresh = await makeTestSyncing(db)
  asked.length = 0
  const filter = { room: { state: { lazy_load_members: true }, timeline: { limit: 5 } } }

  const { rooms } = await fresh.device(alice).sync({ filter })

  expect(Object.keys(rooms?.join ?? {})).toHaveLength(20)
  for (const { timeline, state } of Object.values(rooms?.join ?? {})) {
    expect(timeline.events.at(-1)?.content.body).toMatch(/^hello/)
    expect(state.events.some(({ type, sender }) => type === 'm.room.create' && sender === alice)).toBe(true)
    expect(state.events.some(({ state_key: key }) => key === alice)).toBe(true)
  }
  // What is unread is counted from the last receipt on, which is another walk in each room.
  expect(asked.filter((sql) => !sql.startsWith('SELECT * FROM timeline:[')).length).toBeLessThan(18)
})

/** All of it that is data: power levels are asked, not read. */
function told(room: Room | undefined) {
  if (!room) throw new Error('no room')
  const { state, localMembers, powerLevels: _, waiting, ...rest } = room
  return { ...rest, state: [...state].sort(), localMembers: [...localMembers].sort(), waiting: [...waiting] }
}

test('rooms that are loaded together are those that are loaded one by one; one that is not known is none', async () => {
  await using database = await openTestDatabase()
  const hs = await makeTestRooms(database)
  const ids = []
  for (let n = 0; n < 3; n++) {
    const roomId = await hs.createRoom({ creator: alice, name: `Room ${n}` })
    for (let i = 0; i < n * 20; i++) await hs.sendText(roomId, alice, `${i}`)
    ids.push(roomId)
  }
  const unknown = '!unknown:hearth.test' as (typeof ids)[0]
  const [one, many] = [await makeTestRooms(database), await makeTestRooms(database)]

  await many.rooms.getMany([...ids, unknown, ...ids], bob)

  for (const roomId of ids) {
    expect(many.rooms.peek(roomId)).toBeDefined()
    expect(JSON.stringify(told(await many.rooms.get(roomId)))).toBe(JSON.stringify(told(await one.rooms.get(roomId))))
  }
  expect(await many.rooms.get(unknown)).toBeUndefined()
})
