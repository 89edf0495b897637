/** Which rooms are open to anybody: as the database says at first, and as it becomes. */
import { expect, test } from 'vitest'
import { makeReadOpenRooms } from '../../../server/rooms/open-rooms.js'
import { openTestDatabase } from '../../support/database.js'
import { makeTestRooms, user } from '../../support/rooms.js'

const alice = user('alice')

test('rooms that anybody may join or look into, as they are and as they become', async () => {
  await using db = await openTestDatabase()
  const { createRoom, sendEvent, rooms } = await makeTestRooms(db)
  const set = (roomId: Parameters<typeof sendEvent>[0], type: string, content: Record<string, string>) =>
    sendEvent(roomId, { type, stateKey: '', sender: alice, content })
  const open = await createRoom({ creator: alice, preset: 'public_chat' })
  const closed = await createRoom({ creator: alice, preset: 'private_chat' })
  const readable = await createRoom({ creator: alice, preset: 'private_chat' })
  await set(readable, 'm.room.history_visibility', { history_visibility: 'world_readable' })
  const readOpenRooms = makeReadOpenRooms({ db, rooms })
  const listed = async () => [...(await readOpenRooms())].sort()

  expect(await listed()).toEqual([open, readable].sort())

  await set(open, 'm.room.join_rules', { join_rule: 'invite' })
  await set(closed, 'm.room.join_rules', { join_rule: 'public' })
  await set(readable, 'm.room.topic', { topic: 'no door' })
  expect(await listed()).toEqual([closed, readable].sort())

  const made = await createRoom({ creator: alice, preset: 'public_chat' })
  expect(await listed()).toEqual([closed, readable, made].sort())
})
