/**
 * How a family gets in: from a new server to a conversation between two browsers, one of which comes over the network at
 * home; and what goes with it: passwords to hand on, own sessions, a locked account, invitations that are taken back.
 */
import type { Browser, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  composerOf,
  isLive,
  messageWith,
  openBrowser,
  openPage,
  type Person,
  password,
  roomRow,
  seriousViolations,
  signIn,
  write,
} from '../support/chat-page.js'
import { readHomeAddress } from '../support/home-address.js'
import { type ServerProcess, setUp, startServerProcess } from '../support/server-process.js'

/** As a person starts it: nobody can register, requests are limited. */
const asAtHome = { HEARTH_REGISTRATION_ENABLED: 'false', HEARTH_RATE_LIMITS_ENABLED: 'true' }

let browser: Browser
const people: Person[] = []
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser?.close())
afterEach(async () => {
  const errors = people.flatMap((person) => person.errors)
  await Promise.all(people.splice(0).map(({ context }) => context.close()))
  expect(errors).toEqual([])
})

async function open(url: string, look = {}): Promise<Person> {
  const person = await openPage(browser, url, look)
  people.push(person)
  return person
}

/** Counts the clicks of a page, as its person makes them. */
async function countClicks(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const counter = window as unknown as { clicks: number }
    counter.clicks = 0
    window.addEventListener('click', ({ detail }) => (counter.clicks += detail > 0 ? 1 : 0), { capture: true })
  })
  return () => page.evaluate(() => (window as unknown as { clicks: number }).clicks)
}

const click = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
const linkIn = async (page: Page) => String(await page.getByRole('status', { name: 'Link' }).textContent())

/** Answers the invitation and is in the room. */
async function comeIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('What are you called?').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await click(page, 'Come in')
  await isLive(page)
}

/** A server that is set up, and its owner at the page for people. */
async function startAtPeople(look = {}): Promise<{ server: ServerProcess; ana: Person }> {
  const server = await startServerProcess({ serverName: undefined, env: asAtHome })
  await setUp(server, { server_name: 'home.local', username: 'ana', password, federation: 'local' })
  const ana = await open(`${server.url}/#/home/people`, look)
  await signIn(ana, 'ana')
  return { server, ana }
}

describe('the family story', () => {
  test('from a fresh start to a chat between two browsers over the network at home, in a few clicks', async () => {
    await using server = await startServerProcess({ serverName: undefined, env: asAtHome })
    const ana = await open(await server.setupUrl())
    const clicksOfAna = await countClicks(ana.page)
    await ana.page.getByLabel('Your user name').fill('ana')
    await click(ana.page, 'Continue')
    await ana.page.getByLabel('Name of your server').fill('home.local')
    await click(ana.page, 'Continue')
    await ana.page.getByLabel('Password', { exact: true }).fill(password)
    await click(ana.page, 'Continue')
    await click(ana.page, 'Continue')
    await click(ana.page, 'Start your server')
    await isLive(ana.page)
    await composerOf(ana.page).waitFor()

    await click(ana.page, 'Home')
    await click(ana.page, 'People')
    await click(ana.page, 'Invite a person')
    await ana.page.getByText(/everyone on it can open the sign-in page/).waitFor()
    await click(ana.page, 'Make the link')
    const link = await linkIn(ana.page)
    expect(new URL(link).hostname).toBe(new URL(`http://${bracketed(readHomeAddress())}`).hostname)
    await ana.page.getByRole('img', { name: 'QR code of the link' }).waitFor()
    await ana.page.getByRole('button', { name: 'Copy' }).first().click()
    await ana.page.getByRole('button', { name: 'Copied' }).waitFor()
    await click(ana.page, 'Done')
    await ana.page.getByRole('region', { name: 'Invitations that are open' }).getByText('into Family').waitFor()

    const bo = await open(link)
    await bo.page.getByRole('heading', { name: 'Welcome to home.local' }).waitFor()
    expect(bo.page.url()).not.toContain('hti_')
    await bo.page.getByText('ana invites you to the room “Family”.', { exact: false }).waitFor()
    const clicksOfBo = await countClicks(bo.page)
    await bo.page.getByLabel('What are you called?').fill('Bo')
    await bo.page.getByText('Others will find you as @bo:home.local. The name is free.').waitFor()
    await bo.page.getByLabel('Password', { exact: true }).fill(password)
    await click(bo.page, 'Come in')
    await isLive(bo.page)
    await bo.page.getByRole('heading', { name: 'Family', level: 1 }).waitFor()
    await write(bo.page, 'hello from the sofa')

    await click(ana.page, 'Chat')
    await roomRow(ana.page, 'Family').click()
    await messageWith(ana.page, 'hello from the sofa').waitFor()
    await write(ana.page, 'dinner at seven')
    await messageWith(bo.page, 'dinner at seven').waitFor()

    expect(await clicksOfAna()).toBe(13)
    expect(await clicksOfBo()).toBe(1)
    await click(ana.page, 'Home')
    await click(ana.page, 'Reach')
    const connected = ana.page.getByRole('region', { name: 'Connected over it now' })
    await connected.getByText('@bo:home.local').waitFor()
    await connected.getByText(readHomeAddress()).waitFor()
  })

  test('with the keyboard alone, on a phone’s width', async () => {
    const { server, ana } = await startAtPeople()
    await ana.page.getByRole('button', { name: 'Invite a person' }).focus()
    await ana.page.keyboard.press('Enter')
    await ana.page.getByRole('radio').first().waitFor()
    await ana.page.keyboard.press('Enter') // the field that has the focus is the form's
    const link = await linkIn(ana.page)
    await ana.page.keyboard.press('Escape')

    const { page } = await open(link, { width: 360, height: 760 })
    await page.getByRole('heading', { name: 'Welcome to home.local' }).waitFor()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
    await page.keyboard.type('Oma Inge')
    await page.keyboard.press('Tab')
    await page.keyboard.type(password)
    await page.keyboard.press('Enter')

    await page.getByRole('heading', { name: 'Family', level: 1 }).waitFor()
    await page.locator('[data-state="live"]').waitFor({ state: 'attached' }) // under the open room
    await server[Symbol.asyncDispose]()
  })
})

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address)

