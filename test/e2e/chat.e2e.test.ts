/** Two people chat in two browsers, on the built server. */
import type { Browser, Locator } from 'playwright'
import sharp from 'sharp'
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
  signUp,
  write,
} from '../support/chat-page.js'
import { MatrixClient } from '../support/matrix-client.js'
import { type ServerProcess, startServerProcess } from '../support/server-process.js'

let browser: Browser
let server: ServerProcess
const people: Person[] = []

beforeAll(async () => {
  browser = await openBrowser()
  server = await startServerProcess()
  await MatrixClient.register(server.url, 'keeper', password) // a server with an account asks no first questions
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

async function person(look = {}): Promise<Person> {
  const opened = await openPage(browser, `${server.url}/`, look)
  people.push(opened)
  return opened
}

const isInView = (line: Locator) =>
  line.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect()
    return top >= 0 && bottom <= window.innerHeight
  })

const text = (body: string) => ({ msgtype: 'm.text', body })

describe('two people', () => {
  test('sign up, make a room, invite, join and talk', async () => {
    const ana = await person()
    const bo = await person()
    await signUp(ana, 'ana')
    await signUp(bo, 'bo')

    await ana.page.getByRole('button', { name: 'New', exact: true }).click()
    await ana.page.getByRole('menuitem', { name: 'Create a room' }).click()
    await ana.page.getByLabel('Name', { exact: true }).fill('Kitchen')
    // Every test here signs in on new devices, which could not read what the earlier ones were given the keys to.
    await ana.page.getByRole('switch', { name: /Encrypt end to end/ }).click()
    await ana.page.getByRole('button', { name: 'Create room' }).click()
    await ana.page.getByRole('heading', { name: 'Kitchen', level: 1 }).waitFor()
    await ana.page.getByRole('button', { name: 'Invite people' }).click()
    await ana.page.getByLabel('Name or ID').fill('@bo:hearth.test')
    await ana.page.getByRole('button', { name: 'Invite', exact: true }).click()

    await bo.page.getByText('ana invites you').waitFor()
    await bo.page.getByRole('button', { name: 'Join', exact: true }).first().click()
    await composerOf(bo.page).waitFor()
    await write(ana.page, 'The kettle is on')
    await messageWith(bo.page, 'The kettle is on').waitFor()
    await write(bo.page, 'On my way')
    await messageWith(ana.page, 'On my way').waitFor()

    expect(await messageWith(ana.page, 'The kettle is on').count()).toBe(1)
    await expect.poll(() => roomRow(ana.page, 'Kitchen').textContent()).toContain('On my way')
  })

  test('see each other type, read, edit, react and delete', async () => {
    const ana = await person()
    const bo = await person()
    await signIn(ana, 'ana')
    await signIn(bo, 'bo')
    for (const { page } of [ana, bo]) await roomRow(page, 'Kitchen').click()

    await composerOf(bo.page).pressSequentially('thinki')
    await ana.page.getByText(/bo.? is typing$/).waitFor()
    await composerOf(bo.page).fill('')

    await write(ana.page, 'Tea or cofee?')
    await messageWith(bo.page, 'Tea or cofee?').waitFor()
    await ana.page.getByRole('img', { name: 'Seen by bo' }).waitFor()

    await composerOf(ana.page).press('ArrowUp')
    expect(await composerOf(ana.page).inputValue()).toBe('Tea or cofee?')
    await write(ana.page, 'Tea or **coffee**?')
    await bo.page.getByRole('button', { name: '(edited)' }).waitFor()
    expect(await bo.page.locator('strong', { hasText: 'coffee' }).count()).toBe(1)

    const question = bo.page.getByRole('article').filter({ hasText: 'Tea or coffee?' })
    await question.focus()
    await bo.page.keyboard.press('+')
    await bo.page.getByRole('button', { name: '🎉' }).click()
    await ana.page.getByRole('button', { name: /🎉/ }).waitFor()

    await ana.page.getByRole('article').filter({ hasText: 'Tea or coffee?' }).focus()
    await ana.page.keyboard.press('Delete')
    await ana.page.getByRole('button', { name: 'Delete message' }).click()
    await bo.page.getByText('Message deleted', { exact: true }).waitFor()
    // In the line of the room list too, which follows within a moment.
    await expect.poll(() => bo.page.getByText('coffee').count(), { timeout: 5_000 }).toBe(0)
  })

  test('reply, and the reply leads to what it answers', async () => {
    const ana = await person()
    await signIn(ana, 'ana')
    await roomRow(ana.page, 'Kitchen').click()
    await write(ana.page, 'Who has the key?')
    const question = messageWith(ana.page, 'Who has the key?')
    await question.waitFor()
    await ana.page.waitForFunction(() => document.querySelectorAll('article[data-event-id]').length > 2)

    await question.focus()
    await ana.page.keyboard.press('r')
    await ana.page.getByText('Reply to ana').waitFor()
    await write(ana.page, 'I do')
    await ana.page.getByRole('button', { name: /Who has the key/ }).click()

    await expect.poll(() => ana.page.evaluate(() => document.activeElement?.textContent)).toContain('Who has the key?')
  })
})

