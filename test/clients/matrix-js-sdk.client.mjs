/** matrix-js-sdk as it comes: two people register, meet in a room, talk, type, read, take back, and log out. */
import * as sdk from 'matrix-js-sdk'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { Surreal } from 'surrealdb'
import { equal, step, until } from './steps.mjs'

logger.setLevel?.('error')
const baseUrl = process.argv[2]
const clients = []

async function register(username) {
  const anonymous = sdk.createClient({ baseUrl })
  const answer = await anonymous.registerRequest({
    username,
    password: 'correct horse',
    auth: { type: 'm.login.dummy' },
  })
  return loginAs(answer)
}

function loginAs({ user_id: userId, access_token: accessToken, device_id: deviceId }) {
  const client = sdk.createClient({ baseUrl, userId, accessToken, deviceId, timelineSupport: true })
  clients.push(client)
  return client
}

const startSyncing = async (client) => {
  await client.startClient({ initialSyncLimit: 20, lazyLoadMembers: true })
  await until('the first sync', () => client.isInitialSyncComplete())
}
const bodies = (client, roomId) =>
  client
    .getRoom(roomId)
    ?.getLiveTimeline()
    .getEvents()
    .filter((event) => event.getType() === 'm.room.message')
    .map((event) => event.getContent().body) ?? []

const alice = await step('registers', () => register('js-alice'))
const bob = await step('registers another', () => register('js-bob'))
await step('logs in with a password', async () => {
  const again = await sdk.createClient({ baseUrl }).loginRequest({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: 'js-alice' },
    password: 'correct horse',
  })
  equal(again.user_id, alice.getUserId())
  await loginAs(again).logout(false)
})
await step('syncs', () => Promise.all([startSyncing(alice), startSyncing(bob)]))
await step('knows the server', async () => {
  const versions = await alice.getVersions()
  if (!versions.versions.includes('v1.11')) throw new Error('v1.11 is not among the versions')
  await alice.getCapabilities()
  equal((await alice.whoami()).user_id, alice.getUserId())
})

