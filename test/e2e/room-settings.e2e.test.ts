/** Settings of a room, changed in one window and seen by somebody else's client. */
import type { Page } from 'playwright'
import sharp from 'sharp'
import { beforeAll, expect, test } from 'vitest'
import { chatBrowser, type Look } from '../support/chat-browser.js'
import { roomRow, seriousViolations, signIn } from '../support/chat-page.js'
import type { Json, MatrixClient } from '../support/matrix-client.js'

const chat = chatBrowser()
let ana: MatrixClient
let bo: MatrixClient

beforeAll(async () => {
  ana = await chat.register('ana')
  bo = await chat.register('bo')
})

const at = (roomId: string, rest: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${rest}`
/** As Bo's client has it. */
const state = (roomId: string, type: string): Promise<Json> => bo.call('GET', at(roomId, `state/${type}/`))

async function roomOfBoth(name: string, more: Json = {}): Promise<string> {
  const roomId = await ana.createRoom({ name, invite: [bo.userId], ...more })
  await bo.join(roomId)
  return roomId
}

async function openSettings(name: string, look?: Look): Promise<Page> {
  const person = await chat.open(look)
  await signIn(person, 'ana')
  const { page } = person
  await roomRow(page, name).click()
  await page.getByRole('button', { name: 'Room menu' }).click()
  await page.getByRole('menuitem', { name: 'Room settings' }).click()
  await page.getByRole('dialog', { name: `Settings of ${name}` }).waitFor()
  return page
}
const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true })
const saved = (page: Page) => page.getByText('Saved').first().waitFor()

test('name, topic and picture', async () => {
  const roomId = await roomOfBoth('Shed')
  const page = await openSettings('Shed')
  await expect.poll(() => page.getByLabel('Name of the room').inputValue()).toBe('Shed')
  await page.getByLabel('Name of the room').fill('Boathouse')
  await page.getByLabel('Topic').fill('Oars and ropes')
  await page.getByRole('button', { name: 'Save' }).click()
  await saved(page)
  expect(await state(roomId, 'm.room.name')).toEqual({ name: 'Boathouse' })
  expect(await state(roomId, 'm.room.topic')).toMatchObject({ topic: 'Oars and ropes' })
  await page.getByRole('dialog', { name: 'Settings of Boathouse' }).waitFor()

  const picture = await sharp({ create: { width: 90, height: 90, channels: 3, background: '#7a9' } })
    .png()
    .toBuffer()
  await page.getByLabel('Choose a picture').setInputFiles({ name: 'boat.png', mimeType: 'image/png', buffer: picture })
  await expect.poll(async () => (await state(roomId, 'm.room.avatar').catch(() => ({}) as Json)).url).toMatch(/^mxc:/)
  await page.getByRole('button', { name: 'Remove the picture' }).click()
  await expect.poll(() => state(roomId, 'm.room.avatar')).toEqual({})
})

test('who may join and who may read what was said', async () => {
  const roomId = await roomOfBoth('Door')
  const page = await openSettings('Door')
  await tab(page, 'Access').click()
  await page.getByRole('radio', { name: 'People may ask to join' }).check()
  await expect.poll(() => state(roomId, 'm.room.join_rules')).toEqual({ join_rule: 'knock' })
  await expect.poll(() => page.getByRole('radio', { name: 'People may ask to join' }).isChecked()).toBe(true)
  await page.getByRole('radio', { name: 'Members, from when they joined' }).check()
  await expect.poll(() => state(roomId, 'm.room.history_visibility')).toEqual({ history_visibility: 'joined' })
})

test('roles and permissions; nobody gives their own power away unasked', async () => {
  const roomId = await roomOfBoth('Ladder', { room_version: '11' })
  await expect(bo.call('PUT', at(roomId, 'state/m.room.name/'), { name: 'no' })).rejects.toThrow('M_FORBIDDEN')
  const page = await openSettings('Ladder')
  await tab(page, 'Roles').click()
  await page.getByLabel('Change the name').selectOption({ label: 'Member' })
  await expect
    .poll(() =>
      bo.call('PUT', at(roomId, 'state/m.room.name/'), { name: 'Steps' }).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true)
  await page.getByLabel('bo', { exact: true }).selectOption({ label: 'Moderator' })
  const users = async () => (await state(roomId, 'm.room.power_levels')).users as Record<string, number>
  await expect.poll(async () => (await users())[bo.userId]).toBe(50)
  await expect.poll(() => page.getByLabel('bo', { exact: true }).inputValue()).toBe('50')

  await page.getByLabel('ana', { exact: true }).selectOption({ label: 'Moderator' })
  await page.getByText('You cannot take this back by yourself').waitFor()
  expect((await users())[ana.userId]).toBe(100)
  await page.getByRole('button', { name: 'Give it up' }).click()
  await expect.poll(async () => (await users())[ana.userId]).toBe(50)
  await expect.poll(() => page.getByLabel('Change roles and permissions').isDisabled()).toBe(true)
})

test('what one hears of it: nothing, or what mentions one; other clients go by the same rule', async () => {
  const roomId = await roomOfBoth('Radio')
  const page = await openSettings('Radio')
  await tab(page, 'Notifications').click()
  expect(await page.getByRole('radio', { name: 'As usual' }).isChecked()).toBe(true)
  await page.getByRole('radio', { name: 'Nothing' }).check()
  const rule = (kind: string) =>
    ana.call('GET', `/_matrix/client/v3/pushrules/global/${kind}/${encodeURIComponent(roomId)}`).catch(() => undefined)
  await expect.poll(async () => (await rule('override'))?.actions).toEqual([])
  await expect.poll(() => page.getByRole('radio', { name: 'Nothing' }).isChecked()).toBe(true)
  await page.getByRole('radio', { name: 'Only what mentions you' }).check()
  await expect.poll(async () => (await rule('room'))?.actions).toEqual([])
  expect(await rule('override')).toBeUndefined()
  await page.getByRole('radio', { name: 'As usual' }).check()
  await expect.poll(() => rule('room')).toBeUndefined()
})

test('leaving, and forgetting with it', async () => {
  const roomId = await roomOfBoth('Exit')
  const page = await openSettings('Exit')
  await tab(page, 'Leave').click()
  await page.getByRole('switch', { name: /Forget it too/ }).check()
  await page.getByRole('button', { name: 'Leave room' }).click()
  await expect.poll(() => roomRow(page, 'Exit').count()).toBe(0)
  const { chunk } = (await bo.call('GET', at(roomId, 'members?membership=join'))) as { chunk: Json[] }
  expect(chunk.map(({ state_key }) => state_key)).toEqual([bo.userId])
  await expect(ana.call('GET', at(roomId, 'messages?dir=b'))).rejects.toThrow()
})

test.each([
  { width: 360, height: 740, colorScheme: 'dark' },
  { width: 1280, height: 800, colorScheme: 'light' },
] as const)('every part by keyboard, nothing serious for axe: $width $colorScheme', async (look) => {
  await roomOfBoth(`Parts ${look.width}`)
  const page = await openSettings(`Parts ${look.width}`, look)
  await tab(page, 'General').focus()
  for (const name of ['Access', 'Roles', 'Notifications', 'Leave']) {
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => tab(page, name).getAttribute('aria-selected')).toBe('true')
    await page.waitForTimeout(300)
    expect(await seriousViolations(page), name).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(look.width)
  }
})
