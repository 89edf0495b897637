/** What somebody new stumbles over: spaces, conversations of one, joins that fail, odd names, odd pictures, odd events. */
import type { Page } from 'playwright'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { chatBrowser, type Look } from '../support/chat-browser.js'
import { composerOf, messageWith, password, roomRow, seriousViolations, signIn, write } from '../support/chat-page.js'
import { type Json, MatrixClient } from '../support/matrix-client.js'
import { startServerProcess } from '../support/server-process.js'

const chat = chatBrowser()
let ana: MatrixClient
let bo: MatrixClient

beforeAll(async () => {
  ana = await chat.register('ana')
  bo = await chat.register('bo')
})

const pageOf = (name = 'ana', look?: Look) => chat.pageOf(name, look)
const at = (roomId: string, rest: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${rest}`
const inviteTo = (roomId: string, by: MatrixClient, userId: string) =>
  by.call('POST', at(roomId, 'invite'), { user_id: userId })
const dialog = (page: Page) => page.getByRole('dialog')

describe('a space', () => {
  test('one is invited to opens as a space, with its rooms to join, and is a filter of the list', async () => {
    const orchard = await bo.createRoom({ name: 'Orchard', preset: 'public_chat', topic: 'Apples' })
    const cellar = await bo.createRoom({ name: 'Cellar', preset: 'public_chat' })
    await ana.createRoom({ name: 'Elsewhere' })
    const space = await bo.createRoom({
      name: 'The farm',
      creation_content: { type: 'm.space' },
      preset: 'private_chat',
    })
    for (const child of [orchard, cellar])
      await bo.call('PUT', at(space, `state/m.space.child/${encodeURIComponent(child)}`), { via: ['hearth.test'] })
    await inviteTo(space, bo, ana.userId)
    const page = await pageOf()

    await page.getByText('Space · bo invites you').waitFor()
    await page.getByRole('button', { name: 'The farm' }).click()
    await page.getByRole('heading', { name: 'You are invited to the space The farm' }).waitFor()
    await page.getByRole('button', { name: 'Join', exact: true }).last().click()
    const rooms = page.getByRole('region', { name: 'Rooms of The farm' })
    await rooms.getByText('Apples').waitFor()
    expect(await composerOf(page).count()).toBe(0)
    expect(await seriousViolations(page)).toEqual([])
    await rooms.getByRole('button', { name: 'Join Orchard' }).click()
    await page.getByRole('heading', { name: 'Orchard', level: 1 }).waitFor()

    await roomRow(page, 'Elsewhere').waitFor()
    await page.getByRole('group', { name: 'Spaces' }).getByRole('button', { name: 'The farm' }).click()
    await expect.poll(() => roomRow(page, 'Elsewhere').count()).toBe(0)
    await roomRow(page, 'Orchard').waitFor()
    await page.getByRole('link', { name: 'All rooms of The farm' }).click()
    await rooms.getByRole('button', { name: 'Open Orchard' }).waitFor()
    await rooms.getByRole('button', { name: 'Join Cellar' }).waitFor()
  })

  test('is made here, with a room in it for its members; others are put in and taken out', async () => {
    await ana.createRoom({ name: 'Tool shed' })
    const page = await pageOf()
    await page.getByRole('button', { name: 'New', exact: true }).click()
    await page.getByRole('menuitem', { name: 'New space' }).click()
    await dialog(page).getByLabel('Name').fill('The garden')
    await dialog(page).getByRole('button', { name: 'Create space' }).click()
    await page.getByRole('group', { name: 'Spaces' }).getByRole('button', { name: 'The garden' }).waitFor()
    const rooms = page.getByRole('region', { name: 'Rooms of The garden' })
    await rooms.getByText('No rooms in this space yet').waitFor()

    await rooms.getByRole('button', { name: 'New room here' }).click()
    await dialog(page)
      .getByRole('switch', { name: /Members of The garden may join/ })
      .waitFor()
    expect(await seriousViolations(page)).toEqual([])
    await dialog(page).getByLabel('Name').fill('Beds')
    await dialog(page).getByRole('button', { name: 'Create room' }).click()
    await page.getByRole('heading', { name: 'Beds', level: 1 }).waitFor()
    const beds = decodeURIComponent(new URL(page.url()).hash.split('/')[2]!)
    expect(await ana.call('GET', at(beds, 'state/m.room.join_rules/'))).toMatchObject({ join_rule: 'restricted' })
    await page.goBack()

    await rooms.getByRole('button', { name: 'Add rooms' }).click()
    await dialog(page)
      .getByRole('button', { name: /Tool shed/ })
      .click()
    await dialog(page).getByRole('button', { name: 'Done' }).click()
    await rooms.getByRole('button', { name: 'Open Tool shed' }).waitFor()
    await rooms.getByRole('button', { name: 'Open Beds' }).waitFor()
    expect(await seriousViolations(page)).toEqual([])
    await rooms.getByRole('button', { name: 'More about Tool shed' }).click()
    await page.getByRole('menuitem', { name: 'Take out of the space' }).click()
    await expect.poll(() => rooms.getByRole('button', { name: 'Open Tool shed' }).count()).toBe(0)
    await rooms.getByRole('button', { name: 'Open Beds' }).waitFor()
  })
})

describe('a conversation of two', () => {
  test('says that the other has not joined yet, and when they have left', async () => {
    const page = await pageOf()
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').fill('bo')
    await page.getByRole('option', { name: /@bo:hearth\.test|Write to them/ }).waitFor()
    await page.getByRole('option', { name: /@bo:hearth\.test|Write to them/ }).click()
    await composerOf(page).waitFor()
    await page.getByText('bo has not joined yet. They will see what you write once they do.').waitFor()
    await page.getByText('Invited, not here yet').waitFor()

    const { rooms } = (await bo.sync()) as { rooms: { invite: Record<string, Json> } }
    const [roomId] = Object.keys(rooms.invite)
    await bo.join(roomId!)
    await page.getByText('bo has not joined yet').waitFor({ state: 'detached' })
    await bo.call('POST', at(roomId!, 'leave'), {})
    await page.getByText('bo has left. What you write here reaches nobody.').waitFor()
    await page.getByRole('button', { name: 'Invite again' }).click()
    await page.getByText('bo has not joined yet. They will see what you write once they do.').waitFor()
  })
})

test('Ctrl+K does things too: by a few letters a dialog, the theme, the keys', async () => {
  const page = await pageOf()
  const jump = async (term: string, name: RegExp) => {
    await page.locator('dialog[open]').waitFor({ state: 'detached' }) // the one before keeps the keys until it is gone
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').fill(term)
    await page.getByRole('option', { name }).first().waitFor()
    await page.keyboard.press('Enter')
  }
  await jump('create a', /Create a room/)
  await page.getByRole('heading', { name: 'Create a room' }).waitFor()
  await page.keyboard.press('Escape')
  await expect.poll(() => dialog(page).count()).toBe(0)
  await jump('dark', /dark theme/)
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark')
  await jump('keyboard', /Keyboard/)
  await dialog(page).waitFor()
})

describe('a join that fails says why', () => {
  const tryToJoin = async (page: Page, address: string, reason: string) => {
    await page.getByLabel('Room address, ID or link').fill(address)
    await page.getByRole('button', { name: 'Join', exact: true }).click()
    await dialog(page).getByText(reason).waitFor()
  }
  const openDialog = async (page: Page) => {
    await page.getByRole('button', { name: 'New', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Join a room' }).click()
  }

  test('nothing there, not invited, banned, no way in, and a server that talks to nobody', async () => {
    const closed = await bo.createRoom({ name: 'Closed', preset: 'private_chat' })
    const strict = await bo.createRoom({ name: 'Strict', preset: 'public_chat' })
    await ana.join(strict)
    await bo.call('POST', at(strict, 'ban'), { user_id: ana.userId })
    const page = await pageOf()
    await openDialog(page)
    await tryToJoin(page, '#nothing:hearth.test', 'There is no room at this address.')
    await tryToJoin(page, closed, 'You may not join this room. Ask somebody in it to invite you.')
    await tryToJoin(page, strict, 'You are banned from this room.')
    await tryToJoin(page, '#garden:elsewhere.example', 'This server does not talk to other servers.')
  })

  test('a server that does not exist, and one that does not answer', async () => {
    const open = await startServerProcess({
      env: {
        HEARTH_FEDERATION_ENABLED: 'true',
        HEARTH_FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true',
        HEARTH_FEDERATION_TRUSTED_KEY_SERVERS: '',
      },
    })
    await MatrixClient.register(open.url, 'cem', password)
    const person = await chat.open({}, open.url)
    await signIn(person, 'cem')
    await openDialog(person.page)
    await tryToJoin(person.page, '#garden:no-such-server.invalid', 'There is no server called no-such-server.invalid')
    await tryToJoin(person.page, '#garden:127.0.0.1:1', '127.0.0.1:1 does not answer. Try again later.')
    await open[Symbol.asyncDispose]()
  })
})

test('names that turn text round turn nothing round but themselves', async () => {
  const evil = '\u202eevil\u202etxt'
  const mallory = await chat.register('mallory')
  await mallory.call('PUT', `/_matrix/client/v3/profile/${mallory.userId}/displayname`, { displayname: evil })
  const roomId = await mallory.createRoom({ name: `Room ${evil}`, topic: `Topic ${evil}`, preset: 'public_chat' })
  await ana.join(roomId)
  await ana.send(roomId, { msgtype: 'm.text', body: 'hello' })
  await mallory.send(roomId, { msgtype: 'm.text', body: `a message ${evil}` })
  await mallory.call('PUT', at(roomId, 'state/m.room.name/'), { name: `Again ${evil}` })
  const other = await mallory.createRoom({ name: `Invite ${evil}`, invite: [ana.userId] })
  const page = await pageOf('ana', { width: 1440 })
  await page.goto(`${chat.server.url}/#/room/${encodeURIComponent(roomId)}`)
  await messageWith(page, 'hello').waitFor()
  await page.getByRole('button', { name: 'Room details and members' }).click()
  await page.getByText('Owners').waitFor()
  expect(await page.evaluate(turnedRound)).toEqual([])
  await page.goto(`${chat.server.url}/#/room/${encodeURIComponent(other)}`)
  await page.getByRole('heading', { name: /You are invited to/ }).waitFor()
  expect(await page.evaluate(turnedRound)).toEqual([])
  await page.keyboard.press('Control+k')
  await page.getByRole('option').first().waitFor()
  expect(await page.evaluate(turnedRound)).toEqual([])
  await page.keyboard.press('Escape')
  await page.goto(`${chat.server.url}/#/home/live`)
  await page.getByText('What happens').waitFor()
  await page.waitForTimeout(800)
  expect(await page.evaluate(turnedRound)).toEqual([])
})

