/** The Home pages in a browser, on the built server: an admin, somebody who is none, and what happens beside them. */
import type { Browser } from 'playwright'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  isLive,
  openBrowser,
  openPage,
  type Person,
  password,
  seriousViolations,
  signIn,
} from '../support/chat-page.js'
import { type ServerProcess, setUp, startServerProcess } from '../support/server-process.js'

let browser: Browser
let server: ServerProcess
let ana: User // runs the server
let bo: User
let kitchen: string
const people: Person[] = []

beforeAll(async () => {
  browser = await openBrowser()
  server = await startServerProcess({ serverName: undefined })
  const answers = { server_name: 'hearth.test', username: 'ana', password, federation: 'local' }
  const { user_id, access_token } = await setUp(server, answers)
  ana = makeUser(String(user_id), String(access_token))
  bo = await register('bo')
  kitchen = await ana.createRoom({ name: 'Kitchen', preset: 'private_chat', invite: [bo.userId] })
  await bo.call('POST', `/_matrix/client/v3/join/${encodeURIComponent(kitchen)}`, {})
})
afterAll(async () => {
  await browser?.close()
  await server?.[Symbol.asyncDispose]()
})
afterEach(async () => {
  const errors = people.flatMap((person) => person.errors)
  await Promise.all(people.splice(0).map(({ context }) => context.close()))
  expect(errors).toEqual([])
})

async function request(method: string, path: string, body?: unknown, token?: string) {
  const response = await fetch(server.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
  return answer
}

type User = ReturnType<typeof makeUser>

function makeUser(userId: string, token: string) {
  let sent = 0
  const call = (method: string, path: string, body?: unknown) => request(method, path, body, token)
  return {
    userId,
    call,
    createRoom: async (body: object) => String((await call('POST', '/_matrix/client/v3/createRoom', body)).room_id),
    say: (roomId: string, body: string) =>
      call('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/home${sent++}`, {
        msgtype: 'm.text',
        body,
      }),
  }
}

async function register(username: string): Promise<User> {
  const body = { username, password, auth: { type: 'm.login.dummy' } }
  const { user_id, access_token } = await request('POST', '/_matrix/client/v3/register', body)
  return makeUser(String(user_id), String(access_token))
}

async function at(path: string, username = 'ana', look = {}): Promise<Person> {
  const person = await openPage(browser, `${server.url}/#${path}`, look)
  people.push(person)
  await signIn(person, username)
  return person
}

const river = ({ page }: Person) => page.getByRole('listbox', { name: 'What happens' })
const option = (person: Person, text: string) => river(person).getByRole('option').filter({ hasText: text })

