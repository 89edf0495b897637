/** matrix-bot-sdk as it comes: a bot that accepts invites and answers. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AutojoinRoomsMixin,
  LogLevel,
  LogService,
  MatrixAuth,
  MatrixClient,
  SimpleFsStorageProvider,
} from 'matrix-bot-sdk'
import { equal, step, until } from './steps.mjs'

LogService.setLevel(LogLevel.ERROR)
const baseUrl = process.argv[2]
const dir = mkdtempSync(join(tmpdir(), 'hearth-bot-'))
const auth = new MatrixAuth(baseUrl)

async function registered(name) {
  const answer = await fetch(`${baseUrl}/_matrix/client/v3/register`, {
    method: 'POST',
    body: JSON.stringify({ username: name, password: 'correct horse', auth: { type: 'm.login.dummy' } }),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

await step('registers', () => Promise.all([registered('bot-bot'), registered('bot-person')]))
const bot = await step('logs in', async () => {
  const client = await auth.passwordLogin('bot-bot', 'correct horse', 'Bot')
  return new MatrixClient(baseUrl, client.accessToken, new SimpleFsStorageProvider(join(dir, 'bot.json')))
})
const person = await step('logs in as a person', async () => {
  const client = await auth.passwordLogin('bot-person', 'correct horse', 'Phone')
  return new MatrixClient(baseUrl, client.accessToken, new SimpleFsStorageProvider(join(dir, 'person.json')))
})
const heard = []
AutojoinRoomsMixin.setupOnClient(bot)
bot.on('room.message', async (roomId, event) => {
  heard.push(event)
  if (event.content?.body === '!ping') await bot.replyNotice(roomId, event, 'pong')
})
person.on('room.message', (_roomId, event) => heard.push(event))
await step('starts syncing', () => Promise.all([bot.start(), person.start()]))

const roomId = await step('creates a room and invites the bot', async () =>
  person.createRoom({ preset: 'trusted_private_chat', invite: [await bot.getUserId()] }),
)
await step('the bot joins by itself', () =>
  until('the join', async () => (await person.getJoinedRoomMembers(roomId)).includes(await bot.getUserId())),
)
const ping = await step('the bot answers', async () => {
  const eventId = await person.sendText(roomId, '!ping')
  await until('the answer', () =>
    heard.some((event) => event.content?.body?.includes('pong') && event.sender.startsWith('@bot-bot')),
  )
  return eventId
})
await step('types, reads, sets state', async () => {
  await bot.setTyping(roomId, true, 3_000)
  await bot.sendReadReceipt(roomId, ping)
  await person.sendStateEvent(roomId, 'm.room.topic', '', { topic: 'bots' })
  equal((await bot.getRoomStateEvent(roomId, 'm.room.topic', '')).topic, 'bots')
})
await step('takes a message back', async () => {
  await person.redactEvent(roomId, ping, 'a slip')
  const event = await until('the redacted event', async () => {
    const read = await bot.getEvent(roomId, ping)
    return Object.keys(read.content).length === 0 && read
  })
  equal(event.event_id, ping)
})
await step('keeps account data', async () => {
  await bot.setAccountData('org.example.bot', { mood: 'fine' })
  equal(await bot.getAccountData('org.example.bot'), { mood: 'fine' })
})
await step('leaves', async () => {
  await bot.leaveRoom(roomId)
  await until('the leave', async () => !(await person.getJoinedRoomMembers(roomId)).includes(await bot.getUserId()))
})
await step('logs out', async () => {
  await bot.doRequest('POST', '/_matrix/client/v3/logout', null, {})
  const refused = await bot.getWhoAmI().catch((error) => error.body?.errcode ?? error.errcode)
  equal(refused, 'M_UNKNOWN_TOKEN')
})
bot.stop()
person.stop()
rmSync(dir, { recursive: true, force: true })
process.exit(0)