test('a link to a room joins nothing by itself: it asks', async () => {
  const eve = await MatrixClient.register(server.url, 'linker', password)
  await eve.createRoom({ name: 'Orchard', preset: 'public_chat', room_alias_name: 'linked' })
  const ana = await person()
  await signIn(ana, 'ana')
  await roomRow(ana.page, 'Kitchen').click()
  await write(ana.page, 'come to https://matrix.to/#/#linked:hearth.test')

  await ana.page.getByRole('link', { name: 'https://matrix.to/#/#linked:hearth.test', exact: true }).click()
  await ana.page.getByRole('heading', { name: '#linked:hearth.test' }).waitFor()
  expect(await roomRow(ana.page, 'Orchard').count()).toBe(0)

  await ana.page.getByRole('button', { name: 'Join', exact: true }).click()
  await ana.page.getByRole('heading', { name: 'Orchard', level: 1 }).waitFor()
})

describe('the timeline', () => {
  test('shows the end, reads back to the beginning, and never jumps', async () => {
    const eve = await MatrixClient.register(server.url, 'eve', password)
    const roomId = await eve.createRoom({ name: 'Long', preset: 'public_chat', room_alias_name: 'long' })
    for (let index = 1; index <= 160; index++)
      await eve.send(roomId, text(`line ${index}${index % 7 === 0 ? `\n${'and more '.repeat(index % 40)}` : ''}`))
    const ana = await person()
    await signIn(ana, 'ana')
    await ana.page.goto(`${server.url}/#/room/${encodeURIComponent(roomId)}`)
    await ana.page.getByRole('button', { name: 'Join', exact: true }).click()
    await messageWith(ana.page, 'line 160').waitFor()

    const moves: number[] = []
    for (let round = 0; round < 60; round++) {
      if (await ana.page.getByText('This is the beginning of Long.').isVisible()) break
      moves.push(await ana.page.evaluate(scrollUpAndMeasure))
    }

    expect(await ana.page.getByText('This is the beginning of Long.').isVisible()).toBe(true)
    expect(Math.max(...moves)).toBeLessThanOrEqual(1)
  })

  test('stays where it is while others write, and says how much is new', async () => {
    const roomId = await roomIdOf('long')
    const eve = await MatrixClient.login(server.url, 'eve', password)
    const ana = await person()
    await signIn(ana, 'ana')
    await roomRow(ana.page, 'Long').click()
    await messageWith(ana.page, 'line 160').waitFor()
    await ana.page.mouse.move(800, 400)
    await ana.page.mouse.wheel(0, -900)
    await ana.page.getByRole('button', { name: 'Jump to latest' }).waitFor()
    const before = await restingPlace(ana.page)

    await eve.send(roomId, text('one more'))
    await eve.send(roomId, text('and another'))
    await ana.page.getByRole('button', { name: '2 new messages' }).waitFor()

    expect(await topMessage(ana.page)).toEqual(before)
    await ana.page.getByRole('button', { name: '2 new messages' }).click()
    await messageWith(ana.page, 'and another').waitFor()
    await expect.poll(() => messageWith(ana.page, 'and another').isVisible()).toBe(true)
  })

  test('a picture goes up, has its place before it is there, and opens', async () => {
    const ana = await person()
    await signIn(ana, 'ana')
    await roomRow(ana.page, 'Kitchen').click()
    const picture = await sharp({ create: { width: 900, height: 600, channels: 3, background: '#7a9' } })
      .jpeg()
      .toBuffer()

    await ana.page
      .locator('input[type=file]')
      .setInputFiles({ name: 'beds.jpg', mimeType: 'image/jpeg', buffer: picture })
    await ana.page.getByText('beds.jpg').waitFor()
    await ana.page.getByRole('button', { name: 'Send' }).click()
    const shown = ana.page.getByRole('button', { name: 'Open picture: beds.jpg' })
    await shown.locator('img').waitFor()

    const box = await shown.boundingBox()
    expect(Math.round(box!.width / (box!.height / 600))).toBeCloseTo(900, -1)
    await shown.click()
    await ana.page.getByRole('dialog', { name: 'beds.jpg' }).locator('img').waitFor()
    await ana.page.keyboard.press('Escape')
    await expect.poll(() => ana.page.getByRole('dialog').count()).toBe(0)
  })

  test('a room with a picture opens at its end, on a small screen too', async () => {
    const writer = await MatrixClient.login(server.url, 'ana', password)
    const roomId = await writer.createRoom({ name: 'Pictures' })
    const picture = await sharp({ create: { width: 800, height: 600, channels: 3, background: 'teal' } })
      .png()
      .toBuffer()
    const upload = await fetch(`${server.url}/_matrix/media/v3/upload?filename=teal.png`, {
      method: 'POST',
      headers: { authorization: `Bearer ${writer.accessToken}`, 'content-type': 'image/png' },
      body: new Uint8Array(picture),
    })
    const { content_uri: url } = (await upload.json()) as { content_uri: string }
    for (let i = 0; i < 12; i++) await writer.send(roomId, text(`before ${i}`))
    await writer.send(roomId, { msgtype: 'm.image', body: 'teal.png', url, info: { w: 800, h: 600 } })
    await writer.send(roomId, text('below the picture'))

    const ana = await person({ width: 360, height: 640 })
    await signIn(ana, 'ana')
    await roomRow(ana.page, 'Pictures').click()
    await ana.page.getByRole('img', { name: 'teal.png' }).waitFor()

    await expect.poll(() => isInView(messageWith(ana.page, 'below the picture'))).toBe(true)
    expect(await ana.page.getByRole('button', { name: 'Jump to latest' }).count()).toBe(0)
  })
})