describe('pictures', () => {
  const upload = async (name: string, data: Buffer): Promise<string> => {
    const answer = await fetch(`${chat.server.url}/_matrix/media/v3/upload?filename=${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ana.accessToken}`, 'content-type': 'image/png' },
      body: new Uint8Array(data),
    })
    return ((await answer.json()) as { content_uri: string }).content_uri
  }
  const drawn = (
    width: number,
    height: number,
    background: string | { r: number; g: number; b: number; alpha: number },
  ) =>
    sharp({ create: { width, height, channels: 4, background } })
      .png()
      .toBuffer()

  test('tiny, very long and see-through ones have a place that fits; the viewer is dark, zooms and moves', async () => {
    const roomId = await ana.createRoom({ name: 'Gallery' })
    const sizes = { tiny: [8, 8], wide: [4_000, 60], tall: [60, 4_000], clear: [200, 120] } as const
    for (const [name, [w, h]] of Object.entries(sizes)) {
      const url = await upload(
        `${name}.png`,
        await drawn(w, h, name === 'clear' ? { r: 0, g: 0, b: 0, alpha: 0 } : '#7a9'),
      )
      await ana.send(roomId, { msgtype: 'm.image', body: `${name}.png`, url, info: { w, h, mimetype: 'image/png' } })
    }
    const page = await pageOf()
    await roomRow(page, 'Gallery').click()
    const frame = (name: string) => page.getByRole('button', { name: `Open picture: ${name}.png` })
    const box = async (name: string) => {
      await frame(name).locator('img').waitFor()
      const { width, height } = (await frame(name).boundingBox())!
      return [Math.round(width), Math.round(height)]
    }
    expect(await box('tiny')).toEqual([44, 44])
    expect(await box('wide')).toEqual([400, 44])
    expect(await box('tall')).toEqual([44, 320])
    expect(await box('clear')).toEqual([200, 120])

    await frame('wide').click()
    const viewer = page.getByRole('dialog', { name: 'wide.png' })
    const picture = viewer.getByRole('img')
    await picture.waitFor()
    const ground = await viewer.evaluate((element) => getComputedStyle(element).backgroundColor)
    expect(Number(/oklch\(([\d.]+)/.exec(ground)?.[1])).toBeLessThan(0.25)
    const widthNow = async () => (await picture.boundingBox())!.width
    const before = await widthNow()
    await page.mouse.move(640, 420)
    await page.mouse.wheel(0, -400)
    await expect.poll(widthNow).toBeGreaterThan(before * 2)
    const { x } = (await picture.boundingBox())!
    await page.mouse.down()
    await page.mouse.move(740, 420, { steps: 4 })
    await page.mouse.up()
    expect(Math.round((await picture.boundingBox())!.x - x)).toBe(100)
    await page.keyboard.press('0')
    await expect.poll(widthNow).toBe(before)
    await page.keyboard.press('+')
    await expect.poll(widthNow).toBeGreaterThan(before * 1.3)
    await page.keyboard.press('Escape')
    await expect.poll(() => dialog(page).count()).toBe(0)
  })
})

