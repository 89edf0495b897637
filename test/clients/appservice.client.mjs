/** matrix-bot-sdk as an application service: a bridge with a puppet for each person of its network. */
import { readFileSync } from 'node:fs'
import { Appservice, LogLevel, LogService, MatrixAuth, MatrixClient, MemoryStorageProvider } from 'matrix-bot-sdk'
import { equal, step, until } from './steps.mjs'

LogService.setLevel(LogLevel.ERROR)
const [, , homeserverUrl, registrationFile] = process.argv
const registration = JSON.parse(readFileSync(registrationFile, 'utf8')) // JSON is YAML
const bridge = new Appservice({
  ...{ homeserverUrl, registration },
  homeserverName: 'hearth.test',
  port: Number(new URL(registration.url).port),
  bindAddress: '127.0.0.1',
  storage: new MemoryStorageProvider(),
})
const heard = []
const ephemeral = []
bridge.on('room.message', (roomId, event) => heard.push({ roomId, ...event }))
bridge.on('ephemeral.event', (event) => ephemeral.push(event))
bridge.on('query.user', (_userId, create) => create({ display_name: 'Made when asked for' }))
bridge.on('thirdparty.protocol', (_protocol, answer) =>
  answer({
    ...{ user_fields: ['nick'], location_fields: [], icon: 'mxc://hearth.test/none' },
    field_types: { nick: { regexp: '.*', placeholder: 'nick' } },
    instances: [{ network_id: 'main', desc: 'Far away', fields: {}, icon: 'mxc://hearth.test/none' }],
  }),
)

await step('listens', () => bridge.begin())
const person = await step('a person registers', async () => {
  const body = { username: 'bridged-person', password: 'correct horse', auth: { type: 'm.login.dummy' } }
  const answer = await fetch(`${homeserverUrl}/_matrix/client/v3/register`, {
    method: 'POST',
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(await answer.text())
  const { accessToken } = await new MatrixAuth(homeserverUrl).passwordLogin('bridged-person', 'correct horse')
  return new MatrixClient(homeserverUrl, accessToken)
})
const ann = bridge.getIntentForSuffix('ann')
await step('registers a puppet and names it', async () => {
  await ann.ensureRegistered()
  await ann.underlyingClient.setDisplayName('Ann of Far Away')
  equal((await person.getUserProfile(ann.userId)).displayname, 'Ann of Far Away')
})
const room = await step('the puppet makes a room and the person comes', async () => {
  const roomId = await ann.underlyingClient.createRoom({
    ...{ preset: 'public_chat', name: 'Bridged', power_level_content_override: { invite: 0 } },
  })
  await person.joinRoom(roomId)
  return roomId
})
await step('the puppet speaks, and the person hears it', async () => {
  const eventId = await ann.sendText(room, 'from far away')
  await until('the message', async () => (await person.getEvent(room, eventId)).content.body === 'from far away')
})
await step('the person speaks, and the bridge is told in order, once', async () => {
  for (const text of ['one', 'two', 'three']) await person.sendText(room, text)
  const mine = () =>
    heard.filter(({ sender }) => sender.startsWith('@bridged-person')).map(({ content }) => content.body)
  await until('the three', () => mine().length >= 3)
  equal(mine(), ['one', 'two', 'three'])
})
await step('is told that the person types and has read', async () => {
  await person.setTyping(room, true, 20_000)
  await person.sendReadReceipt(room, heard.at(-1).event_id)
  await until('both', () => ['m.typing', 'm.receipt'].every((type) => ephemeral.some((event) => event.type === type)))
})
await step('an invited puppet that is not there yet is made', async () => {
  await person.inviteUser('@far_new:hearth.test', room)
  equal((await person.getUserProfile('@far_new:hearth.test')).displayname, 'Made when asked for')
  await bridge.getIntentForSuffix('new').joinRoom(room)
})
await step('the network is offered to everybody', async () => {
  const protocols = await person.doRequest('GET', '/_matrix/client/v3/thirdparty/protocols')
  equal(protocols.far.instances[0].instance_id, 'far-bridge|main')
})
await step('a ping reaches it, though this SDK has no answer to it yet', async () => {
  const path = '/_matrix/client/v1/appservice/far-bridge/ping'
  const answer = await bridge.botClient
    .doRequest('POST', path, null, { transaction_id: 'x' })
    .catch((error) => error.body)
  equal([answer.errcode, answer.status], ['M_BAD_STATUS', 404])
})
await step('stops', () => bridge.stop())
process.exit(0)