describe('with the mouse', () => {
  test('a reaction is chosen at a short message: from the few, and any other by its name', async () => {
    const ana = await person()
    await signIn(ana, 'ana')
    await roomRow(ana.page, 'Kitchen').click()
    await write(ana.page, 'ok')
    const message = messageWith(ana.page, 'ok')
    const react = message.getByRole('button', { name: 'React', exact: true })

    // Once it is sent; until it lies still it may be gone from under the pointer again.
    await expect.poll(() => message.hover().then(() => react.count())).toBe(1)
    await react.click()
    const party = ana.page.getByRole('dialog', { name: 'React' }).getByRole('button', { name: '🎉' })
    await ana.page.mouse.move(5, 5, { steps: 8 }) // away from the message and back, as a hand does
    await party.click()
    await message.getByRole('button', { name: /🎉/ }).waitFor()

    await message.hover()
    await message.getByRole('button', { name: 'React', exact: true }).click()
    await ana.page.getByLabel('Find an emoji').fill('unic')
    await ana.page.keyboard.press('Enter')
    await message.getByRole('button', { name: /🦄/ }).waitFor()
    expect(await ana.page.getByRole('dialog').count()).toBe(0)
  })

  test('all reactions of a message can be seen', async () => {
    const bo = await MatrixClient.login(server.url, 'bo', password)
    const ana = await person()
    await signIn(ana, 'ana')
    await roomRow(ana.page, 'Kitchen').click()
    await write(ana.page, 'react as you like')
    await messageWith(ana.page, 'react as you like').waitFor()
    const roomId = await ana.page.evaluate(() => decodeURIComponent(location.hash.split('/').at(-1)!))
    const inRoom = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}`
    const find = async () => {
      const { chunk } = await bo.call('GET', `${inRoom}/messages?dir=b&limit=5`)
      const events = chunk as { event_id: string; content: { body?: string } }[]
      return events.find(({ content }) => content.body === 'react as you like')
    }
    await expect.poll(find).toBeDefined() // what is shown may be on its way still
    const target = (await find())!
    for (let n = 0; n < 26; n++)
      await bo.call('PUT', `${inRoom}/send/m.reaction/many${n}`, {
        'm.relates_to': { rel_type: 'm.annotation', event_id: target.event_id, key: `r${n}` },
      })

    const message = messageWith(ana.page, 'react as you like')
    await message.getByRole('button', { name: '+2 more' }).click()

    expect(await message.getByRole('button', { name: /reacted with r\d+$/ }).count()).toBe(26)
  })
})

describe('two accounts of one browser', () => {
  test('what one has written and not sent is not there for the next', async () => {
    const someone = await person()
    await signIn(someone, 'ana')
    await roomRow(someone.page, 'Kitchen').click()
    await someone.page.route('**/send/m.room.message/**', (sending) => sending.abort())
    await write(someone.page, 'a secret on its way')
    await someone.page.getByText('Waits until the server answers').waitFor()
    await composerOf(someone.page).fill('a secret half written')
    await expect.poll(() => someone.page.evaluate(() => JSON.stringify({ ...localStorage }))).toContain('half written')
    await someone.page.getByRole('button', { name: 'Your account' }).click()
    await someone.page.getByRole('menuitem', { name: 'Sign out' }).click()
    await someone.page.getByLabel('User name').waitFor()
    const kept = () =>
      someone.page.evaluate(async () =>
        JSON.stringify([
          { ...localStorage },
          { ...sessionStorage },
          await indexedDB.databases(),
          'caches' in window ? await caches.keys() : [],
        ]),
      )
    expect(await kept()).not.toContain('secret')
    await expect.poll(kept, { timeout: 10_000 }).not.toContain('@ana')
    await someone.page.unroute('**/send/m.room.message/**')
    await signIn(someone, 'bo')

    expect(someone.page.url()).not.toContain('!')
    await roomRow(someone.page, 'Kitchen').click()
    expect(await composerOf(someone.page).inputValue()).toBe('')
    expect(await messageWith(someone.page, 'a secret on its way').count()).toBe(0)
  })
})

describe('the connection', () => {
  test('a message written while the server is away is sent when it is back, and what was missed is there', async () => {
    const ana = await person()
    await signIn(ana, 'ana')
    await roomRow(ana.page, 'Kitchen').click()
    await composerOf(ana.page).waitFor()
    await ana.page.getByRole('article').first().waitFor() // the room is there, not only its frame
    const { dataDir, url } = server
    await server.kill()
    await ana.page.locator('[data-state="offline"]').waitFor()

    await write(ana.page, 'written in the dark')
    await ana.page.getByText('Waits until the server answers').waitFor()
    server = await startServerProcess({ dataDir, port: Number(new URL(url).port) })
    const bo = await MatrixClient.login(server.url, 'bo', password)
    const roomId = await ana.page.evaluate(() => decodeURIComponent(location.hash.split('/').at(-1)!))
    await bo.send(roomId, text('welcome back'))
    await isLive(ana.page, 30_000)

    await messageWith(ana.page, 'welcome back').waitFor()
    await expect.poll(() => ana.page.getByText('Waits until the server answers').count(), { timeout: 15_000 }).toBe(0)
    expect(await messageWith(ana.page, 'written in the dark').count()).toBe(1)
  })

  test('signing out ends here; a login that the server ended says so', async () => {
    const ana = await person()
    await signIn(ana, 'ana')
    await ana.page.getByRole('button', { name: 'Your account' }).click()
    await ana.page.getByRole('menuitem', { name: 'Sign out' }).click()
    await ana.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()

    await signIn(ana, 'ana')
    const other = await MatrixClient.login(server.url, 'ana', password)
    await other.call('POST', '/_matrix/client/v3/logout/all', {})

    await ana.page.getByText('You were signed out').waitFor()
  })
})

describe('how it looks', () => {
  test.each([
    { width: 360, height: 740, colorScheme: 'light' },
    { width: 360, height: 740, colorScheme: 'dark' },
    { width: 1440, height: 900, colorScheme: 'light' },
    { width: 1440, height: 900, colorScheme: 'dark' },
  ])('axe finds nothing serious and nothing is wider than the window: $width $colorScheme', async (look) => {
    const ana = await person(look)
    expect(await seriousViolations(ana.page)).toEqual([])
    await signIn(ana, 'ana')
    await roomRow(ana.page, 'Kitchen').first().click()
    await composerOf(ana.page).waitFor()
    expect(await seriousViolations(ana.page)).toEqual([])

    await ana.page.getByRole('button', { name: 'Room details and members' }).click()
    await ana.page.getByText('Owners').waitFor()
    expect(await seriousViolations(ana.page)).toEqual([])

    expect(await ana.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(look.width)
  })

  test('one column on a phone, with a way back', async () => {
    const ana = await person({ width: 360, height: 740 })
    await signIn(ana, 'ana')
    await roomRow(ana.page, 'Kitchen').click()
    await composerOf(ana.page).waitFor()
    expect(await roomRow(ana.page, 'Kitchen').isVisible()).toBe(false)

    await ana.page.getByRole('button', { name: 'Back to the list' }).click()

    await roomRow(ana.page, 'Kitchen').waitFor()
    expect(await composerOf(ana.page).count()).toBe(0)
  })

  test('German is complete on the screen', async () => {
    const ana = await person()
    await signIn(ana, 'ana')
    await ana.page.goto(`${server.url}/#/settings/look`)
    await ana.page.getByLabel('Language').selectOption('de')

    await ana.page.getByRole('heading', { name: 'Einstellungen' }).waitFor()
    await isLive(ana.page)
    await ana.page.getByRole('button', { name: 'Chat', exact: true }).click()
    await ana.page.getByRole('button', { name: 'Neu', exact: true }).waitFor()
  })
})

