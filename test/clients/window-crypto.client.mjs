/**
 * The window in a real Chromium and matrix-js-sdk with its Rust crypto, as it comes, in one encrypted room: each reads what the
 * other wrote, and they verify each other by comparing emoji.
 */
import * as sdk from 'matrix-js-sdk'
import { CryptoEvent, VerifierEvent } from 'matrix-js-sdk/lib/crypto-api/index.js'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { chromium } from 'playwright'
import { chromiumArguments, findChromium } from '../support/chromium.mjs'
import { equal, step, until } from './steps.mjs'

logger.setLevel?.('silent')
const baseUrl = process.argv[2]
const executablePath = findChromium()
if (!executablePath) process.exit(0) // what needs it says so elsewhere
const password = 'correct horse battery'

const register = (username) =>
  sdk.createClient({ baseUrl }).registerRequest({ username, password, auth: { type: 'm.login.dummy' } })

const { user_id: userId, access_token: accessToken, device_id: deviceId } = await register('sdk-sam')
const sam = sdk.createClient({
  ...{ baseUrl, userId, accessToken, deviceId, timelineSupport: true },
  verificationMethods: ['m.sas.v1'],
})
await sam.initRustCrypto({ useIndexedDB: false })
await sam.startClient({ initialSyncLimit: 20 })
await until('the first sync', () => sam.isInitialSyncComplete())
await sam.getCrypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys: (request) => request(null) })

await register('window-wil')
const browser = await chromium.launch({ executablePath, args: chromiumArguments })
const page = await (await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce' })).newPage()
page.setDefaultTimeout(30_000)

await step('the window signs in, and its device is known', async () => {
  await page.goto(`${baseUrl}/`)
  await page.getByLabel('User name').fill('window-wil')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await until(
    'its keys',
    async () => {
      const devices = await sam.getCrypto().getUserDeviceInfo(['@window-wil:hearth.test'], true)
      return devices.get('@window-wil:hearth.test')?.size === 1
    },
    30_000,
  )
})

const { room_id: roomId } = await step('an encrypted room is made, and both are in it', async () => {
  const made = await sam.createRoom({
    ...{ name: 'Harbour', preset: 'private_chat', invite: ['@window-wil:hearth.test'] },
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  await page.getByRole('button', { name: 'Join', exact: true }).first().click()
  await page.getByRole('textbox', { name: /^Message to / }).waitFor()
  await until('both as members', () => sam.getRoom(made.room_id)?.getJoinedMemberCount() === 2)
  return made
})

await step('what one writes the other reads, both ways', async () => {
  await sam.sendTextMessage(roomId, 'the tide is out')
  await page.getByRole('article').filter({ hasText: 'the tide is out' }).waitFor()
  await page.getByRole('textbox', { name: /^Message to / }).fill('then we walk')
  await page.keyboard.press('Enter')
  await until('it in clear', () =>
    sam
      .getRoom(roomId)
      .getLiveTimeline()
      .getEvents()
      .some((event) => !event.isDecryptionFailure() && event.getContent().body === 'then we walk'),
  )
})

await step('they verify each other by the same emoji', async () => {
  const asked = new Promise((resolve) => sam.once(CryptoEvent.VerificationRequestReceived, resolve))
  await page.getByRole('button', { name: 'Room details and members' }).click()
  await page.getByRole('button', { name: /sdk-sam/ }).click()
  await page.getByRole('menuitem', { name: 'Verify…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Compare emoji' }).click()
  const request = await asked
  await request.accept()
  const verifier = await until('the verifier', () => request.verifier, 30_000)
  const shown = new Promise((resolve, reject) => {
    verifier.once(VerifierEvent.ShowSas, (sas) => {
      sas.confirm().catch(reject)
      resolve(sas.sas.emoji.map(([picture]) => picture).join(' '))
    })
  })
  const verified = verifier.verify()
  const theirs = await shown
  await page.getByText('Do both show the same').waitFor()
  const ours = await page.getByRole('dialog').locator('li span').allTextContents()
  equal(ours.join(' '), theirs)
  await page.getByRole('button', { name: 'They are the same' }).click()
  await verified
  await page.getByRole('heading', { name: 'Verified' }).waitFor()
  await until('the other to be verified', async () =>
    (await sam.getCrypto().getUserVerificationStatus('@window-wil:hearth.test')).isCrossSigningVerified(),
  )
})

await browser.close()
sam.stopClient()
process.exit(0)
