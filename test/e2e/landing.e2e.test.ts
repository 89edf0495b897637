/** Entering a room: at the first unread message, at the event of a link, where it was left; with mouse and keyboard. */
import type { Locator, Page } from 'playwright'
import { beforeAll, describe, expect, test } from 'vitest'
import { chatBrowser } from '../support/chat-browser.js'
import { composerOf, messageWith, roomRow, write } from '../support/chat-page.js'
import type { MatrixClient } from '../support/matrix-client.js'

const chat = chatBrowser()
let eve: MatrixClient
let ana: MatrixClient

beforeAll(async () => {
  eve = await chat.register('eve')
  ana = await chat.register('ana')
})

const anasPage = () => chat.pageOf('ana')

const body = (n: number) => `line ${n}${n % 9 === 0 ? `\n${'and more '.repeat((n % 5) * 12)}` : ''}`
async function say(roomId: string, from: number, to: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = from; n <= to; n++) ids.push(await eve.send(roomId, { msgtype: 'm.text', body: body(n) }))
  return ids
}

/** A room with both in it, and its first messages read by Ana. */
async function roomOf(name: string, read: number): Promise<{ roomId: string; ids: string[] }> {
  const roomId = await eve.createRoom({ name, preset: 'public_chat' })
  await ana.join(roomId)
  const ids = await say(roomId, 1, read)
  await ana.call('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${ids.at(-1)}`, {})
  return { roomId, ids }
}

const region = (page: Page) => page.getByRole('region', { name: /^Messages in/ })
const newLine = (page: Page) => page.getByRole('heading', { name: 'New messages' })
const line = (page: Page, n: number) =>
  region(page)
    .getByRole('article')
    .filter({ hasText: new RegExp(`line ${n}(?!\\d)`) })
/** How far below the upper edge of the timeline something is. */
async function below(page: Page, what: Locator): Promise<number> {
  const [edge, box] = [await region(page).boundingBox(), await what.boundingBox()]
  return Math.round((box?.y ?? -9_999) - (edge?.y ?? 0))
}
const isShown = async (page: Page, what: Locator) => {
  if ((await what.count()) === 0) return false
  const [edge, box] = [await region(page).boundingBox(), await what.boundingBox()]
  return !!edge && !!box && box.y >= edge.y - 1 && box.y + box.height <= edge.y + edge.height + 1
}
/** Numbers of the lines that are in the document, in order. */
const lines = (page: Page) =>
  region(page)
    .getByRole('article')
    .evaluateAll((all) => all.map((each) => Number(/line (\d+)/.exec(each.textContent ?? '')?.[1] ?? 0)))
const unreadOf = async (page: Page, name: string) => {
  const label = roomRow(page, name).getByText(/unread messages?$/)
  return (await label.count()) === 0 ? 0 : Number.parseInt((await label.textContent()) ?? '', 10)
}
const hoverTimeline = async (page: Page) => {
  const box = (await region(page).boundingBox())!
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
}

describe('a room with unread messages', () => {
  test('few: all of them are in view below their line, and are read', async () => {
    const { roomId } = await roomOf('Few', 40)
    await say(roomId, 41, 43)
    const page = await anasPage()
    await roomRow(page, 'Few').click()

    await newLine(page).waitFor()
    for (const n of [41, 43]) expect(await isShown(page, line(page, n))).toBe(true)
    expect(await page.getByRole('button', { name: /Jump to latest|new messages?$/ }).count()).toBe(0)
    await expect
      .poll(() =>
        roomRow(page, 'Few')
          .getByLabel(/unread/)
          .count(),
      )
      .toBe(0)
  })

  test('in a room that fits into the window: they are in view, and are read', async () => {
    const { roomId } = await roomOf('Tiny', 2)
    await say(roomId, 3, 4)
    const page = await anasPage()
    await roomRow(page, 'Tiny').click()
    await newLine(page).waitFor()
    await page.getByText('This is the beginning of Tiny.').waitFor()
    await expect.poll(() => unreadOf(page, 'Tiny')).toBe(0)
    expect(await page.getByRole('button', { name: /Jump to latest|new messages?$/ }).count()).toBe(0)
  })

  test.each([60, 420])(
    '%i: it opens at the first of them, and a button says how many and leads to the last',
    async (count) => {
      const name = `Many ${count}`
      const { roomId } = await roomOf(name, 40)
      await say(roomId, 41, 40 + count)
      const page = await anasPage()
      await roomRow(page, name).click()

      await newLine(page).waitFor()
      await expect.poll(() => below(page, newLine(page))).toBeGreaterThan(20)
      await page.waitForTimeout(1_600) // nothing moves once it is there, and nothing is told to be read
      expect(await below(page, newLine(page))).toBeLessThan(140)
      expect(await isShown(page, line(page, 41))).toBe(true)
      expect(await isShown(page, line(page, 40))).toBe(true)
      expect(await unreadOf(page, name)).toBe(count)

      await page.getByRole('button', { name: `${count} new messages` }).click()
      await expect.poll(() => isShown(page, line(page, 40 + count))).toBe(true)
      await expect
        .poll(() =>
          roomRow(page, name)
            .getByLabel(/unread/)
            .count(),
        )
        .toBe(0)
      expect(await page.getByRole('button', { name: 'Jump to latest' }).count()).toBe(0)
    },
  )

  test('is read with the wheel from the first to the last, none left out and nothing jumping', async () => {
    const { roomId } = await roomOf('Wheel', 40)
    await say(roomId, 41, 360)
    const page = await anasPage()
    await roomRow(page, 'Wheel').click()
    await newLine(page).waitFor()
    await hoverTimeline(page)

    const seen = new Set<number>(await lines(page))
    const moves: number[] = []
    for (let round = 0; round < 120 && !(await isShown(page, line(page, 360))); round++) {
      await page.mouse.wheel(0, 400)
      await page.waitForTimeout(120)
      moves.push(await page.evaluate(watchMiddle))
      for (const n of await lines(page)) seen.add(n)
    }
    expect(await isShown(page, line(page, 360))).toBe(true)
    expect(Array.from({ length: 320 }, (_, i) => 41 + i).filter((n) => !seen.has(n))).toEqual([])
    expect(Math.max(...moves)).toBeLessThanOrEqual(1)
    await expect
      .poll(() =>
        roomRow(page, 'Wheel')
          .getByLabel(/unread/)
          .count(),
      )
      .toBe(0)
  })

  test('is marked read by Escape from wherever one reads', async () => {
    const { roomId } = await roomOf('Escape', 40)
    await say(roomId, 41, 400)
    const page = await anasPage()
    await roomRow(page, 'Escape').click()
    await newLine(page).waitFor()
    await page.keyboard.press('Escape')
    await expect
      .poll(() =>
        roomRow(page, 'Escape')
          .getByLabel(/unread/)
          .count(),
      )
      .toBe(0)
    expect(await isShown(page, line(page, 41))).toBe(true)
  })
})

describe('a link to a message', () => {
  test('that is not loaded leads to it, from the room itself and from an address; reading goes on both ways', async () => {
    const { roomId, ids } = await roomOf('Links', 400)
    const page = await anasPage()
    await roomRow(page, 'Links').click()
    await line(page, 400).waitFor()
    await write(page, `look at https://matrix.to/#/${roomId}/${ids[99]}?via=hearth.test`)
    await region(page)
      .getByRole('link', { name: /matrix\.to/ })
      .click()

    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toMatch(/line 100(?!\d)/)
    expect(await isShown(page, line(page, 100))).toBe(true)
    await hoverTimeline(page)
    for (let round = 0; round < 8; round++) await page.mouse.wheel(0, -700)
    await expect.poll(async () => Math.min(...(await lines(page)).filter(Boolean))).toBeLessThan(60)
    for (let round = 0; round < 10; round++) {
      await page.mouse.wheel(0, 500)
      await page.waitForTimeout(60)
    }
    await expect.poll(async () => Math.max(...(await lines(page)))).toBeGreaterThan(110)

    await page.getByRole('button', { name: 'Jump to latest' }).click()
    await expect.poll(() => isShown(page, region(page).getByRole('link', { name: /matrix\.to/ }))).toBe(true)
    await region(page)
      .getByRole('link', { name: /matrix\.to/ })
      .click() // the same link again
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toMatch(/line 100(?!\d)/)

    await page.goto(`${chat.server.url}/#/room/${encodeURIComponent(roomId)}/${encodeURIComponent(ids[199]!)}`)
    await page.reload()
    await line(page, 200).waitFor()
    await expect.poll(() => isShown(page, line(page, 200))).toBe(true)
  })

  test('that is nowhere says so and shows the room', async () => {
    const { roomId } = await roomOf('Nowhere', 30)
    const page = await anasPage()
    await page.goto(`${chat.server.url}/#/room/${encodeURIComponent(roomId)}/${encodeURIComponent('$nothing')}`)
    await page.getByText('This message is not here, or you may not see it.').waitFor()
    await expect.poll(() => isShown(page, line(page, 30))).toBe(true)
  })

  test('a person or a room leads to the page that asks', async () => {
    const page = await anasPage()
    await roomRow(page, 'Links').click()
    await composerOf(page).waitFor()
    await write(page, 'ask https://matrix.to/#/@eve:hearth.test')
    await page.getByRole('link', { name: 'https://matrix.to/#/@eve:hearth.test', exact: true }).click()
    await page.getByRole('button', { name: 'Message', exact: true }).waitFor()
    expect(await page.getByRole('heading', { name: '@eve:hearth.test' }).count()).toBe(1)
  })

  test('an answer leads to what it answers, however far back that is', async () => {
    const { roomId, ids } = await roomOf('Answers', 300)
    await eve.send(roomId, {
      msgtype: 'm.text',
      body: 'an answer',
      'm.relates_to': { 'm.in_reply_to': { event_id: ids[9] } },
    })
    const page = await anasPage()
    await roomRow(page, 'Answers').click()
    await messageWith(page, 'an answer')
      .getByRole('button', { name: /line 10/ })
      .click()
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toMatch(/line 10(?!\d)/)
  })
})

test('the place in a room is kept over another room and over a reload', async () => {
  const { roomId } = await roomOf('Kept', 420)
  const page = await anasPage()
  await roomRow(page, 'Kept').click()
  await line(page, 420).waitFor()
  await hoverTimeline(page)
  for (let round = 0; round < 14; round++) {
    await page.mouse.wheel(0, -600)
    await page.waitForTimeout(80)
  }
  const top = () =>
    region(page)
      .getByRole('article')
      .evaluateAll((all) => {
        const edge = document.querySelector('section[aria-label^="Messages in"]')!.getBoundingClientRect().top
        const first = all.find((each) => each.getBoundingClientRect().bottom > edge + 1)!
        return `${/line \d+/.exec(first.textContent ?? '')?.[0]} at ${Math.round(first.getBoundingClientRect().top - edge)}`
      })
  await page.waitForTimeout(800)
  const before = await top()
  expect(before).not.toContain('line 4')

  await roomRow(page, 'Few').click()
  await page.getByRole('heading', { name: 'Few', level: 1 }).waitFor()
  await roomRow(page, 'Kept').click()
  await expect.poll(top).toBe(before)

  await page.reload()
  await line(page, Number(/\d+/.exec(before)![0])).waitFor()
  await expect.poll(top).toBe(before)
  expect(page.url()).toContain(encodeURIComponent(roomId))
})

/** Runs in the page: by how many pixels the message in the middle moves while nobody scrolls. */
async function watchMiddle(): Promise<number> {
  const place = document.querySelector('section[aria-label^="Messages in"]')!
  const middle = place.getBoundingClientRect().top + place.clientHeight / 2
  const watched = [...place.querySelectorAll<HTMLElement>('article')].find(
    (article) => article.getBoundingClientRect().bottom > middle,
  )
  if (!watched) return 0
  const before = watched.getBoundingClientRect().top
  let worst = 0
  const until = performance.now() + 150
  while (performance.now() < until) {
    await new Promise((resolve) => requestAnimationFrame(resolve))
    if (watched.isConnected) worst = Math.max(worst, Math.abs(watched.getBoundingClientRect().top - before))
  }
  return worst
}
