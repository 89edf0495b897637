/**
 * matrix-js-sdk and our window in one account: what either changes of read markers, ignored people, favourites, push
 * rules and rooms, the other shows without being asked.
 */
import * as sdk from 'matrix-js-sdk'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { chromium } from 'playwright'
import { chromiumArguments, chromiumPath } from '../support/chromium.mjs'
import { equal, step, until } from './steps.mjs'

logger.setLevel?.('silent')
const baseUrl = process.argv[2]
const password = 'correct horse battery'
const clients = []

async function register(username) {
  const answer = await sdk.createClient({ baseUrl }).registerRequest({
    ...{ username, password, auth: { type: 'm.login.dummy' } },
  })
  const { user_id: userId, access_token: accessToken, device_id: deviceId } = answer
  const client = sdk.createClient({ baseUrl, userId, accessToken, deviceId, timelineSupport: true })
  clients.push(client)
  await client.startClient({ initialSyncLimit: 20 })
  await until('the first sync', () => client.isInitialSyncComplete())
  return client
}

const [ana, bo] = await step('two people', async () => [await register('win-ana'), await register('win-bo')])
const anaId = ana.getUserId()
const boId = bo.getUserId()

async function roomOfBoth(name) {
  const { room_id: roomId } = await bo.createRoom({ name, invite: [anaId] })
  await ana.joinRoom(roomId)
  await until('both have the room', () => ana.getRoom(roomId)?.getMyMembership() === 'join' && bo.getRoom(roomId))
  return roomId
}
const [porch, cellar, attic] = await step('three rooms', async () => [
  await roomOfBoth('Porch'),
  await roomOfBoth('Cellar'),
  await roomOfBoth('Attic'),
])

const browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArguments })
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })
page.setDefaultTimeout(15_000)
const row = (name) =>
  page.getByRole('navigation', { name: 'Rooms and people' }).getByRole('link').filter({ hasText: name })
const unread = (name) => row(name).getByText('unread message').count()
const menu = async (name) => {
  await page.getByRole('button', { name: 'Room menu' }).click()
  await page.getByRole('menuitem', { name, exact: true }).click()
}
const open = async (name) => {
  await page.getByRole('button', { name: 'Chat', exact: true }).click()
  await row(name).click()
  await page.getByRole('heading', { name, level: 1 }).waitFor()
}

await step('the window in the account of the first', async () => {
  await page.goto(`${baseUrl}/`)
  await page.getByLabel('User name').fill('win-ana')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.locator('[data-state="live"]').waitFor()
  for (const name of ['Porch', 'Cellar', 'Attic']) await row(name).waitFor()
})

await step('what the client reads is read in the window', async () => {
  const { event_id: eventId } = await bo.sendTextMessage(porch, 'Is anybody home?')
  await until('unread in the window', () => unread('Porch'))
  await until('the client has it', () => ana.getRoom(porch).findEventById(eventId))
  await ana.sendReadReceipt(ana.getRoom(porch).findEventById(eventId))
  await until('read in the window', async () => (await unread('Porch')) === 0)
})

await step('what the window reads is read for the client', async () => {
  const { event_id: eventId } = await bo.sendTextMessage(porch, 'I am at the door')
  await until('unread for the client', () => ana.getRoom(porch).getUnreadNotificationCount('total') === 1)
  await open('Porch')
  await until('read for the client', () => ana.getRoom(porch).getUnreadNotificationCount('total') === 0)
  await until('up to that message', () => ana.getRoom(porch).getEventReadUpTo(anaId) === eventId)
  await until('and the marker', async () => {
    const marker = ana.getRoom(porch).getAccountData('m.fully_read')?.getContent()
    return marker?.event_id === eventId
  })
})

await step('whom the client ignores is folded away in the window, and counts no more', async () => {
  await bo.sendTextMessage(cellar, 'Look what I found')
  await until('unread in the window', () => unread('Cellar'))
  await ana.setIgnoredUsers([boId])
  await until('counts no more', async () => (await unread('Cellar')) === 0)
  await open('Porch')
  await page
    .getByText(/messages? from (someone|people) you ignore/)
    .first()
    .waitFor()
  equal(await page.getByText('I am at the door', { exact: true }).count(), 0)
})

await step('whom the window ignores no more is heard by the client again', async () => {
  await page.getByRole('button', { name: 'Room details and members' }).click()
  await page.getByRole('button', { name: new RegExp(boId) }).click()
  await page.getByRole('menuitem', { name: 'No longer ignore' }).click()
  await until('the list of the client', () => ana.getIgnoredUsers().length === 0)
  await page.getByText('I am at the door', { exact: true }).waitFor()
})

await step('a favourite of the client is one in the window, and back', async () => {
  await ana.setRoomTag(porch, 'm.favourite', { order: 0.5 })
  await page.getByRole('button', { name: 'Favourites' }).waitFor()
  await menu('No longer a favourite')
  await until('not for the client', () => ana.getRoom(porch).tags['m.favourite'] === undefined)
  await menu('Favourite')
  await until('again for the client', () => ana.getRoom(porch).tags['m.favourite'] !== undefined)
})

await step('a room that the client mutes is muted in the window, and back', async () => {
  const actions = () => ana.pushRules?.global.override.find(({ rule_id }) => rule_id === porch)?.actions
  await menu('Room settings')
  await page.getByRole('tab', { name: 'Notifications' }).click()
  const choice = (name) => page.getByRole('radio', { name }).isChecked()
  await until('as usual', () => choice('As usual'))
  await ana.addPushRule('global', 'override', porch, {
    ...{ conditions: [{ kind: 'event_match', key: 'room_id', pattern: porch }], actions: [] },
  })
  await until('nothing, in the window', () => choice('Nothing'))
  await until('the client knows its rule', () => actions() !== undefined)
  await page.getByRole('radio', { name: 'As usual' }).check()
  await until('no rule for the client', () => actions() === undefined)
  await page.keyboard.press('Escape')
})

await step('a room that the client leaves and forgets is gone from the window', async () => {
  await ana.leave(cellar)
  await until('gone', async () => (await row('Cellar').count()) === 0)
  await ana.forget(cellar)
  equal(await row('Cellar').count(), 0)
})

await step('a room that the window leaves is left for the client', async () => {
  await open('Attic')
  await menu('Leave room')
  await page.getByRole('dialog').getByRole('button', { name: 'Leave room' }).click()
  await until('left', () => ana.getRoom(attic)?.getMyMembership() === 'leave' || !ana.getRoom(attic))
})

await browser.close()
for (const client of clients) client.stopClient()
process.exit(0)
