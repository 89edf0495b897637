/** A person at the chat in a browser: signing in, writing, reading what is on the screen. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright'
import { chromiumArguments, chromiumPath } from './chromium.mjs'

export type Person = {
  page: Page
  /** Errors of the page's own script; a test ends by looking that there are none. */
  errors: string[]
  context: BrowserContext
}

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath(), args: chromiumArguments })

type Look = { width?: number; height?: number; colorScheme?: 'light' | 'dark' }

export async function openPage(browser: Browser, url: string, look: Look = {}): Promise<Person> {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1280, height: look.height ?? 800 },
    colorScheme: look.colorScheme ?? 'light',
    locale: 'en-GB',
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !isNetworkNoise(message.text())) errors.push(message.text())
  })
  await page.goto(url)
  return { page, errors, context }
}

/**
 * The browser reports every refused request by itself; the page shows what matters of it. Over plain HTTP from another
 * address it also reports a header that has no effect there.
 */
const isNetworkNoise = (text: string) =>
  /Failed to load resource|WebSocket connection to|Cross-Origin-Opener-Policy header has been ignored/.test(text)

export const password = 'correct horse battery'

/** Makes an account through the page. */
export async function signUp({ page }: Person, username: string): Promise<void> {
  await page.getByRole('button', { name: 'Create an account' }).click()
  await page.getByRole('button', { name: 'Create account' }).waitFor() // the server is asked first
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Create account' }).click()
  await isLive(page)
}

export async function signIn({ page }: Person, username: string): Promise<void> {
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await isLive(page)
}

/**
 * Waits until the window says that it is live; where it does not, the error says what it says instead. On a busy machine an
 * account that opens window after window waits for its share of the live API.
 */
export async function isLive(page: Page, timeout = 45_000): Promise<void> {
  await page
    .locator('[data-state="live"]')
    .waitFor({ timeout })
    .catch(async (error: unknown) => {
      const shown = (await page.locator('#root').textContent()) ?? ''
      throw new Error(`the window is not live but says: ${shown.slice(0, 600)}`, { cause: error })
    })
}

export const composerOf = (page: Page) => page.getByRole('textbox', { name: /^Message to / })

export async function write(page: Page, text: string): Promise<void> {
  await composerOf(page).fill(text)
  await composerOf(page).press('Enter')
}

/** The message with exactly this text. */
export const messageWith = (page: Page, text: string) =>
  page.getByRole('article').filter({ has: page.getByText(text, { exact: true }) })

export const roomRow = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Rooms and people' }).getByRole('link').filter({ hasText: name })

/** Violations that matter, as short lines. */
export async function seriousViolations(page: Page): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(source)
  return page.evaluate(async () => {
    type Result = { violations: { id: string; impact: string; nodes: { html: string }[] }[] }
    const { axe } = window as unknown as { axe: { run(context: Document): Promise<Result> } }
    const { violations } = await axe.run(document)
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)}`)
  })
}