describe('Live', () => {
  test('shows an event in the moment it happens, and the server’s numbers', async () => {
    const person = await at('/home/live')
    await person.page.getByText('Database writes').waitFor()
    await river(person).waitFor()

    await bo.say(kitchen, 'the bread is in the oven')

    await option(person, 'the bread is in the oven').waitFor({ timeout: 2_000 })
    const row = await option(person, 'the bread is in the oven').textContent()
    expect(row).toContain('Kitchen')
    expect(row).toContain('bo')
    await person.page.getByRole('img', { name: /^Events in a minute, the last minute\. Now \d/ }).waitFor()
    await person.page.getByRole('img', { name: /^Memory, the last minutes\. Now: process \d+/ }).waitFor()
    await person.page.getByRole('button', { name: /^Kitchen/ }).waitFor()
    await person.page.getByRole('cell', { name: 'Server numbers' }).waitFor()
  })

  test('begins full: its numbers are those the server kept, of before the page was opened', async () => {
    const secret = await bo.createRoom({ name: 'Where Ana is not', preset: 'private_chat' })
    for (let index = 0; index < 40; index++) await bo.say(secret, `line ${index}`)
    await new Promise((resolve) => setTimeout(resolve, 1_500)) // the second in which they count has ended
    const person = await at('/home/live')
    const number = (label: string) =>
      person.page
        .locator('dl > div')
        .filter({ has: person.page.getByText(label, { exact: true }) })
        .locator('dd')
        .first()
        .textContent()
        .then((text) => Number(text?.replace(/\D/g, '')))
    const kept = async () => {
      const { fields, samples } = (await ana.call('GET', '/_hearth/admin/v1/metrics_history')) as {
        fields: string[]
        samples: number[][]
      }
      const column = (name: string) => samples.slice(-60).map((sample) => sample[fields.indexOf(name)] ?? 0)
      return {
        events: column('events_per_second').reduce((sum, each) => sum + each, 0),
        clients: column('connected_clients').at(-1)!,
        windows: column('live_channels').at(-1)!,
      }
    }

    await person.page.getByText('Events in a minute').waitFor()
    await expect.poll(() => number('Events in a minute'), { timeout: 3_000 }).toBeGreaterThanOrEqual(40)
    const second = await at('/home/live')
    await second.page.getByText('Events in a minute').waitFor()
    await expect.poll(async () => (await kept()).windows, { timeout: 5_000 }).toBeGreaterThanOrEqual(2)
    await expect
      .poll(async () => (await number('Connected clients')) === (await kept()).clients, { timeout: 5_000 })
      .toBe(true)
    expect(await number('Connected clients')).toBeGreaterThanOrEqual(2)
    await expect
      .poll(async () => Math.abs((await number('Events in a minute')) - (await kept()).events), { timeout: 5_000 })
      .toBeLessThanOrEqual(2)
    await bo.say(secret, 'one more')
    await person.page.getByText('Where Ana is not').waitFor()
    expect(await person.page.getByText(secret).count()).toBe(0)
  })

  test('tells who is typing', async () => {
    const person = await at('/home/live')
    await person.page.getByText('Nobody is typing.').waitFor()
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(kitchen)}/typing/${encodeURIComponent(bo.userId)}`

    await bo.call('PUT', path, { typing: true, timeout: 20_000 })

    const panel = person.page.getByRole('region', { name: 'Typing' })
    await panel.getByRole('listitem').filter({ hasText: 'Kitchen' }).waitFor()
    await bo.call('PUT', path, { typing: false })
    await panel.getByText('Nobody is typing.').waitFor()
  })

  test('holds the river while it is paused, says what came, and goes on from there', async () => {
    const person = await at('/home/live')
    await option(person, 'the bread').waitFor()

    await person.page.getByRole('button', { name: 'Pause' }).click()
    await bo.say(kitchen, 'now there is cake as well')
    await person.page.getByRole('button', { name: '1 new line' }).waitFor()
    expect(await option(person, 'now there is cake').count()).toBe(0)
    await person.page.getByRole('button', { name: '1 new line' }).click()

    await option(person, 'now there is cake').waitFor()
    expect(await person.page.getByRole('button', { name: 'Pause' }).getAttribute('aria-pressed')).toBe('false')
  })

  test('filters by word, kind and room', async () => {
    const person = await at('/home/live')
    await option(person, 'the bread').waitFor()

    await person.page.getByLabel('Filter lines').fill('CAKE')
    await option(person, 'now there is cake').waitFor()
    expect(await river(person).getByRole('option').count()).toBe(1)
    await person.page.getByLabel('Filter lines').fill('')
    await person.page.getByRole('button', { name: 'People', exact: true }).last().click()
    await option(person, 'joins').first().waitFor()
    expect(await option(person, 'the bread').count()).toBe(0)
    await person.page.getByRole('combobox', { name: 'Room' }).selectOption({ label: 'Notes' })

    await option(person, 'Notes').first().waitFor()
    expect(await option(person, 'Kitchen').count()).toBe(0)
  })

  test('opens a line’s room with the keyboard', async () => {
    const person = await at('/home/live')
    await option(person, 'now there is cake').waitFor()

    await river(person).focus()
    await person.page.keyboard.press('ArrowDown')
    await person.page.keyboard.press('Enter')

    await person.page.waitForURL((url) => url.hash.startsWith(`#/room/${encodeURIComponent(kitchen)}/`))
  })

  test('shows somebody who is no admin their own rooms, and no number of the server', async () => {
    const secret = await ana.createRoom({ name: 'Secret of Ana', preset: 'private_chat' })
    const person = await at('/home/health', 'bo') // whatever page is asked for
    await person.page.getByText('Numbers of the whole server are shown to those who run it.').waitFor()
    await river(person).waitFor()

    await ana.say(secret, 'nobody hears this')
    await ana.say(kitchen, 'hello Bo')

    await option(person, 'hello Bo').waitFor()
    expect(await person.page.getByText('Longest pause').count()).toBe(0)
    expect(await person.page.getByText('Database writes').count()).toBe(0)
    expect(await person.page.getByText(secret).count()).toBe(0)
    expect(await person.page.getByText('nobody hears this').count()).toBe(0)
    const table = person.page.getByRole('region', { name: 'Live subscriptions' })
    expect(await table.getByRole('columnheader', { name: 'Who' }).count()).toBe(0)
    expect(await person.page.getByRole('navigation', { name: 'Home pages' }).count()).toBe(0)
    expect(await person.page.getByText(/your server/i).count()).toBe(0)
  })

  test('comes back by itself after the server restarts', async () => {
    const own = await startServerProcess({ serverName: undefined })
    const port = Number(new URL(own.url).port)
    const answers = { server_name: 'back.test', username: 'ana', password, federation: 'local' }
    await setUp(own, answers)
    const person = await openPage(browser, `${own.url}/#/home/live`)
    people.push(person)
    await signIn(person, 'ana')
    const memory = () => person.page.getByRole('img', { name: /^Memory.* Now: process \d/ })
    await memory().waitFor()

    await own.kill()
    await person.page.getByText(/^Not connected: the numbers stand still/).waitFor({ timeout: 30_000 })
    const again = await startServerProcess({ dataDir: own.dataDir, serverName: undefined, port })
    const back = performance.now()
    await isLive(person.page, 40_000)
    expect(performance.now() - back).toBeLessThan(2_000)

    await person.page.getByText(/^Not connected/).waitFor({ state: 'detached', timeout: 20_000 })
    await memory().waitFor()
    await again[Symbol.asyncDispose]()
    await own[Symbol.asyncDispose]()
  }, 120_000)
})

