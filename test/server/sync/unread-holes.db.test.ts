/** Unread counts of a room with a hole in its history. */
import { describe, expect, test } from 'vitest'
import type { EventDraft } from '../../../server/rooms/build-event.js'
import { makeInsertHistory } from '../../../server/rooms/insert-history.js'
import { openTestDatabase } from '../../support/database.js'
import { leaveHole, toldAs } from '../../support/holes.js'
import { user } from '../../support/rooms.js'
import { makeTestSyncing } from '../../support/syncing.js'

const [alice, bob] = [user('alice'), user('bob')]
const text = (body: string, more = {}): EventDraft => ({
  type: 'm.room.message',
  sender: alice,
  content: { msgtype: 'm.text', body, ...more },
})

describe('a hole among what is unread', async () => {
  const db = await openTestDatabase()
  const hs = await makeTestSyncing(db)
  const insertHistory = makeInsertHistory(hs.rooms, Date.now)

  async function roomWithHole() {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
    await hs.joinRoom({ roomId, sender: bob })
    const before = await hs.sendText(roomId, alice, 'before')
    const count = async (of = hs) => {
      const { notification_count, highlight_count } = await of.unreadCounts.countUnread(bob, roomId)
      return [notification_count, highlight_count]
    }
    const read = (eventId: typeof before) =>
      hs.operations.setReceipt({ userId: bob, roomId, receiptType: 'm.read', eventId })
    await read(before)
    expect(await count()).toEqual([0, 0])
    const missed = [text('one'), text('two', { 'm.mentions': { user_ids: [bob] } }), text('three')]
    const hole = await leaveHole(hs, roomId, [
      ...missed,
      { ...text('after'), content: { msgtype: 'm.notice', body: 'x' } },
    ])
    const afresh = async () => {
      const restarted = await makeTestSyncing(db)
      try {
        return await count(restarted)
      } finally {
        restarted.close()
      }
    }
    return { roomId, count, read, afresh, ...hole }
  }

  test('is unread, though nothing that is here is', async () => {
    const { count, afresh } = await roomWithHole()

    expect(await count()).toEqual([1, 0])
    expect(await afresh()).toEqual([1, 0])
  })

  test('is what was in it once that is here', async () => {
    const { roomId, origin, missed, count, afresh } = await roomWithHole()
    expect(await count()).toEqual([1, 0])

    await insertHistory(roomId, toldAs(origin, missed))

    expect(await count()).toEqual([3, 1])
    expect(await afresh()).toEqual([3, 1])
  })

  test('is read with what lies above it', async () => {
    const { roomId, origin, missed, news, count, read, afresh } = await roomWithHole()
    await read(news.eventId)
    expect(await count()).toEqual([0, 0])

    await insertHistory(roomId, toldAs(origin, missed))
    expect(await count()).toEqual([0, 0])
    expect(await afresh()).toEqual([0, 0])
  })

  test('leaves the count as it is for who goes on reading above it', async () => {
    const { roomId, news, count, read } = await roomWithHole()
    await read(news.eventId)
    await hs.sendText(roomId, alice, 'later')

    expect(await count()).toEqual([1, 0])
  })
})
