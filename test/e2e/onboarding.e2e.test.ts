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
const questions = {
  name: 'What is your name here?',
  server: 'What is your server called?',
  password: 'Choose a password',
  reach: 'Who is it for?',
  ready: 'Ready to start',
}

async function answerUntilReach(page: Page, serverName: string): Promise<void> {
  await page.getByLabel('Your user name').fill('ana')
  await next(page)
  await page.getByLabel('Name of your server').fill(serverName)
  await next(page)
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
  await next(page)
  await heading(page, questions.reach)
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
    await heading(page, questions.name)
    expect(page.url()).not.toContain('setup=')

    await page.reload()

    await heading(page, questions.name)
    expect(errors).toEqual([])
    await context.close()
  })

  test('asks one thing at a time, again where it is missing, rehearses the address, and lets one go back', async () => {
    const { page, context, errors } = await openPage(browser, await server.setupUrl())
    await heading(page, questions.name)

    await next(page)
    expect(await page.getByRole('alert').allTextContents()).toEqual(['Choose a user name.'])
    expect(await page.getByRole('textbox').count()).toBe(1)
    await page.getByLabel('Your user name').fill('ana')
    await next(page)
    await page.getByLabel('Name of your server').fill('home')
    expect(await page.getByRole('status').first().textContent()).toBe('@ana:home')
    await next(page)
    await page.getByLabel('Password', { exact: true }).fill('password')
    await next(page)
    await page.getByText('That is too easy to guess.').waitFor()
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
    await next(page)

    await page.getByLabel(/People on other Matrix servers too/).check()
    await page.getByText(/Other servers cannot find “home”/).waitFor()
    for (let step = 0; step < 3; step++) await page.getByRole('button', { name: 'Back' }).click()
    expect(await page.getByLabel('Your user name').inputValue()).toBe('ana')
    expect(errors).toEqual([])
    await context.close()
  })

  test('promises nobody that others reach them', async () => {
    const { page, context } = await openPage(browser, await server.setupUrl())
    await heading(page, questions.name)
    await answerUntilReach(page, 'home.example.org')

    await page.getByText(/Until then nobody elsewhere reaches you/).waitFor()
    await page.getByLabel(/People on other Matrix servers too/).check()
    await next(page)

    await page.getByText(/At first only this machine reaches your server/).waitFor()
    expect(await page.getByText(/reach you\b/).count()).toBe(0)
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
      const isFine = async () => {
        expect(await seriousViolations(page)).toEqual([])
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
      }
      await heading(page, questions.name)
      await next(page)
      await isFine()
      await page.getByLabel('Your user name').fill('ana')
      await next(page)
      await isFine()
      await page.getByLabel('Name of your server').fill('home.local')
      await next(page)
      await isFine()
      await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
      for (const title of [questions.reach, questions.ready]) {
        await next(page)
        await heading(page, title)
        await isFine()
      }
      await context.close()
    },
  )

  test('is set up with the keyboard alone, and ends in the Notes room', async () => {
    const { page, context, errors } = await openPage(browser, await server.setupUrl())
    await heading(page, questions.name)
    const answer = async (text: string, question: string) => {
      await page.keyboard.type(text)
      await page.keyboard.press('Enter')
      await heading(page, question)
    }
    await answer('ana', questions.server)
    await answer('home.local', questions.password)
    await answer('correct horse battery', questions.reach)
    await page.keyboard.press('Tab') // from the title to the choice
    await page.keyboard.press('Enter')
    await page.getByText(server.dataDir, { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Start your server' }).focus()

    await page.keyboard.press('Enter')

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

  test('is not set up a second time: the next visitor signs in to it by name', async () => {
    const { page, context } = await openPage(browser, `${server.url}/`)

    await heading(page, 'Sign in to home.local')

    expect(await page.getByText(questions.name).count()).toBe(0)
    await context.close()
  })
})
