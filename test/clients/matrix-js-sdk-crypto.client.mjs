/**
 * matrix-js-sdk with its Rust crypto, as it comes: two people with cross-signing talk in an encrypted room, verify each other by
 * comparing emoji, and read old messages on a new device from the key backup.
 */
import * as sdk from 'matrix-js-sdk'
import { CryptoEvent, decodeRecoveryKey, VerifierEvent } from 'matrix-js-sdk/lib/crypto-api/index.js'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { equal, step, until } from './steps.mjs'

logger.setLevel?.('silent')
const baseUrl = process.argv[2]
const clients = []
const password = 'correct horse'

async function start({ user_id: userId, access_token: accessToken, device_id: deviceId }, recovery = {}) {
  const client = sdk.createClient({
    ...{ baseUrl, userId, accessToken, deviceId, timelineSupport: true },
    verificationMethods: ['m.sas.v1'],
    cryptoCallbacks: {
      getSecretStorageKey: async ({ keys }) => {
        const [keyId] = Object.keys(keys)
        return recovery.key ? [keyId, recovery.key] : null
      },
      cacheSecretStorageKey: (_keyId, _info, key) => {
        recovery.key = key
      },
    },
  })
  clients.push(client)
  await client.initRustCrypto({ useIndexedDB: false })
  await client.startClient({ initialSyncLimit: 20 })
  await until('the first sync', () => client.isInitialSyncComplete())
  return client
}

const register = async (username) =>
  sdk.createClient({ baseUrl }).registerRequest({ username, password, auth: { type: 'm.login.dummy' } })

const texts = (client, roomId) =>
  (client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [])
    .filter((event) => event.getType() === 'm.room.message' && !event.isDecryptionFailure())
    .map((event) => event.getContent().body)
const reads = (client, roomId, text) => until(`"${text}" in clear`, () => texts(client, roomId).includes(text), 20_000)

const [ofAlice, ofBob] = [{}, {}]
const [alice, bob] = await step('two people begin with new devices', async () => [
  await start(await register('crypto-alice'), ofAlice),
  await start(await register('crypto-bob'), ofBob),
])

await step('cross-signing is set up without a further password', async () => {
  for (const client of [alice, bob])
    await client.getCrypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys: (request) => request(null) })
  equal(await alice.getCrypto().isCrossSigningReady(), true)
})

await step('secret storage and a key backup are set up', async () => {
  await alice.getCrypto().bootstrapSecretStorage({
    createSecretStorageKey: async () => {
      const made = await alice.getCrypto().createRecoveryKeyFromPassphrase()
      ofAlice.text = made.encodedPrivateKey
      return made
    },
    ...{ setupNewSecretStorage: true, setupNewKeyBackup: true },
  })
  await until('the backup', () => alice.getCrypto().getActiveSessionBackupVersion())
})

const { room_id: roomId } = await step('an encrypted room is made, and both are in it', async () => {
  const made = await alice.createRoom({
    preset: 'private_chat',
    invite: [bob.getUserId()],
    is_direct: true,
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  await until('the invite', () => bob.getRoom(made.room_id)?.getMyMembership() === 'invite')
  await bob.joinRoom(made.room_id)
  await until('both as members', () =>
    [alice, bob].every((client) => client.getRoom(made.room_id)?.getJoinedMemberCount() === 2),
  )
  return made
})

await step('what one says the other reads, both ways', async () => {
  await alice.sendTextMessage(roomId, 'a secret of alice')
  await reads(bob, roomId, 'a secret of alice')
  await bob.sendTextMessage(roomId, 'a secret of bob')
  await reads(alice, roomId, 'a secret of bob')
})

await step('the server has none of it in clear', async () => {
  const page = await fetch(`${baseUrl}/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=50`, {
    headers: { authorization: `Bearer ${alice.getAccessToken()}` },
  })
  equal((await page.text()).includes('a secret of'), false)
})

async function confirm(verifier) {
  const emoji = new Promise((resolve, reject) => {
    verifier.once(VerifierEvent.ShowSas, (sas) => {
      sas.confirm().catch(reject)
      resolve(sas.sas.emoji.map(([picture]) => picture).join(' '))
    })
  })
  await verifier.verify()
  return emoji
}

await step('they verify each other by the same emoji', async () => {
  const asked = new Promise((resolve) => bob.once(CryptoEvent.VerificationRequestReceived, resolve))
  const request = await alice.getCrypto().requestVerificationDM(bob.getUserId(), roomId)
  const received = await asked
  await received.accept()
  await until('the request to be ready', () => request.phase === 3) // Ready
  const ofAlices = await request.startVerification('m.sas.v1')
  await until('the verifier of the other', () => received.verifier)
  const [one, other] = await Promise.all([confirm(ofAlices), confirm(received.verifier)])
  equal(one, other)
  for (const [client, of] of [
    [alice, bob],
    [bob, alice],
  ])
    await until('the other to be verified', async () =>
      (await client.getCrypto().getUserVerificationStatus(of.getUserId())).isCrossSigningVerified(),
    )
})

await step('a new device reads old messages from the backup', async () => {
  const countBackedUp = async () => {
    const headers = { authorization: `Bearer ${alice.getAccessToken()}` }
    return (await (await fetch(`${baseUrl}/_matrix/client/v3/room_keys/version`, { headers })).json()).count
  }
  await until('the keys to be backed up', async () => (await countBackedUp()) >= 2, 30_000)
  const login = await sdk.createClient({ baseUrl }).loginRequest({
    ...{ type: 'm.login.password', identifier: { type: 'm.id.user', user: 'crypto-alice' }, password },
  })
  const again = await start(login, { key: decodeRecoveryKey(ofAlice.text) })
  await again.getCrypto().bootstrapCrossSigning({}) // takes the private keys from secret storage, and signs this device
  await again.getCrypto().loadSessionBackupPrivateKeyFromSecretStorage()
  const { imported } = await again.getCrypto().restoreKeyBackup()
  equal(imported >= 2, true)
  for (const event of again.getRoom(roomId).getLiveTimeline().getEvents())
    await event.attemptDecryption(again.getCrypto(), { isRetry: true }).catch(() => undefined)
  for (const text of ['a secret of alice', 'a secret of bob']) await reads(again, roomId, text)
  await until(
    'the new device to be vouched for',
    async () => (await bob.getCrypto().getUserDeviceInfo([alice.getUserId()], true)).get(alice.getUserId())?.size === 2,
  )
})

for (const client of clients) client.stopClient()
process.exit(0)
