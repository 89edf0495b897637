/** matrix-js-sdk over sliding sync instead of /sync, with its Rust crypto: lists, a subscription, an encrypted talk, being read. */
import * as sdk from 'matrix-js-sdk'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { SlidingSync } from 'matrix-js-sdk/lib/sliding-sync.js'
import { equal, step, until } from './steps.mjs'

logger.setLevel?.('silent')
const baseUrl = process.argv[2]
const requiredState = [
  ...['m.room.encryption', 'm.room.name', 'm.room.create', 'm.room.join_rules'].map((type) => [type, '']),
  ['m.room.member', '$ME'],
  ['m.room.member', '$LAZY'],
]

async function start(username) {
  const auth = { type: 'm.login.dummy' }
  const made = await sdk.createClient({ baseUrl }).registerRequest({ username, password: 'correct horse', auth })
  const { user_id: userId, access_token: accessToken, device_id: deviceId } = made
  const client = sdk.createClient({ baseUrl, userId, accessToken, deviceId, timelineSupport: true })
  await client.initRustCrypto({ useIndexedDB: false })
  const lists = new Map([['all', { ranges: [[0, 1]], required_state: requiredState, timeline_limit: 5 }]])
  const sliding = new SlidingSync(baseUrl, lists, { required_state: requiredState, timeline_limit: 20 }, client, 10_000)
  await client.startClient({ slidingSync: sliding })
  return { client, sliding, userId }
}

const texts = (client, roomId) =>
  (client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [])
    .filter((event) => event.getType() === 'm.room.message' && !event.isDecryptionFailure())
    .map((event) => event.getContent().body)
const reads = ({ client }, roomId, text) =>
  until(`"${text}" in clear`, () => texts(client, roomId).includes(text), 20_000)

const [alice, bob] = await step('two people begin with sliding sync', async () => [
  await start('sliding-alice'),
  await start('sliding-bob'),
])

const rooms = await step('the window shows the rooms in which something was said last', async () => {
  const made = []
  for (const name of ['One', 'Two', 'Three'])
    made.push((await alice.client.createRoom({ name, preset: 'public_chat' })).room_id)
  await alice.client.sendTextMessage(made[0], 'up again')
  await until('three rooms in the list', () => alice.sliding.getListData('all')?.joinedCount === 3)
  await until('the first room by name', () => alice.client.getRoom(made[0])?.name === 'One')
  await reads(alice, made[0], 'up again')
  return made
})

await step('a subscription brings what was said in a room outside of the window', async () => {
  await bob.client.joinRoom(rooms[0])
  await alice.client.sendTextMessage(rooms[1], 'two')
  await alice.client.sendTextMessage(rooms[2], 'three')
  await reads(alice, rooms[2], 'three')
  alice.sliding.modifyRoomSubscriptions(new Set([rooms[0]]))
  await until('the other in the room', () => alice.client.getRoom(rooms[0])?.getJoinedMemberCount() === 2)
})

const roomId = await step('an invite into an encrypted room comes, and is taken', async () => {
  const { room_id: made } = await alice.client.createRoom({
    invite: [bob.userId],
    is_direct: true,
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  await until('the invite', () => bob.client.getRoom(made)?.getMyMembership() === 'invite')
  await bob.client.joinRoom(made)
  await until('both in', () => bob.client.getRoom(made)?.getMyMembership() === 'join')
  await until('encryption', () => bob.client.getRoom(made)?.hasEncryptionStateEvent())
  await until('the other', () => alice.client.getRoom(made)?.getMember(bob.userId)?.membership === 'join')
  return made
})

await step('what one says the other reads, both ways', async () => {
  await alice.client.sendTextMessage(roomId, 'hello over there')
  await reads(bob, roomId, 'hello over there')
  await bob.client.sendTextMessage(roomId, 'hello back')
  await reads(alice, roomId, 'hello back')
})

await step('being read and typing are told', async () => {
  await bob.client.sendTyping(roomId, true, 10_000)
  await until('typing', () => alice.client.getRoom(roomId)?.getMember(bob.userId)?.typing)
  const last = bob.client.getRoom(roomId).getLiveTimeline().getEvents().at(-1)
  await bob.client.sendReadReceipt(last)
  await until('the receipt', () =>
    alice.client
      .getRoom(roomId)
      ?.getReceiptsForEvent(last)
      ?.some(({ userId }) => userId === bob.userId),
  )
})

await step('leaving is told', async () => {
  await bob.client.leave(roomId)
  // This SDK takes every room of an answer for one that it is in; the member event says otherwise.
  await until('out', () => bob.client.getRoom(roomId)?.getMember(bob.userId)?.membership === 'leave')
  equal(alice.client.getRoom(rooms[0]).getMyMembership(), 'join')
})
for (const { client } of [alice, bob]) client.stopClient()
process.exit(0)