describe('administration', () => {
  test('makes an account, makes it an admin and not, and deactivates it after its name was typed', async () => {
    const { page } = await at('/home/people')

    await page.getByRole('button', { name: 'New account' }).click()
    await page.getByLabel('User name').fill('cleo')
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByText('@cleo:hearth.test can sign in now.').waitFor()
    const shown = await page.getByRole('status', { name: 'Password for cleo' }).textContent()
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'cleo' }, password: shown }
    expect((await request('POST', '/_matrix/client/v3/login', login)).user_id).toBe('@cleo:hearth.test')
    await page.getByRole('button', { name: 'Done' }).click()

    await page.getByRole('button', { name: 'Make administrator' }).click()
    await page.getByText('cleo is an administrator now.').waitFor()
    await page.getByRole('button', { name: 'Take administrator rights away' }).click()
    await page.getByText('cleo is no administrator any more.').waitFor()

    await page.getByRole('button', { name: 'Deactivate account' }).click()
    const confirm = page.getByRole('dialog').getByRole('button', { name: 'Deactivate account' })
    expect(await confirm.isDisabled()).toBe(true)
    await page.getByLabel('Type cleo to confirm').fill('cleo')
    await confirm.click()
    await page.getByText('cleo is deactivated.').waitFor()
    await expect(request('POST', '/_matrix/client/v3/login', login)).rejects.toThrow('M_')
  })

  test('writes to everybody, who get it from the server and cannot decline it', async () => {
    const { page } = await at('/home/people')
    await page.getByRole('button', { name: 'Write to everybody' }).click()
    await page.getByLabel('What you have to say').fill('The server rests on Sunday at three.')
    expect(await seriousViolations(page)).toEqual([])
    await page.getByRole('button', { name: 'Send notice' }).click()
    await page.getByText(/\d+ people have your notice\./).waitFor()

    const { page: bos } = await at('/', 'bo')
    await bos.getByRole('button', { name: 'Server notices' }).click()
    const invitation = bos.getByRole('main').filter({ hasText: 'Hearth' })
    await bos.getByRole('button', { name: 'Join', exact: true }).last().click()
    await bos.getByText('The server rests on Sunday at three.').last().waitFor()
    await bos.getByText('You are not allowed to write in this room.').waitFor()
    expect(await invitation.getByRole('button', { name: 'Decline' }).count()).toBe(0)
  })

  test('does not overwrite an account when one of that name is to be made', async () => {
    const { page } = await at('/home/people')

    await page.getByRole('button', { name: 'New account' }).click()
    await page.getByLabel('User name').fill('bo')
    await page.getByRole('button', { name: 'Create account' }).click()

    await page.getByText('This user name is taken.').waitFor()
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'bo' }, password }
    expect((await request('POST', '/_matrix/client/v3/login', login)).user_id).toBe(bo.userId)
  })

  test('lists rooms with their members; those one is not in, too', async () => {
    await bo.createRoom({ name: 'Den of Bo', preset: 'private_chat' })
    const { page } = await at('/home/rooms')

    await page.getByLabel('Search rooms').fill('den')
    await page.getByRole('button', { name: 'Den of Bo' }).click()

    const panel = page.getByRole('complementary', { name: 'Den of Bo' })
    await panel.getByRole('button', { name: '@bo:hearth.test' }).waitFor()
    expect(await panel.getByRole('button', { name: 'Open in Chat' }).count()).toBe(0)
  })

  test('renames a session and logs another out with the right password only', async () => {
    await register('dora')
    const { page } = await at('/home/sessions', 'dora') // where they were before
    await page.waitForURL((url) => url.hash === '#/settings/security')
    const rows = page.getByRole('main').getByRole('listitem').filter({ hasText: 'Last seen' })
    await page.getByText('This session').waitFor()

    await page.getByRole('button', { name: 'Rename' }).first().click()
    await page.getByLabel('Name', { exact: true }).fill('Kitchen tablet')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await page.getByText('Kitchen tablet').waitFor()
    const before = await page.getByRole('button', { name: 'Log out', exact: true }).count()
    await page.getByRole('button', { name: 'Log out', exact: true }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Your password').fill('not it')
    await dialog.getByRole('button', { name: 'Log out' }).click()
    await dialog.getByText('That is not your password.').waitFor()
    await dialog.getByLabel('Your password').fill(password)
    await dialog.getByRole('button', { name: 'Log out' }).click()

    await page.getByText('One session is logged out.').waitFor()
    expect(await page.getByRole('button', { name: 'Log out', exact: true }).count()).toBe(before - 1)
    expect(await rows.count()).toBeGreaterThan(0)
  })

  test('says all is well in one line when it is', async () => {
    const { page } = await at('/home/health')

    await page.getByText('All is well.').waitFor()
    await page.getByText(server.dataDir).waitFor()
  })

  test('says what is not so of a server that was told to federate and that nobody elsewhere reaches', async () => {
    await using own = await startServerProcess({ serverName: undefined })
    await setUp(own, { server_name: 'alone.example', username: 'ana', password, federation: 'federated' })
    const person = await openPage(browser, `${own.url}/#/home/health`)
    people.push(person)
    await signIn(person, 'ana')
    const { page } = person

    await page.getByRole('heading', { name: 'People may not reach this server' }).waitFor()
    expect(await page.getByText('All is well.').count()).toBe(0)
    await page.getByRole('button', { name: 'Federation' }).click()
    await page.getByText(/nothing listens for them/).waitFor()
    await page.getByRole('button', { name: 'Reach' }).click()
    await page.getByText(/nothing listens for them/).waitFor()
    await page.getByText('Phones and other computers in your home do not reach it.').waitFor()
  })
})

