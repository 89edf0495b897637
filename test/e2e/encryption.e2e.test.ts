/** Encrypted rooms in the window: two people in two browsers, on the built server. */
import type { Page } from 'playwright'
import { beforeAll, describe, expect, test } from 'vitest'
import { chatBrowser } from '../support/chat-browser.js'
import { composerOf, messageWith, roomRow, write } from '../support/chat-page.js'
import type { MatrixClient } from '../support/matrix-client.js'

const chat = chatBrowser()
let ana: MatrixClient
let bo: MatrixClient

beforeAll(async () => {
  ana = await chat.register('ana')
  bo = await chat.register('bo')
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

const inClear = async (roomId: string) =>
  JSON.stringify(await ana.call('GET', `${at(roomId, 'messages')}?dir=b&limit=100`))

describe('an encrypted room', () => {
  test('is read by both, in the timeline and in the list, over a reload, and by nobody else', async () => {
    const roomId = await roomOfBoth('Cellar')
    const [one, two] = [await chat.pageOf('ana'), await chat.pageOf('bo')]
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
})
