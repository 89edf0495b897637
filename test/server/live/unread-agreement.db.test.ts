/** Unread counts in the room list are those of /sync and of a restarted server, whatever moved them last. */
import { expect, test } from 'vitest'
import { systemClock } from '../../../server/kernel/clock.js'
import type { DeviceId, EventId, RoomId } from '../../../server/kernel/identifiers.js'
import { makePushRules } from '../../../server/push/push-rules.js'
import { makeReadAccountDataOf } from '../../../server/sync/account-data-changes.js'
import { makeReceipts } from '../../../server/sync/receipts.js'
import { makeUnreadCounts } from '../../../server/sync/unread-counts.js'
import { makeAccountData } from '../../../server/users/account-data.js'
import { silentLogger } from '../../support/database.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { user } from '../../support/rooms.js'

const alice = user('alice')
const bob = user('bob')

async function countsOf(hs: LiveServer, roomId: RoomId) {
  hs.viewers.addChannel({ id: 'of bob', userId: bob, deviceId: 'D' as DeviceId })
  await hs.settled()
  const [rows] = await hs.db.query<[{ notification_count: number; highlight_count: number }[]]>(
    'SELECT * FROM room_summaries:[$bob, $room]',
    { bob, room: roomId },
  )
  const { notification_count, highlight_count } = rows[0]!
  const rooms = hs.rooms.rooms
  const fresh = makeUnreadCounts({
    ...{ db: hs.db, rooms, clock: systemClock, log: silentLogger },
    receipts: makeReceipts({ db: hs.db, rooms, clock: systemClock }),
    readAccountDataOf: makeReadAccountDataOf({ db: hs.db }),
  })
  const restarted = await fresh.countUnread(bob, roomId)
  fresh.close()
  return { live: { notification_count, highlight_count }, memory: await hs.unread.countUnread(bob, roomId), restarted }
}

test('a message, a mention, a rule, a redaction, a reading, an ignored sender', async () => {
  await using hs = await startLiveServer()
  const { rooms, receipts, db } = hs
  const accountData = makeAccountData({ db })
  const pushRules = makePushRules(accountData)
  const roomId = await rooms.createRoom({ creator: alice, preset: 'public_chat' })
  await rooms.joinRoom({ roomId, sender: bob })
  const say = (body: string, more = {}) =>
    rooms.sendEvent(roomId, { type: 'm.room.message', sender: alice, content: { msgtype: 'm.text', body, ...more } })
  const read = (eventId: EventId) => receipts.set({ userId: bob, roomId, receiptType: 'm.read', eventId })
  const highlight = { set_tweak: 'highlight' }
  let first = '' as EventId
  const steps: [string, () => Promise<unknown>, [number, number]][] = [
    ['a message', async () => (first = await say('cake')), [1, 0]],
    ['a mention', () => say('bob!', { 'm.mentions': { user_ids: [bob] } }), [2, 1]],
    [
      'a keyword',
      () => pushRules.setPushRule(bob, 'content', 'k', { pattern: 'cake', actions: ['notify', highlight] }, {}),
      [2, 2],
    ],
    [
      'a redaction',
      () =>
        rooms.sendEvent(roomId, {
          ...{ type: 'm.room.redaction', sender: alice, content: { redacts: first } },
          redacts: first,
        }),
      [1, 1],
    ],
    ['a reading', async () => read(await say('the last')), [0, 0]],
    ['another message', () => say('cake again'), [1, 1]],
    [
      'an ignored sender',
      () => accountData.setAccountData(bob, undefined, 'm.ignored_user_list', { ignored_users: { [alice]: {} } }),
      [0, 0],
    ],
  ]

  for (const [what, happen, [notification_count, highlight_count]] of steps) {
    await happen()
    const count = { notification_count, highlight_count }
    expect({ what, ...(await countsOf(hs, roomId)) }).toEqual({ what, live: count, memory: count, restarted: count })
  }
})
