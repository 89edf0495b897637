/** What the first look costs, and the way through the app without a mouse. */
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isLive, openBrowser, openPage, password, seriousViolations } from '../support/chat-page.js'
import { MatrixClient } from '../support/matrix-client.js'
import { type ServerProcess, startServerProcess } from '../support/server-process.js'

const mostBytes = 250_000
/** With a room open: what draws, writes and lays open messages comes with the first one. */
const mostWithRoom = 275_000
let browser: Browser
let server: ServerProcess

beforeAll(async () => {
  browser = await openBrowser()
  server = await startServerProcess()
  await MatrixClient.register(server.url, 'ana', password)
  await MatrixClient.register(server.url, 'bo', password)
})
afterAll(async () => {
  await browser?.close()
  await server?.[Symbol.asyncDispose]()
})

/** Of the encryption, which comes by itself once the window stands idle. */
const later = /\/(matrix-sdk-crypto|engine|machine|sealing|device-inbox|encrypted-file|store-key|trust-banner|late)[-.]/

/** Bytes of the scripts and styles that the page has loaded, as gzip makes them. */
async function compressed(page: Page): Promise<number> {
  const urls = await page.evaluate(() =>
    performance.getEntriesByType('resource').flatMap(({ name }) => (/\.(js|css)(\?|$)/.test(name) ? [name] : [])),
  )
  const first = urls.filter((url) => !later.test(url))
  const files = await Promise.all(first.map(async (url) => (await fetch(url)).arrayBuffer()))
  return files.reduce((sum, file) => sum + gzipSync(new Uint8Array(file), { level: 9 }).length, 0)
}

test('the first route is at most 250 kB of scripts and styles, compressed: to the sign-in page and to the chat', async () => {
  const { page, context } = await openPage(browser, `${server.url}/`)
  await page.getByLabel('User name').waitFor()
  const outside = await compressed(page)
  expect(outside).toBeGreaterThan(50_000)
  expect(outside).toBeLessThanOrEqual(mostBytes)

  await page.getByLabel('User name').fill('ana')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await isLive(page)
  await page.reload()
  await isLive(page)
  expect(await compressed(page)).toBeLessThanOrEqual(mostBytes)

  const ana = await MatrixClient.login(server.url, 'ana', password)
  const roomId = await ana.createRoom({ name: 'First' })
  await page.goto(`${server.url}/#/room/${encodeURIComponent(roomId)}`)
  await page.getByRole('textbox', { name: /^Message to / }).waitFor()
  expect(await compressed(page)).toBeLessThanOrEqual(mostWithRoom)
  await context.close()
})

test('with the keyboard alone: sign in, make a room, write, answer, react, invite, read the details, go elsewhere, sign out', async () => {
  const { page, context, errors } = await openPage(browser, `${server.url}/`)
  const { keyboard } = page
  const focused = () =>
    page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '')
  /** Tab, until what has the focus is called so. */
  const tabTo = async (name: RegExp, key = 'Tab') => {
    for (let step = 0; step < 60; step++) {
      if (name.test(await focused())) return
      await keyboard.press(key)
    }
    throw new Error(`the Tab key never came to ${name}`)
  }

  await page.getByLabel('User name').waitFor()
  await page.getByLabel('User name').focus()
  await keyboard.type('ana')
  await keyboard.press('Tab')
  await keyboard.type(password)
  await keyboard.press('Enter')
  await isLive(page)

  await keyboard.press('Control+k')
  await page.getByRole('combobox').waitFor()
  await keyboard.type('create a')
  await page.getByRole('option', { name: /Create a room/ }).waitFor()
  await keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'Create a room' }).waitFor()
  await keyboard.type('By hand')
  // Past topic and publicity to the encryption: without keys of its own, signing out asks nothing.
  for (let step = 0; step < 3; step++) await keyboard.press('Tab')
  await keyboard.press('Space')
  expect(await page.getByRole('switch', { name: /Encrypt end to end/ }).isChecked()).toBe(false)
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'By hand', level: 1 }).waitFor()
  await expect.poll(focused).toMatch(/^Message to/)

  await keyboard.type('first words')
  await keyboard.press('Enter')
  const message = page.getByRole('article').filter({ hasText: 'first words' })
  await message.waitFor()
  await expect.poll(() => message.getAttribute('data-event-id')).not.toBeNull()
  await tabTo(/^ana, /, 'Shift+Tab')
  await keyboard.press('r')
  await page.getByText('Reply to ana').waitFor()
  await keyboard.type('an answer')
  await keyboard.press('Enter')
  const answer = page.getByRole('article').filter({ hasText: 'an answer' })
  await answer.waitFor()
  await expect.poll(() => answer.getAttribute('data-event-id')).not.toBeNull()
  await tabTo(/^ana, /, 'Shift+Tab')
  await keyboard.press('ArrowUp')
  // The answer quotes what it answers.
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent ?? '')).not.toContain('an answer')
  await keyboard.press('+')
  await page.getByRole('dialog', { name: 'React' }).waitFor()
  await keyboard.press('Enter')
  await page.getByRole('button', { name: /^.* 1/ }).first().waitFor()

  await keyboard.press('Control+k')
  await page.getByRole('combobox').waitFor()
  await keyboard.type('invite to')
  await page.getByRole('option', { name: /Invite to By hand/ }).waitFor()
  await keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'Invite to By hand' }).waitFor()
  await keyboard.type('@bo:hearth.test')
  await keyboard.press('Enter')
  await page.getByText('@bo:hearth.test was invited.').waitFor()

  await tabTo(/^Room details and members$/, 'Shift+Tab')
  await keyboard.press('Enter')
  await page.getByText('Owners').waitFor()
  expect(await seriousViolations(page)).toEqual([])
  await keyboard.press('Control+Shift+l')
  await page
    .getByText('Numbers of the whole server are shown to those who run it.')
    .or(page.getByText('Events in a minute', { exact: true }))
    .first()
    .waitFor()
  await tabTo(/^Your account$|^Account|profile/i, 'Shift+Tab')
  await keyboard.press('Enter')
  // The keys go to the menu once it has the focus.
  await page.locator('[role="menu"]:focus-within').waitFor()
  await keyboard.press('End')
  await page.locator('[role="menuitem"]:focus', { hasText: 'Sign out' }).waitFor()
  await keyboard.press('Enter')
  await page.getByLabel('User name').waitFor()
  expect(errors).toEqual([])
  await context.close()
})
