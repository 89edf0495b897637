/** One's own leave is seen, where nothing after it is, however little of the room's history may be seen. */
import { expect, test } from 'vitest'
import { mayUserSeeEvent } from '../../../server/events/history-visibility.js'
import { openTestDatabase } from '../../support/database.js'
import { startLiveServer } from '../../support/live.js'
import { MemoryChannel } from '../../support/memory-channel.js'
import { user } from '../../support/rooms.js'
import { makeTestSyncing } from '../../support/syncing.js'

const [alice, bob] = [user('alice'), user('bob')]
const joinedOnly = [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }]

test('the rule asks who one was before and after one’s own member event', () => {
  const sight = { visibility: 'joined', joinedLater: false }
  expect(mayUserSeeEvent({ ...sight, membershipAtEvent: 'join', membershipAfter: 'leave' })).toBe(true)
  expect(mayUserSeeEvent({ ...sight, membershipAtEvent: 'invite', membershipAfter: 'join' })).toBe(true)
  expect(mayUserSeeEvent({ ...sight, membershipAtEvent: 'invite', membershipAfter: 'leave' })).toBe(false)
})

test.each(['a leave', 'a kick'])('%s under `joined` is in /sync, /messages and /event', async (how) => {
  await using db = await openTestDatabase()
  const hs = await makeTestSyncing(db)
  const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', initialState: joinedOnly })
  await hs.joinRoom({ roomId, sender: bob })
  const device = hs.device(bob)
  const { next_batch: since } = await device.sync()

  if (how === 'a kick') await hs.kickUser({ roomId, sender: alice, target: bob })
  else await hs.leaveRoom({ roomId, sender: bob })
  await hs.sendText(roomId, alice, 'he is gone')

  const timeline = (await device.sync({ since })).rooms?.leave?.[roomId]?.timeline.events ?? []
  const { chunk } = await device.messages(roomId)
  for (const newest of [timeline.at(-1), chunk[0]])
    expect(newest).toMatchObject({ type: 'm.room.member', state_key: bob, content: { membership: 'leave' } })
  expect(await device.event(roomId, timeline.at(-1)!.event_id)).toMatchObject({ state_key: bob })
  hs.close()
})

test('and a live row', async () => {
  await using hs = await startLiveServer()
  const roomId = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', initialState: joinedOnly })
  await hs.rooms.joinRoom({ roomId, sender: bob })
  await hs.rooms.leaveRoom({ roomId, sender: bob })
  await hs.rooms.sendText(roomId, alice, 'he is gone')
  await hs.settled()
  const channel = new MemoryChannel()
  hs.bridge.openLiveChannel(channel)
  await channel.call('authenticate', [await hs.token('bob')])

  const [rows] = await channel.query<[{ event_type: string; state_key?: string; event: { content: object } }[]]>(
    'SELECT * FROM room_events:[$room, 1]..=[$room, 100] WHERE event_type = "m.room.member" AND state_key = $bob',
    { room: roomId, bob },
  )

  const seen = rows as unknown as { event: { content: { membership: string } } }[]
  expect(seen.map(({ event }) => event.content.membership)).toEqual(['join', 'leave'])
})