describe('every page', () => {
  test.each([
    ['light', 1440],
    ['dark', 1440],
    ['light', 360],
    ['dark', 360],
  ] as const)('has nothing serious for axe and fits its width: %s, %d px', async (colorScheme, width) => {
    const { page } = await at('/home/live', 'ana', { colorScheme, width, height: 800 })
    const home = ['live', 'health', 'people', 'rooms', 'federation', 'reach', 'people/%40bo%3Ahearth.test']
    const settings = ['profile', 'security', 'look', 'computer', 'privacy']
    for (const name of [...home.map((each) => `home/${each}`), ...settings.map((each) => `settings/${each}`)]) {
      await page.evaluate((path) => {
        location.hash = `#/${path}`
      }, name)
      await page.getByRole('heading', { level: 1 }).waitFor({ state: 'attached' })
      await page.waitForTimeout(600) // what is loaded later
      expect(await seriousViolations(page), name).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(width)
    }
  })

  test('is in sight on a phone', async () => {
    const { page } = await at('/home/live', 'ana', { width: 360, height: 740 })
    const buttons = page.getByRole('navigation', { name: 'Home' }).getByRole('button')
    await buttons.first().waitFor()
    for (const button of await buttons.all()) {
      const box = (await button.boundingBox())!
      expect(box.x).toBeGreaterThanOrEqual(0)
      expect(box.x + box.width).toBeLessThanOrEqual(360)
    }
  })

  test('of Home, the charts load only when Live is opened', async () => {
    const person = await openPage(browser, `${server.url}/`)
    people.push(person)
    const loaded: string[] = []
    person.page.on('request', (asked) => loaded.push(asked.url()))
    await signIn(person, 'ana')
    await person.page.waitForTimeout(500)
    expect(loaded.filter((url) => /time-chart|live-page/.test(url))).toEqual([])

    await person.page.keyboard.press('Control+Shift+L')

    await person.page.getByText('What happens').waitFor()
    await expect.poll(() => loaded.some((url) => url.includes('time-chart'))).toBe(true)
  })
})