test('what the app does not know gets one calm line, a poll its question, and nothing is told in machine words', async () => {
  const roomId = await ana.createRoom({ name: 'Odd' })
  const sendOdd = (type: string, content: Json, n: number) =>
    ana.call('PUT', at(roomId, `send/${type}/odd${n}`), content)
  for (let n = 0; n < 3; n++) await sendOdd('org.example.thing', { n }, n)
  await sendOdd(
    'm.poll.start',
    { 'm.poll': { question: { 'm.text': [{ body: 'Tea or coffee?' }] }, answers: [{ 'm.text': [{ body: 'Tea' }] }] } },
    9,
  )
  await ana.call('PUT', at(roomId, 'state/org.example.setting/'), { on: true })
  const page = await pageOf()
  await roomRow(page, 'Odd').click()
  await page.getByText('3 things this app does not show yet').waitFor()
  await page.getByRole('article').filter({ hasText: 'Tea or coffee?' }).getByText('Tea', { exact: true }).waitFor()
  await page
    .getByRole('button', { name: /more changes?$/ })
    .first()
    .click({ timeout: 3_000 })
    .catch(() => undefined)
  expect(await page.getByText(/org\.example|m\.poll|m\.room/).count()).toBe(0)
})

test('who has read it is told at the end of the line itself: no line moves', async () => {
  const roomId = await ana.createRoom({ name: 'Still', invite: [bo.userId] })
  await bo.join(roomId)
  for (let n = 0; n < 6; n++) await ana.send(roomId, { msgtype: 'm.text', body: `still ${n}` })
  const page = await pageOf()
  await roomRow(page, 'Still').click()
  await messageWith(page, 'still 5').waitFor()
  await page.waitForTimeout(500)
  const tops = () =>
    page.getByRole('article').evaluateAll((all) => all.map((each) => Math.round(each.getBoundingClientRect().top)))
  const before = await tops()
  const { chunk } = (await bo.call('GET', at(roomId, 'messages?dir=b&limit=3'))) as { chunk: { event_id: string }[] }
  await bo.call('POST', at(roomId, `receipt/m.read/${chunk[1]!.event_id}`), {})
  await page.getByRole('img', { name: 'Seen by bo' }).waitFor()
  expect(await tops()).toEqual(before)
})