async function roomIdOf(alias: string): Promise<string> {
  const path = `/_matrix/client/v3/directory/room/${encodeURIComponent(`#${alias}:hearth.test`)}`
  return ((await (await fetch(server.url + path)).json()) as { room_id: string }).room_id
}

/** Where the timeline comes to rest: the wheel scrolls on for a moment. */
async function restingPlace(page: Person['page']) {
  for (let before = await topMessage(page); ; ) {
    await page.waitForTimeout(300)
    const now = await topMessage(page)
    if (now.text === before.text && now.offset === before.offset) return now
    before = now
  }
}

/** The message at the upper edge of the timeline, and how far it is from there. */
const topMessage = (page: Person['page']) =>
  page.evaluate(() => {
    const edge = document.querySelector('section[aria-label^="Messages in"]')!.getBoundingClientRect().top
    const articles = [...document.querySelectorAll('section[aria-label^="Messages in"] article')]
    const top = articles.find((article) => article.getBoundingClientRect().bottom > edge + 1)!
    return { text: top.textContent, offset: Math.round(top.getBoundingClientRect().top - edge) }
  })

/**
 * Runs in the page: scrolls up by 300 px and watches one message for half a second, during which
 * older ones come in above it.
 *
 * @returns by how many pixels it moved that nobody scrolled
 */
async function scrollUpAndMeasure(): Promise<number> {
  const region = document.querySelector('section[aria-label^="Messages in"]')!
  const scroller = region.firstElementChild!
  scroller.scrollBy(0, -300)
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
  const middle = region.getBoundingClientRect().top + region.clientHeight / 2
  const watched = [...region.querySelectorAll<HTMLElement>('article')].find(
    (article) => article.getBoundingClientRect().bottom > middle,
  )!
  const key = watched.dataset.key!
  const before = watched.getBoundingClientRect().top
  let worst = 0
  const until = performance.now() + 500
  while (performance.now() < until) {
    await new Promise((resolve) => requestAnimationFrame(resolve))
    const now = region.querySelector(`[data-key="${CSS.escape(key)}"]`)
    worst = Math.max(worst, now ? Math.abs(now.getBoundingClientRect().top - before) : 9_999)
  }
  return worst
}
