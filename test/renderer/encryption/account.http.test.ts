/** The identity of a person over several devices: made by the first, brought to others by recovery key or emoji. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readRecoveryKey, writeRecoveryKey } from '../../../renderer/encryption/recovery-key.js'
import { isKeyOf, openSecret, sealSecret } from '../../../renderer/encryption/secret-storage.js'
import type { VerificationState } from '../../../renderer/encryption/types.js'
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
async function open(client: TestEngine['client']): Promise<TestEngine> {
  const engine = await openEngine(client)
  opened.push(engine)
  await engine.settled
  await engine.receive()
  return engine
}
const person = async () => open(await hs.register(`owner${count++}`, false))
const another = async (engine: TestEngine) =>
  open(await hs.logIn(engine.client.userId.slice(1, engine.client.userId.indexOf(':'))))

const latest = (engine: TestEngine): VerificationState | undefined =>
  engine.news.flatMap((news) => (news.kind === 'verifications' ? news.states : [])).at(-1)

/** Hands messages back and forth until it is so. */
const until = (engines: readonly TestEngine[], check: () => void | Promise<void>) =>
  vi.waitFor(
    async () => {
      for (const engine of engines) await engine.receive()
      await check()
    },
    { timeout: 15_000, interval: 50 },
  )

test('the first device makes identity and backup by itself, asking nobody; the second waits to be vouched for', async () => {
  const first = await person()
  const second = await another(first)

  expect(await first.calls.readAccount({})).toMatchObject({
    isVerified: true,
    hasPrivateKeys: true,
    hasRecovery: false,
  })
  expect((await first.calls.readAccount({})).backup.isOn).toBe(true)
  expect(await second.calls.readAccount({})).toMatchObject({ isVerified: false, hasPrivateKeys: false })
  const { devices } = await first.calls.readPerson({ userId: first.client.userId })
  expect(devices.map(({ isVerified }) => isVerified).sort()).toEqual([false, true])
})

test('the recovery key brings identity and messages to a new device; a wrong one brings nothing', async () => {
  const first = await person()
  const roomId = await first.client.createRoom(encryptedRoom)
  const event = await first.send(roomId, 'long ago', [first.client])
  const key = await first.calls.setUpRecovery({})
  await vi.waitFor(
    async () => expect((await first.calls.readAccount({})).backup).toMatchObject({ total: 1, backedUp: 1 }),
    { timeout: 10_000 },
  )

  const second = await another(first)
  expect(await second.read(roomId, event)).toEqual([expect.objectContaining({ kind: 'locked', cause: 'beforeDevice' })])
  expect(await second.calls.recover({ text: writeRecoveryKey(new Uint8Array(32)) })).toBe(false)
  expect(await second.calls.recover({ text: 'not a key' })).toBe(false)
  expect(await second.calls.recover({ text: key.toString() })).toBe(true)

  expect(await second.read(roomId, event)).toEqual(['long ago'])
  expect(await second.calls.readAccount({})).toMatchObject({
    isVerified: true,
    hasPrivateKeys: true,
    hasRecovery: true,
  })
})

test('emoji bring both to a new device: the same are shown, and what the first has the second gets', async () => {
  const first = await person()
  const roomId = await first.client.createRoom(encryptedRoom)
  const event = await first.send(roomId, 'before the second', [first.client])
  await vi.waitFor(async () => expect((await first.calls.readAccount({})).backup.backedUp).toBe(1), { timeout: 10_000 })
  const second = await another(first)

  const flowId = await second.calls.askVerification({ userId: first.client.userId })
  await until([first, second], () => expect(latest(first)?.phase).toBe('asked'))
  await first.calls.acceptVerification({ flowId })
  await until([first, second], () => {
    expect(latest(first)?.emoji).toHaveLength(7)
    expect(latest(second)?.emoji).toEqual(latest(first)?.emoji)
  })
  await first.calls.confirmVerification({ flowId })
  await second.calls.confirmVerification({ flowId })

  await until([first, second], async () => {
    expect(latest(second)?.phase).toBe('done')
    expect(await second.calls.readAccount({})).toMatchObject({ isVerified: true, hasPrivateKeys: true })
  })
  await until([first, second], async () => expect(await second.read(roomId, event)).toEqual(['before the second']))
})

test('two people are verified by emoji', async () => {
  const [ana, bo] = [await person(), await person()]
  const flowId = await ana.calls
    .readPerson({ userId: bo.client.userId })
    .then(({ devices: [device] }) =>
      ana.calls.askVerification({ userId: bo.client.userId, deviceId: device!.deviceId }),
    )
  await bo.calls.readPerson({ userId: ana.client.userId })
  await until([ana, bo], () => expect(latest(bo)?.phase).toBe('asked'))
  await bo.calls.acceptVerification({ flowId })
  await until([ana, bo], () => expect(latest(ana)?.emoji).toBeDefined())
  await until([ana, bo], () => expect(latest(bo)?.emoji).toBeDefined())
  await ana.calls.confirmVerification({ flowId })
  await bo.calls.confirmVerification({ flowId })
  await until([ana, bo], async () =>
    expect((await ana.calls.readPerson({ userId: bo.client.userId })).identity).toBe('verified'),
  )
})

test('a verification that one side ends is over for both', async () => {
  const first = await person()
  const second = await another(first)
  const flowId = await second.calls.askVerification({ userId: first.client.userId })
  await until([first, second], () => expect(latest(first)?.phase).toBe('asked'))

  await first.calls.cancelVerification({ flowId })

  await until([first, second], () => expect(latest(second)).toMatchObject({ phase: 'cancelled', cancelCode: 'm.user' }))
})

test('keys go by file to a device that has nothing else, with the right passphrase', async () => {
  const first = await person()
  const roomId = await first.client.createRoom(encryptedRoom)
  const event = await first.send(roomId, 'in a file', [first.client])
  const text = await first.calls.exportKeys({ passphrase: 'long enough' })
  const second = await another(first)

  await expect(second.calls.importKeys({ text, passphrase: 'another one' })).rejects.toThrow()
  expect(await second.calls.importKeys({ text, passphrase: 'long enough' })).toBe(1)
  expect(text).toMatch(/^-----BEGIN MEGOLM SESSION DATA-----/)
  expect(await second.read(roomId, event)).toEqual(['in a file'])
})

test('a recovery key is read with and without its spaces, and not with a letter wrong', () => {
  const key = Uint8Array.from({ length: 32 }, (_, index) => index * 7)
  const written = writeRecoveryKey(key)

  expect(written).toMatch(/^(\w{4} ){11}\w{4}$/)
  expect(readRecoveryKey(written)).toEqual(key)
  expect(readRecoveryKey(written.replaceAll(' ', ''))).toEqual(key)
  expect(readRecoveryKey(written.slice(0, -2))).toBeUndefined()
  expect(readRecoveryKey(`${written.slice(0, 8)}${written[8] === 'a' ? 'b' : 'a'}${written.slice(9)}`)).toBeUndefined()
})

test('a secret opens with its key and under its name alone', async () => {
  const [key, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const sealed = await sealSecret(key, 'm.one', 'words')

  expect(await openSecret(key, 'm.one', sealed)).toBe('words')
  expect(await openSecret(other, 'm.one', sealed)).toBeUndefined()
  expect(await openSecret(key, 'm.two', sealed)).toBeUndefined()
  const described = await sealSecret(key, '', '\0'.repeat(32))
  const description = { algorithm: 'm.secret_storage.v1.aes-hmac-sha2', iv: described.iv, mac: described.mac }
  expect([await isKeyOf(key, description), await isKeyOf(other, description)]).toEqual([true, false])
})
