/** The encryption of two and more devices, by the real library over a real server. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'
import { encryptedRoom, openEngine, type TestEngine } from '../support/encryption.js'

let hs: TestHomeserver
const opened: TestEngine[] = []
beforeAll(async () => {
  hs = await startHomeserver()
})
afterAll(async () => {
  for (const engine of opened) await engine.end()
  await hs.close()
})

let count = 0
/** Somebody with one device whose keys are on the server. */
async function person(isDown?: (path: string) => boolean): Promise<TestEngine> {
  const engine = await openEngine(await hs.register(`user${count++}`, false), isDown)
  opened.push(engine)
  await vi.waitFor(() => expect(engine.sent).toContain('POST /keys/upload'))
  return engine
}

async function roomOf(owner: TestEngine, ...others: TestEngine[]): Promise<string> {
  const roomId = await owner.client.createRoom({ preset: 'private_chat', ...encryptedRoom })
  for (const { client } of others) {
    await owner.client.invite(roomId, client)
    await client.joinRoom(roomId)
  }
  return roomId
}

test('what one device encrypts the other reads, and the server has none of it in clear', async () => {
  const [ana, bo] = [await person(), await person()]
  const roomId = await roomOf(ana, bo)

  const event = await ana.send(roomId, 'a secret', [ana.client, bo.client])
  await bo.receive()

  expect(JSON.stringify(event)).not.toContain('a secret')
  expect(await bo.read(roomId, event)).toEqual(['a secret'])
  expect(await ana.read(roomId, event)).toEqual(['a secret'])
})

test('a batch that is handed on twice, since the device died before it said so, loses nothing and breaks nothing', async () => {
  const [ana, bo] = [await person(), await person()]
  const roomId = await roomOf(ana, bo)

  const first = await ana.send(roomId, 'before', [ana.client, bo.client])
  await bo.receive({ diesOnce: true })
  const second = await bo.send(roomId, 'and back', [ana.client, bo.client])
  await ana.receive()

  expect(await bo.read(roomId, first)).toEqual(['before'])
  expect(await ana.read(roomId, second)).toEqual(['and back'])
})

test('a key that comes late is told, and then the message can be read', async () => {
  const [ana, bo] = [await person(), await person()]
  const roomId = await roomOf(ana, bo)
  const event = await ana.send(roomId, 'patience', [ana.client, bo.client])

  const [before] = await bo.read(roomId, event)
  await bo.receive()

  expect(before).toEqual({ kind: 'locked', cause: 'missing', sessionId: event.content.session_id })
  await vi.waitFor(() => expect(bo.news).toContainEqual({ kind: 'keys', sessionIds: [event.content.session_id] }))
  expect(await bo.read(roomId, event)).toEqual(['patience'])
})

test('who has left does not get the key of what is said afterwards', async () => {
  const [ana, bo, cy] = [await person(), await person(), await person()]
  const roomId = await roomOf(ana, bo, cy)
  const first = await ana.send(roomId, 'for three', [ana.client, bo.client, cy.client])
  await cy.client.leaveRoom(roomId)

  const second = await ana.send(roomId, 'for two', [ana.client, bo.client])
  await bo.receive()
  await cy.receive()

  expect(second.content.session_id).not.toBe(first.content.session_id)
  expect(await bo.read(roomId, first, second)).toEqual(['for three', 'for two'])
  expect(await cy.read(roomId, first, second)).toEqual(['for three', expect.objectContaining({ cause: 'missing' })])
})

test('the cause is named: not a member then, sent before this device was there, broken, forged', async () => {
  const [ana, bo] = [await person(), await person()]
  const roomId = await roomOf(ana, bo)
  const event = await ana.send(roomId, 'long ago', [ana.client])
  const session = { sessionId: event.content.session_id }
  const early = { ...event, origin_server_ts: bo.machine.deviceCreationTimeMs - 1 }

  expect(await bo.read(roomId, { ...event, unsigned: { membership: 'leave' } })).toEqual([
    { kind: 'locked', cause: 'notMember', ...session },
  ])
  expect(await bo.read(roomId, early)).toEqual([{ kind: 'locked', cause: 'beforeDevice', ...session }])
  expect(await ana.read(roomId, { ...event, content: { ...event.content, ciphertext: 'AAAA' } })).toEqual([
    { kind: 'locked', cause: 'broken', ...session },
  ])
  const cy = await person()
  const other = await ana.send(roomId, 'mine', [bo.client, cy.client])
  await bo.receive()
  expect(await bo.read(roomId, { ...other, sender: cy.client.userId })).toEqual([
    expect.objectContaining({ kind: 'locked', cause: 'forged' }),
  ])
})

test('a server that does not answer holds a message back; once it does, it goes out', async () => {
  let isDown = false
  const ana = await person((path) => isDown && path.includes('/sendToDevice'))
  const bo = await person()
  const roomId = await roomOf(ana, bo)
  isDown = true

  await expect(ana.send(roomId, 'too early', [ana.client, bo.client])).rejects.toMatchObject({
    name: 'ServerUnreachableError',
  })
  isDown = false
  const event = await ana.send(roomId, 'now', [ana.client, bo.client])
  await bo.receive()

  expect(await bo.read(roomId, event)).toEqual(['now'])
})

test('messages that are sent at once keep their order, and share one key', async () => {
  const [ana, bo] = [await person(), await person()]
  const roomId = await roomOf(ana, bo)

  const events = await Promise.all(['one', 'two', 'three'].map((body) => ana.send(roomId, body, [bo.client])))
  await bo.receive()

  expect(await bo.read(roomId, ...events)).toEqual(['one', 'two', 'three'])
  expect(new Set(events.map(({ content }) => content.session_id)).size).toBe(1)
  expect(ana.sent.filter((each) => each.includes('/sendToDevice/')).length).toBe(1)
})