test('words are set and emoji put in with the mouse', async () => {
  await ana.createRoom({ name: 'Desk' })
  const page = await pageOf()
  await roomRow(page, 'Desk').click()
  await composerOf(page).fill('so loud')
  await composerOf(page).press('Control+a')
  await page.getByRole('button', { name: 'Formatting' }).click()
  await page.getByRole('menuitem', { name: 'Bold' }).click()
  expect(await composerOf(page).inputValue()).toBe('**so loud**')
  await expect
    .poll(() => composerOf(page).evaluate((box: HTMLTextAreaElement) => [box.selectionStart, box.selectionEnd]))
    .toEqual([2, 9])
  await composerOf(page).press('End')
  await page.getByRole('button', { name: 'Emoji' }).click()
  await page.getByRole('dialog').getByRole('button', { name: '🎉' }).first().click()
  await composerOf(page).press('Enter')
  const message = page.getByRole('article').filter({ hasText: '🎉' })
  expect(await message.getByRole('strong').textContent()).toBe('so loud')
})

test('what is said is recorded, can be thrown away, and goes out as a voice message that others know', async () => {
  const roomId = await ana.createRoom({ name: 'Porch', invite: [bo.userId] })
  await bo.join(roomId)
  const page = await pageOf()
  await roomRow(page, 'Porch').click()
  const recording = page.getByRole('group', { name: 'Recording' })
  await page.getByRole('button', { name: 'Record a voice message' }).click()
  await recording.getByText('0:01').waitFor()
  expect(await seriousViolations(page)).toEqual([])
  await page.keyboard.press('Escape')
  await composerOf(page).waitFor()

  await page.getByRole('button', { name: 'Record a voice message' }).click()
  await recording.getByText('0:01').waitFor()
  await page.getByRole('button', { name: 'Send voice message' }).click()
  const sent = page.getByRole('article').filter({ hasText: /Voice message0:0[12]/ })
  await sent.waitFor()
  expect(await page.getByRole('article').count()).toBe(1) // nothing of what was thrown away
  const { chunk } = (await bo.call('GET', at(roomId, 'messages?dir=b&limit=5'))) as { chunk: { content: Json }[] }
  const content = chunk.map((event) => event.content).find(({ msgtype }) => msgtype === 'm.audio')!
  expect(content).toMatchObject({ body: content.filename, 'org.matrix.msc3245.voice': {} })
  expect((content.info as { duration: number }).duration).toBeGreaterThan(700)
  await sent.getByRole('button', { name: /Voice message/ }).click()
  await expect
    .poll(() =>
      page.locator('audio').evaluate((audio: HTMLAudioElement) => audio.duration > 0 || audio.currentTime > 0),
    )
    .toBe(true)
})

