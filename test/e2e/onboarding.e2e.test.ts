/** The first run in a browser: from an empty data directory to the Notes room. */
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composerOf, isLive, openBrowser, openPage, seriousViolations } from '../support/chat-page.js'
import { type ServerProcess, startServerProcess } from '../support/server-process.js'

let browser: Browser
let server: ServerProcess
beforeAll(async () => {
  browser = await openBrowser()
  server = await startServerProcess({ serverName: undefined })
})
afterAll(async () => {
  await browser?.close()
  await server?.[Symbol.asyncDispose]()
})

const next = (page: Page) => page.getByRole('button', { name: 'Continue' }).click()
const heading = (page: Page, name: string) => page.getByRole('heading', { name }).waitFor()

async function answerWho(page: Page, serverName: string): Promise<void> {
  await page.getByLabel('Your user name').fill('ana')
  await page.getByLabel('Name of your server').fill(serverName)
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
}

describe('a new server', () => {
  test('asks nothing of whoever does not come by the address it gave out, and says which that is', async () => {
    const { page, context, errors } = await openPage(browser, `${server.url}/`)

    await page.getByText(/ends in #setup=/).waitFor()

    expect(await page.getByLabel('Your user name').count()).toBe(0)
    expect(errors).toEqual([])
    await context.close()
  })

  test('takes the secret out of the address, and keeps it when the page is loaded again', async () => {
    const { page, context, errors } = await openPage(browser, await server.setupUrl())
    await heading(page, 'Who are you?')
    expect(page.url()).not.toContain('setup=')

    await page.reload()

    await heading(page, 'Who are you?')
    expect(errors).toEqual([])
    await context.close()
  })

  test('asks again for what is missing, rehearses the address, and lets one go back', async () => {
    const { page, context, errors } = await openPage(browser, await server.setupUrl())
    await heading(page, 'Who are you?')

    await next(page)
    expect(await page.getByRole('alert').allTextContents()).toHaveLength(3)
    await answerWho(page, 'home')
    expect(await page.getByRole('status').first().textContent()).toBe('@ana:home')

    await next(page)
    await page.getByLabel(/People on any Matrix server/).check()
    await page.getByText(/Other servers cannot find “home”/).waitFor()
    await page.getByRole('button', { name: 'Back' }).click()
    expect(await page.getByLabel('Your user name').inputValue()).toBe('ana')
    expect(errors).toEqual([])
    await context.close()
  })

  test.each(['light', 'dark'] as const)(
    'has nothing serious for axe on any of its screens, %s',
    async (colorScheme) => {
      const { page, context } = await openPage(browser, await server.setupUrl(), {
        colorScheme,
        width: 360,
        height: 780,
      })
      await heading(page, 'Who are you?')

      await next(page)
      expect(await seriousViolations(page)).toEqual([])
      await answerWho(page, 'home.local')
      for (const title of ['Who should reach you?', 'Where does it live?']) {
        await next(page)
        await heading(page, title)
        expect(await seriousViolations(page)).toEqual([])
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
      }
      await context.close()
    },
  )

  test('is set up with the keyboard alone, and ends in the Notes room', async () => {
    const { page, context, errors } = await openPage(browser, await server.setupUrl())
    await heading(page, 'Who are you?')
    await page.keyboard.type('ana')
    await page.getByLabel('Name of your server').focus()
    await page.keyboard.type('home.local')
    await page.getByLabel('Password', { exact: true }).focus()
    await page.keyboard.type('correct horse battery')
    await page.keyboard.press('Enter')
    await heading(page, 'Who should reach you?')
    await next(page)
    await page.getByText(server.dataDir, { exact: true }).waitFor()

    await page.getByRole('button', { name: 'Start your server' }).click()

    await isLive(page)
    await composerOf(page).waitFor()
    await page
      .getByText(/This server is yours/)
      .first()
      .waitFor()
    expect(await page.getByRole('heading', { name: 'Notes', level: 1 }).count()).toBe(1)
    expect(errors).toEqual([])
    await context.close()
  })

  test('is not set up a second time: the next visitor signs in', async () => {
    const { page, context } = await openPage(browser, `${server.url}/`)

    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()

    expect(await page.getByText('Who are you?').count()).toBe(0)
    await context.close()
  })
})