describe('an invitation', () => {
  test('says no to a password that is easy to guess, and to a name that is taken', async () => {
    const { server, ana } = await startAtPeople()
    await click(ana.page, 'Invite a person')
    await click(ana.page, 'Make the link')
    const { page } = await open(await linkIn(ana.page))

    await page.getByLabel('What are you called?').fill('Ana')
    await page.getByText('@ana:home.local is taken. Choose another name.').waitFor()
    await page.getByLabel('What are you called?').fill('Bo')
    await page.getByLabel('Password', { exact: true }).fill('password')
    await click(page, 'Come in')
    await page.getByText('That is too easy to guess.').waitFor()
    await comeIn(page, 'Bo')

    await page.getByRole('heading', { name: 'Family', level: 1 }).waitFor()
    await server[Symbol.asyncDispose]()
  })

  test('that is taken back is good for nothing, and says so', async () => {
    const { server, ana } = await startAtPeople()
    await click(ana.page, 'Invite a person')
    await ana.page.getByRole('radio', { name: /On this machine only/ }).check()
    await ana.page.getByLabel('For whom').fill('Cleo')
    await click(ana.page, 'Make the link')
    const link = await linkIn(ana.page)
    expect(link.startsWith(`${server.url}/#invite=`)).toBe(true)
    await click(ana.page, 'Done')
    const pending = ana.page.getByRole('region', { name: 'Invitations that are open' })
    await pending.getByText('Cleo').waitFor()

    await pending.getByRole('button', { name: 'Take back' }).click()
    await pending.waitFor({ state: 'detached' })

    const { page } = await open(link)
    await page.getByRole('heading', { name: 'This invitation is not good any more' }).waitFor()
    await page.getByRole('button', { name: 'I have an account' }).click()
    await page.getByRole('heading', { name: 'Sign in to home.local' }).waitFor()
    await server[Symbol.asyncDispose]()
  })

  test('that is opened where somebody is signed in does nothing behind their back', async () => {
    const { server, ana } = await startAtPeople()
    await click(ana.page, 'Invite a person')
    await ana.page.getByRole('radio', { name: /On this machine only/ }).check()
    await click(ana.page, 'Make the link')
    const link = await linkIn(ana.page)

    await ana.page.goto(link)

    await ana.page.getByRole('heading', { name: 'You are signed in already' }).waitFor()
    await click(ana.page, 'Go on as I am')
    await isLive(ana.page)
    await server[Symbol.asyncDispose]()
  })

  test.each([
    ['light', 1280],
    ['dark', 360],
  ] as const)('has nothing serious for axe on its pages: %s, %d px', async (colorScheme, width) => {
    const look = { colorScheme, width, height: 800 }
    const { server, ana } = await startAtPeople(look)
    await click(ana.page, 'Invite a person')
    await ana.page.getByRole('button', { name: 'Make the link' }).waitFor()
    expect(await seriousViolations(ana.page)).toEqual([])
    await click(ana.page, 'Make the link')
    const link = await linkIn(ana.page)
    expect(await seriousViolations(ana.page)).toEqual([])
    expect(await ana.page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)

    const { page } = await open(link, look)
    await page.getByRole('heading', { name: 'Welcome to home.local' }).waitFor()
    await click(page, 'Come in')
    expect(await seriousViolations(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
    await server[Symbol.asyncDispose]()
  })
})

describe('an account', () => {
  test('with a password that was handed out is asked for one of its own, and then goes on', async () => {
    const { server, ana } = await startAtPeople()
    await click(ana.page, 'New account')
    await ana.page.getByLabel('User name').fill('cleo')
    await click(ana.page, 'Create account')
    const handedOut = String(await ana.page.getByRole('status', { name: 'Password for cleo' }).textContent())

    const { page } = await open(server.url)
    await page.getByLabel('User name').fill('cleo')
    await page.getByLabel('Password', { exact: true }).fill(handedOut)
    await click(page, 'Sign in')
    await page.getByRole('heading', { name: 'Choose a password of your own' }).waitFor()
    expect(await seriousViolations(page)).toEqual([])
    await page.getByLabel('Your own password').fill(handedOut)
    await click(page, 'Keep this one')
    await page.getByText('That is the password you have. Choose another.').waitFor()
    await page.getByLabel('Your own password').fill(password)
    await click(page, 'Keep this one')

    await isLive(page)
    await page.reload()
    await isLive(page)
    expect(await page.getByText('Choose a password of your own').count()).toBe(0)
    await server[Symbol.asyncDispose]()
  })

  test('changes its password in Settings, which ends its other sessions', async () => {
    const { server, ana } = await startAtPeople()
    const elsewhere = await open(server.url)
    await signIn(elsewhere, 'ana')
    await ana.page.evaluate(() => location.assign('#/settings/security'))
    await ana.page.getByRole('region', { name: 'Your sessions' }).getByText('This session').waitFor()

    await click(ana.page, 'Change password')
    const dialog = ana.page.getByRole('dialog')
    await dialog.getByLabel('Password of now').fill('not it at all')
    await dialog.getByLabel('New password').fill('another horse battery')
    await dialog.getByRole('button', { name: 'Change password' }).click()
    await dialog.getByText('That is not your password.').waitFor()
    await dialog.getByLabel('Password of now').fill(password)
    await dialog.getByRole('button', { name: 'Change password' }).click()
    await ana.page.getByText('Your password is changed.').waitFor()

    await elsewhere.page.getByText('You were signed out. Sign in to continue.').waitFor()
    await isLive(ana.page)
    await server[Symbol.asyncDispose]()
  })

  test('that is locked says so instead of looking offline, and goes on when it is unlocked', async () => {
    const { server, ana } = await startAtPeople()
    await click(ana.page, 'Invite a person')
    await click(ana.page, 'Make the link')
    const { page } = await open(await linkIn(ana.page))
    await comeIn(page, 'Bo')
    await click(ana.page, 'Done')
    await ana.page.evaluate(() => location.assign(`#/home/people/${encodeURIComponent('@bo:home.local')}`))

    await click(ana.page, 'Lock account')
    await page.getByRole('heading', { name: 'This account is locked' }).waitFor()
    await page.getByText(/Somebody who runs home\.local has locked it/).waitFor()
    expect(await seriousViolations(page)).toEqual([])
    await click(ana.page, 'Unlock account')
    await ana.page.getByText('is unlocked').waitFor()
    await click(page, 'Try again')

    await page.locator('[data-state="live"]').waitFor()
    await server[Symbol.asyncDispose]()
  })
})

test('Home says that the server does not answer, and goes on when it does', async () => {
  const { server, ana } = await startAtPeople()
  const { page } = ana
  await page.getByRole('heading', { name: 'People' }).waitFor()
  await server.kill()
  await page.getByRole('button', { name: 'Try now' }).first().waitFor()
  await page.getByText('Offline', { exact: true }).waitFor()

  const again = await startServerProcess({
    ...{ dataDir: server.dataDir, serverName: undefined, env: asAtHome },
    port: Number(new URL(server.url).port),
  })
  await page
    .getByRole('button', { name: 'Try now' })
    .first()
    .click({ timeout: 2_000 })
    .catch(() => undefined) // or it was faster

  await isLive(page)
  await again[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})
