/** Encrypted rooms in the window: two people in two browsers, on the built server. */
import type { Page } from 'playwright'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { chatBrowser, type Look } from '../support/chat-browser.js'
import { composerOf, messageWith, roomRow, seriousViolations, write } from '../support/chat-page.js'
import type { MatrixClient } from '../support/matrix-client.js'

const chat = chatBrowser()
let ana: MatrixClient
let bo: MatrixClient
let cy: MatrixClient

beforeAll(async () => {
  ana = await chat.register('ana')
  bo = await chat.register('bo')
  cy = await chat.register('cy')
})

const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
const at = (roomId: string, rest: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${rest}`

async function roomOfBoth(name: string): Promise<string> {
  const roomId = await ana.createRoom({
    name,
    preset: 'private_chat',
    invite: [bo.userId],
    initial_state: [encryption],
  })
  await bo.join(roomId)
  return roomId
}

async function open(page: Page, name: string): Promise<void> {
  await roomRow(page, name).click()
  await composerOf(page).waitFor()
}

/** The devices of somebody that others can encrypt to. */
async function countDevices(userId: string): Promise<number> {
  const body = { device_keys: { [userId]: [] } }
  const { device_keys } = await ana.call('POST', '/_matrix/client/v3/keys/query', body)
  return Object.keys((device_keys as Record<string, object>)[userId] ?? {}).length
}

/** Signed in, and known to others: what is sent before that a new device cannot read. */
async function pageOf(name: string, look?: Look): Promise<Page> {
  const userId = `@${name}:hearth.test`
  const before = await countDevices(userId)
  const page = await chat.pageOf(name, look)
  await expect.poll(() => countDevices(userId), { timeout: 30_000 }).toBe(before + 1)
  return page
}

const inClear = async (roomId: string) =>
  JSON.stringify(await ana.call('GET', `${at(roomId, 'messages')}?dir=b&limit=100`))

describe('an encrypted room', () => {
  test('is read by both, in the timeline and in the list, over a reload, and by nobody else', async () => {
    const roomId = await roomOfBoth('Cellar')
    const [one, two] = [await pageOf('ana'), await pageOf('bo')]
    await open(one, 'Cellar')
    await open(two, 'Cellar')

    await write(one, 'the cellar is dry')
    await messageWith(two, 'the cellar is dry').waitFor()
    await write(two, 'and the barrels?')
    await messageWith(one, 'and the barrels?').waitFor()
    await expect.poll(() => roomRow(one, 'Cellar').textContent()).toContain('and the barrels?')
    await two.reload()
    await messageWith(two, 'the cellar is dry').waitFor()
    await write(two, 'after a reload')
    await messageWith(one, 'after a reload').waitFor()

    const all = await inClear(roomId)
    expect(all).toContain('m.megolm.v1.aes-sha2')
    for (const words of ['cellar is dry', 'barrels', 'after a reload']) expect(all).not.toContain(words)
  })

  test('holds all that a room holds: edits, answers, reactions, deletions, pictures and mentions', async () => {
    const roomId = await roomOfBoth('Loft')
    const [one, two] = [await pageOf('ana'), await pageOf('bo')]
    await open(one, 'Loft')
    await open(two, 'Loft')

    await write(one, 'Tea or cofee?')
    await messageWith(two, 'Tea or cofee?').waitFor()
    await composerOf(one).press('ArrowUp')
    await write(one, 'Tea or coffee?')
    await messageWith(two, 'Tea or coffee?').waitFor()
    await two.getByRole('button', { name: '(edited)' }).waitFor()

    await messageWith(two, 'Tea or coffee?').focus()
    await two.keyboard.press('r')
    await two.getByText('Reply to ana').waitFor()
    await write(two, 'Tea')
    await one.getByRole('button', { name: /ana.*Tea or cofee/ }).waitFor()
    await messageWith(two, 'Tea or coffee?').first().focus()
    await two.keyboard.press('+')
    await two.getByRole('button', { name: '🎉' }).click()
    await one.getByRole('button', { name: /🎉/ }).waitFor()

    const picture = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    await one.locator('input[type=file]').setInputFiles({ name: 'kettle.png', mimeType: 'image/png', buffer: picture })
    await one.getByRole('button', { name: 'Send', exact: true }).click()
    const shown = two.getByRole('img', { name: /kettle\.png/ })
    await shown.waitFor()
    expect(await shown.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth))).toBe(40)

    await messageWith(two, 'Tea').focus()
    await two.keyboard.press('Delete')
    await two.getByRole('button', { name: 'Delete message' }).click()
    await one.getByText('Message deleted', { exact: true }).waitFor()

    await one.getByRole('button', { name: 'New', exact: true }).waitFor()
    await roomOfBoth('Elsewhere')
    await open(one, 'Elsewhere')
    await composerOf(two).pressSequentially('@an')
    await two.getByRole('option').first().waitFor()
    await two.keyboard.press('Enter')
    await composerOf(two).press('Enter')
    await roomRow(one, 'Loft').getByText('1 mention').waitFor({ state: 'attached' })
    const all = await inClear(roomId)
    for (const words of ['offee', 'kettle', '@ana:hearth.test"]']) expect(all).not.toContain(words)
  })

  test('names why a message cannot be read, and reads it when its key comes', async () => {
    const roomId = await roomOfBoth('Attic')
    const one = await pageOf('ana')
    await open(one, 'Attic')
    await write(one, 'said before the others came')
    await messageWith(one, 'said before the others came').waitFor()
    await one.locator('article[data-event-id]').waitFor()
    const { chunk } = (await bo.call('GET', `${at(roomId, 'messages')}?dir=b&limit=1`)) as {
      chunk: [{ content: object }]
    }
    const lost = { ...chunk[0].content, session_id: 'X'.repeat(43) }
    await bo.call('PUT', `${at(roomId, 'send/m.room.encrypted')}/1`, lost)
    await one.getByText('The key to this message has not come yet.').waitFor()

    await ana.call('POST', at(roomId, 'invite'), { user_id: cy.userId })
    await cy.join(roomId)
    const three = await pageOf('cy')
    await open(three, 'Attic')
    await three.getByText('Sent while you were not in this room.').first().waitFor()
    expect(await seriousViolations(three)).toEqual([])
    await write(one, 'said to all')
    await messageWith(three, 'said to all').waitFor()
  })
})

describe('what is made here', () => {
  test('is encrypted by default: a private room, a conversation of two; a room that was not can be', async () => {
    const [one, two] = [await pageOf('ana'), await pageOf('bo')]
    await one.getByRole('button', { name: 'New', exact: true }).click()
    await one.getByRole('menuitem', { name: 'Create a room' }).click()
    expect(await one.getByRole('switch', { name: /Encrypt end to end/ }).isChecked()).toBe(true)
    await one.getByLabel('Name', { exact: true }).fill('Vault')
    await one.getByRole('button', { name: 'Create room' }).click()
    await one.getByRole('heading', { name: 'Vault', level: 1 }).waitFor()
    await one.getByRole('img', { name: 'Messages in this room are end-to-end encrypted' }).waitFor()

    await one.getByRole('button', { name: 'New', exact: true }).click()
    await one.getByRole('menuitem', { name: 'Message someone' }).click()
    await one.getByLabel('Name or ID').fill('@bo:hearth.test')
    await one.getByRole('button', { name: 'Start', exact: true }).click()
    await one.getByRole('heading', { name: 'bo', level: 1 }).waitFor()
    await one.getByRole('img', { name: 'Messages in this room are end-to-end encrypted' }).waitFor()
    await write(one, 'just between us')
    await two.getByText('ana invites you').waitFor()
    await two.getByRole('button', { name: 'Join', exact: true }).first().click()
    await messageWith(two, 'just between us').waitFor()

    await ana.createRoom({ name: 'Open', preset: 'private_chat' })
    await open(one, 'Open')
    await one.getByRole('button', { name: 'Room menu' }).click()
    await one.getByRole('menuitem', { name: 'Room settings' }).click()
    await one.getByRole('tab', { name: 'Access' }).click()
    await one.getByRole('switch', { name: /End-to-end encryption/ }).click()
    await one.getByText('Once it is on it stays on.').waitFor()
    expect(await seriousViolations(one)).toEqual([])
    await one.getByRole('button', { name: 'Switch encryption on' }).click()
    await expect.poll(() => one.getByRole('switch', { name: /End-to-end encryption/ }).isDisabled()).toBe(true)
  })
})

describe('devices of one person', () => {
  const enterSettings = async (page: Page) => {
    await page.goto(`${chat.server.url}/#/settings/security`)
    await page.getByRole('heading', { name: 'Encryption', exact: true }).waitFor()
  }

  test('the second is verified by emoji, the third by recovery key, and both read what was said before', async () => {
    const dora = await chat.register('dora')
    await dora.createRoom({ name: 'Diary', preset: 'private_chat', initial_state: [encryption] })
    const first = await pageOf('dora')
    await open(first, 'Diary')
    await write(first, 'on the first device')
    await first.locator('article[data-event-id]').waitFor()

    await first.getByRole('button', { name: 'Set up', exact: true }).click()
    await first.getByText('Your messages are encrypted, and nobody but you has the keys').waitFor()
    await first.getByRole('button', { name: 'Make a recovery key' }).click()
    const recoveryKey = (await first.getByRole('status', { name: 'Your recovery key' }).textContent())!
    expect(recoveryKey).toMatch(/^(\w{4} ){11}\w{4}$/)
    expect(await seriousViolations(first)).toEqual([])
    await first.getByRole('button', { name: 'I have saved it' }).click()
    await first.getByRole('button', { name: 'Set up', exact: true }).waitFor({ state: 'detached' })

    const second = await pageOf('dora')
    await open(second, 'Diary')
    await second.getByText('Sent before you signed in here.').waitFor()
    await second.getByRole('button', { name: 'Verify', exact: true }).click()
    await second.getByRole('button', { name: /Use another device/ }).click()
    await first.getByText('Is it you who is signing in').waitFor()
    await first.getByRole('button', { name: 'Compare emoji' }).click()
    const emojiOf = (page: Page) => page.getByRole('dialog').getByRole('listitem').allTextContents()
    for (const page of [first, second]) await page.getByText('Do both show the same').waitFor()
    expect(await emojiOf(first)).toEqual(await emojiOf(second))
    expect(await emojiOf(first)).toHaveLength(7)
    expect(await seriousViolations(second)).toEqual([])
    for (const page of [first, second]) await page.getByRole('button', { name: 'They are the same' }).click()
    for (const page of [first, second]) {
      await page.getByRole('heading', { name: 'Verified' }).waitFor()
      await page.getByRole('button', { name: 'Close' }).last().click()
    }
    await messageWith(second, 'on the first device').waitFor()

    const third = await pageOf('dora', { width: 360, height: 740 })
    await third.getByRole('button', { name: 'Verify', exact: true }).click()
    await third.getByRole('button', { name: /Enter recovery key/ }).click()
    await third.getByRole('textbox', { name: 'Recovery key' }).fill('EsTT not a key')
    await third.getByRole('button', { name: 'Restore' }).click()
    await third.getByText('That is not the recovery key of this account.').waitFor()
    await third.getByRole('textbox', { name: 'Recovery key' }).fill(recoveryKey)
    await third.getByRole('button', { name: 'Restore' }).click()
    await third.getByText('This device is verified, and your messages are back.').waitFor()
    await open(third, 'Diary')
    await messageWith(third, 'on the first device').waitFor()

    await enterSettings(first)
    const sessions = first.getByRole('region', { name: 'Your sessions' })
    await expect.poll(() => sessions.getByText('Verified', { exact: true }).count()).toBe(3)
    expect(await seriousViolations(first)).toEqual([])
  })
})
