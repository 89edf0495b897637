/**
 * History that came while the server was away, as a person meets it: two servers over TLS, one down while more
 * messages are sent on the other than that one keeps for it.
 */
import type { Browser, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { isLive, openBrowser, openPage, type Person, password, roomRow, signIn } from '../support/chat-page.js'
import { type FederatedProcesses, startFederatedProcesses } from '../support/federated-processes.js'
import { MatrixClient } from '../support/matrix-client.js'

/** More than a server keeps for one that is away. */
const missed = 1_200
let browser: Browser
let federated: FederatedProcesses
let ana: MatrixClient
let bo: MatrixClient
const people: Person[] = []

beforeAll(async () => {
  browser = await openBrowser()
  federated = await startFederatedProcesses(2)
  const [here, there] = federated.servers
  ana = await MatrixClient.register(there!.url, 'ana', password)
  bo = await MatrixClient.register(here!.url, 'bo', password)
})
afterAll(async () => {
  await browser?.close()
  await federated?.[Symbol.asyncDispose]()
})
afterEach(async () => {
  const errors = people.flatMap((person) => person.errors)
  await Promise.all(people.splice(0).map(({ context }) => context.close()))
  expect(errors).toEqual([])
})

const say = (client: MatrixClient, roomId: string, body: string) => client.send(roomId, { msgtype: 'm.text', body })
const bodies = async (client: MatrixClient, roomId: string) => {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=5`
  const { chunk } = (await client.call('GET', path)) as { chunk: { content: { body?: string } }[] }
  return chunk.map(({ content }) => content.body)
}

/** A room of both in which `missed` messages were sent while Bo's server was down. Bo has read the one before. */
async function roomWithHole(name: string): Promise<string> {
  const roomId = await ana.createRoom({ name, preset: 'public_chat' })
  const [here, there] = federated.servers
  await bo.call('POST', `/_matrix/client/v3/join/${encodeURIComponent(roomId)}?via=${there!.serverName}`, {})
  const last = await say(ana, roomId, 'said before')
  await expect.poll(() => bodies(bo, roomId), { timeout: 20_000 }).toContain('said before')
  await bo.call('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${last}`, {})

  await here!.stop()
  for (let n = 1; n <= missed; n++) await say(ana, roomId, `missed ${n}`)
  await federated.restart(0)
  bo = bo.at(federated.servers[0]!.url) // a restarted server has another address
  await say(bo, roomId, 'back again')
  await expect.poll(() => bodies(bo, roomId), { timeout: 30_000 }).toContain(`missed ${missed}`)
  return roomId
}

async function bosPage(): Promise<Page> {
  const opened = await openPage(browser, `${federated.servers[0]!.url}/`)
  people.push(opened)
  await signIn(opened, 'bo')
  return opened.page
}

const region = (page: Page) => page.getByRole('region', { name: /^Messages in/ })
const seenIn = (page: Page) =>
  region(page)
    .getByRole('article')
    .evaluateAll((all) => all.map((each) => Number(/missed (\d+)/.exec(each.textContent ?? '')?.[1] ?? 0)))
const hover = async (page: Page) => {
  const box = (await region(page).boundingBox())!
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
}

const missing = 'Messages are missing here. The servers that have them do not answer.'
test('a hole is shown where the unread begin; coming from the end it is filled by scrolling up, to the last message', {
  timeout: 240_000,
}, async () => {
  await roomWithHole('Harbour')
  const page = await bosPage()
  let release: () => void = () => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  await page.route('**/messages?*', async (route) => {
    await released
    await route.continue()
  })
  await roomRow(page, 'Harbour').click()

  await page.getByText('said before', { exact: true }).waitFor()
  await page.getByText('Missing messages are being fetched from other servers').waitFor()
  await page.getByRole('button', { name: /new messages$/ }).click()
  await page.getByText(`missed ${missed}`, { exact: true }).waitFor()
  await page.waitForTimeout(300)

  await hover(page)
  const up = new Set<number>(await seenIn(page))
  let wasTold = false
  for (let round = 0; round < 900 && !up.has(1); round++) {
    await page.mouse.wheel(0, -700)
    await page.waitForTimeout(60)
    if (await page.getByText('Older messages are being fetched from other servers').isVisible()) {
      wasTold = true
      release()
    }
    // On a busy machine the other server may not answer in time: then a person asks again.
    const again = page.getByRole('button', { name: 'Try again' })
    if ((await again.count()) > 0) await again.click({ timeout: 1_000 }).catch(() => undefined)
    for (const n of await seenIn(page)) up.add(n)
  }
  expect(wasTold).toBe(true)
  await page.waitForTimeout(300)
  const seen = new Set<number>(await seenIn(page))
  const numbers = Array.from({ length: missed }, (_, i) => i + 1)
  // The newest are in the document wherever one reads, so they do not say how far one has come.
  for (let round = 0; round < 400 && !numbers.every((n) => seen.has(n)); round++) {
    await page.mouse.wheel(0, 900)
    await page.waitForTimeout(60)
    for (const n of await seenIn(page)) seen.add(n)
  }
  expect(numbers.filter((n) => !seen.has(n))).toEqual([])
  expect(await page.getByText(/are missing here|being fetched/).count()).toBe(0)
})

test('a hole that nobody can fill is said to be one; trying again fills all of it once the other server is back', {
  timeout: 240_000,
}, async () => {
  const roomId = await roomWithHole('Island')
  await federated.servers[1]!.stop()
  const page = await bosPage()
  await roomRow(page, 'Island').click()

  await page.getByText(missing).waitFor({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText(missing).waitFor({ timeout: 60_000 })
  expect(await page.getByText('missed 1', { exact: true }).count()).toBe(0)

  await federated.restart(1)
  ana = ana.at(federated.servers[1]!.url)
  await say(ana, roomId, 'here again')
  await expect.poll(() => bodies(bo, roomId), { timeout: 60_000 }).toContain('here again')
  await isLive(page)
  // Every page is asked for as it comes into view; a person asks again where one was late.
  for (let round = 0; round < 60 && (await page.getByText('missed 1', { exact: true }).count()) === 0; round++) {
    const again = page.getByRole('button', { name: 'Try again' })
    if ((await again.count()) > 0) await again.click({ timeout: 1_000 }).catch(() => undefined)
    await page.waitForTimeout(1_500)
  }
  await page.getByText('missed 1', { exact: true }).waitFor()
  expect(await page.getByText(/are missing here|being fetched/).count()).toBe(0)
})