const { room_id: roomId } = await step('creates a room with an invite', () =>
  alice.createRoom({
    name: 'The hall',
    topic: 'talk',
    preset: 'private_chat',
    invite: [bob.getUserId()],
    is_direct: true,
  }),
)
await step('the invite arrives by sync', () =>
  until('the invite', () => bob.getRoom(roomId)?.getMyMembership() === 'invite'),
)
await step('joins', async () => {
  await bob.joinRoom(roomId)
  await until(
    'the join on both sides',
    () =>
      bob.getRoom(roomId)?.getMyMembership() === 'join' &&
      alice.getRoom(roomId)?.getMember(bob.getUserId())?.membership === 'join',
  )
  equal(bob.getRoom(roomId)?.name !== undefined, true)
})
const sent = await step('sends and the other receives by sync', async () => {
  const answer = await alice.sendTextMessage(roomId, 'hello Bob')
  await until('the message', () => bodies(bob, roomId).includes('hello Bob'))
  await bob.sendTextMessage(roomId, 'hello Alice')
  await until('the answer', () => bodies(alice, roomId).includes('hello Alice'))
  return answer
})
await step('the local echo became the sent event, once', () =>
  until(
    'one copy',
    () =>
      bodies(alice, roomId).filter((body) => body === 'hello Bob').length === 1 &&
      alice.getRoom(roomId).findEventById(sent.event_id),
  ),
)
await step('types', async () => {
  await bob.sendTyping(roomId, true, 5_000)
  await until('typing', () => alice.getRoom(roomId)?.getMember(bob.getUserId())?.typing === true)
  await bob.sendTyping(roomId, false, 0)
  await until('no typing', () => alice.getRoom(roomId)?.getMember(bob.getUserId())?.typing === false)
})
await step('sends a receipt', async () => {
  // For a message after his own: the SDK takes having spoken for having read.
  const { event_id: latest } = await alice.sendTextMessage(roomId, 'read this')
  await until('the message', () => bob.getRoom(roomId).findEventById(latest))
  await bob.sendReadReceipt(bob.getRoom(roomId).findEventById(latest))
  const readers = () => alice.getRoom(roomId).getReceiptsForEvent(alice.getRoom(roomId).findEventById(latest))
  await until('the receipt', () => readers().some(({ userId }) => userId === bob.getUserId()))
})
await step('sets a read marker and room account data', async () => {
  await bob.setRoomReadMarkersHttpRequest(roomId, sent.event_id, sent.event_id)
  await until(
    'the marker',
    () => bob.getRoom(roomId).getAccountData('m.fully_read')?.getContent().event_id === sent.event_id,
  )
})
await step('redacts', async () => {
  await alice.redactEvent(roomId, sent.event_id)
  await until('the redaction', () => bob.getRoom(roomId).findEventById(sent.event_id)?.isRedacted())
})
await step('changes the name of the room and the own name', async () => {
  await alice.setRoomName(roomId, 'The yard')
  await alice.setDisplayName('Alice A.')
  await until(
    'the room name',
    () => bob.getRoom(roomId)?.currentState.getStateEvents('m.room.name', '')?.getContent().name === 'The yard',
  )
  await until(
    'the display name',
    () => bob.getRoom(roomId)?.getMember(alice.getUserId())?.rawDisplayName === 'Alice A.',
  )
})
await step('pages back through the history', async () => {
  for (let i = 0; i < 40; i++) await alice.sendTextMessage(roomId, `line ${i}`)
  const late = sdk.createClient({
    baseUrl,
    userId: bob.getUserId(),
    accessToken: bob.getAccessToken(),
    deviceId: bob.getDeviceId(),
    timelineSupport: true,
  })
  clients.push(late)
  await late.startClient({ initialSyncLimit: 5, lazyLoadMembers: true })
  await until('the first sync', () => late.isInitialSyncComplete())
  for (let i = 0; i < 10; i++) await late.scrollback(late.getRoom(roomId), 20)
  const all = bodies(late, roomId).filter((body) => body?.startsWith('line'))
  equal(
    all,
    Array.from({ length: 40 }, (_, i) => `line ${i}`),
  )
  late.stopClient()
})
await step('uploads a file and reads it back', async () => {
  const { content_uri: uri } = await alice.uploadContent(Buffer.from('some bytes'), {
    name: 'note.txt',
    type: 'text/plain',
  })
  const url = alice.mxcUrlToHttp(uri, undefined, undefined, undefined, false, true, true)
  const answer = await fetch(url, { headers: { authorization: `Bearer ${alice.getAccessToken()}` } })
  equal(await answer.text(), 'some bytes')
})
await step('reacts and finds the reaction by its relation', async () => {
  await bob.sendEvent(roomId, 'm.reaction', {
    'm.relates_to': { rel_type: 'm.annotation', event_id: sent.event_id, key: '👍' },
  })
  await until(
    'the reaction',
    async () => (await alice.relations(roomId, sent.event_id, 'm.annotation', 'm.reaction')).events.length === 1,
  )
})
await step('sends to another device of the account, which is told the same live and by sync', async () => {
  const login = {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: 'js-bob' },
    password: 'correct horse',
  }
  const other = await sdk.createClient({ baseUrl }).loginRequest(login)
  const headers = { authorization: `Bearer ${other.access_token}` }
  const ask = async (path, init) => (await fetch(`${baseUrl}${path}`, { headers, ...init })).json()
  const { token, url, namespace, database } = await ask('/_hearth/client/v1/live_token', { method: 'POST' })
  const db = new Surreal()
  await db.connect(url)
  await db.use({ namespace, database })
  await db.authenticate(token)
  const read = async () =>
    (await db.query('SELECT * FROM to_device:[$user_id, $device_id, NONE]..[$user_id, $device_id, ..]'))[0]
  equal(await read(), [])
  const contents = [
    { n: 1, text: 'zuerst' },
    { text: 'then', n: 2 },
  ]
  for (const content of contents)
    await bob.sendToDevice('org.hearth.test', new Map([[bob.getUserId(), new Map([[other.device_id, content]])]]))
  await until('both messages', async () => (await read()).length === 2)
  const { to_device } = await ask('/_matrix/client/v3/sync')
  const rows = (await read()).map(({ sender, type, content }) => ({ sender, type, content: JSON.parse(content) }))
  const byName = ({ sender, type, content: { n, text } }) => [sender, type, n, text]
  equal(rows.map(byName), to_device.events.map(byName))
  equal(
    rows.map(({ content }) => content.n),
    [1, 2],
  )
  await db.close()
})
await step('kicks, and the other may not send any more', async () => {
  await alice.kick(roomId, bob.getUserId(), 'enough')
  await until('the kick', () => bob.getRoom(roomId)?.getMyMembership() === 'leave')
  const refused = await bob.sendTextMessage(roomId, 'but').catch((error) => error.errcode)
  equal(refused, 'M_FORBIDDEN')
})
await step('joins a public room by its alias', async () => {
  const room = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'js-square', visibility: 'public' })
  await bob.joinRoom('#js-square:hearth.test')
  await until('the join', () => bob.getRoom(room.room_id)?.getMyMembership() === 'join')
  const { chunk } = await bob.publicRooms({})
  equal(
    chunk.some((entry) => entry.room_id === room.room_id),
    true,
  )
})
await step('logs out, and the token is worth nothing', async () => {
  const token = bob.getAccessToken()
  await bob.logout(true)
  const answer = await fetch(`${baseUrl}/_matrix/client/v3/account/whoami`, {
    headers: { authorization: `Bearer ${token}` },
  })
  equal([answer.status, (await answer.json()).errcode], [401, 'M_UNKNOWN_TOKEN'])
})
for (const client of clients) client.stopClient()
process.exit(0)