test('a message sent from far back is seen at the end', async () => {
  const roomId = await bo.createRoom({ name: 'Far', preset: 'public_chat' })
  await ana.join(roomId)
  const ids: string[] = []
  for (let n = 1; n <= 300; n++) ids.push(await bo.send(roomId, { msgtype: 'm.text', body: `far ${n}` }))
  const page = await pageOf()
  await page.goto(`${chat.server.url}/#/room/${encodeURIComponent(roomId)}/${encodeURIComponent(ids[20]!)}`)
  await messageWith(page, 'far 21').waitFor()
  await write(page, 'from far back')
  await messageWith(page, 'from far back').waitFor()
  await messageWith(page, 'far 300').waitFor()
  await expect.poll(() => page.getByRole('button', { name: 'Jump to latest' }).count()).toBe(0)
})

/**
 * Runs in the page: texts with direction controls that share their paragraph with something else. Such a text must be
 * alone in an element that isolates it, or stand between isolates.
 */
function turnedRound(): string[] {
  const found: string[] = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.nodeValue ?? ''
    if (!/[\u202a-\u202e]/.test(text)) continue
    let element = node.parentElement
    const isolates = (each: Element) => {
      const style = getComputedStyle(each)
      return style.unicodeBidi.includes('isolate') || style.unicodeBidi === 'plaintext' || style.display !== 'inline'
    }
    while (element && !isolates(element)) element = element.parentElement
    if (element?.textContent !== text) found.push(`${element?.tagName} ${element?.textContent}`)
  }
  for (const element of document.querySelectorAll('[title],[aria-label]'))
    for (const name of ['title', 'aria-label']) {
      const value = element.getAttribute(name) ?? ''
      if (/[\u202a-\u202e]/.test(value) && element.textContent !== value) found.push(`${name} ${value}`)
    }
  return found
}
