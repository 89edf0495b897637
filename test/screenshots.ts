/**
 * Pictures of the app for the README and for looking at: a small made-up household on the built server.
 *
 * Run: node test/support/child-entry.mjs test/screenshots.ts '{"dir":"docs/screenshots"}'; `all` adds every width and theme.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright'
import sharp from 'sharp'
import { openBrowser, openPage, password, signIn } from './support/chat-page.js'
import { type Json, MatrixClient } from './support/matrix-client.js'
import { type ServerProcess, setUp, startServerProcess } from './support/server-process.js'

type Options = { dir: string; all?: boolean }

export async function main({ dir, all = false }: Options): Promise<void> {
  await mkdir(dir, { recursive: true })
  await using server = await startServerProcess({ serverName: undefined })
  const browser = await openBrowser()
  const first = await openPage(browser, await server.setupUrl(), { width: 1440, height: 900 })
  await first.page.getByRole('heading', { name: 'What is your name here?' }).waitFor()
  await first.page.screenshot({ path: join(dir, 'onboarding-1440-light.png') })
  await first.context.close()
  const roomId = await furnish(server)

  const looks = [
    { width: 1440, height: 900, colorScheme: 'light' as const },
    { width: 1440, height: 900, colorScheme: 'dark' as const },
    { width: 360, height: 760, colorScheme: 'light' as const },
    ...(all
      ? [
          { width: 360, height: 760, colorScheme: 'dark' as const },
          { width: 900, height: 800, colorScheme: 'light' as const },
          { width: 900, height: 800, colorScheme: 'dark' as const },
          { width: 2560, height: 1300, colorScheme: 'dark' as const },
        ]
      : []),
  ]
  for (const look of looks) {
    const person = await openPage(browser, `${server.url}/`, look)
    await signIn(person, 'ana')
    const { page } = person
    const name = (what: string) => join(dir, `${what}-${look.width}-${look.colorScheme}.png`)
    await settle(page)
    if (look.width < 640) await page.screenshot({ path: name('room-list') })
    const go = (path: string) => page.evaluate((hash) => location.assign(hash), `#${path}`)
    await go(`/room/${encodeURIComponent(roomId)}`)
    await settle(page)
    await page.screenshot({ path: name('chat') })
    for (const place of all ? ['live', 'people', 'reach', 'rooms', 'federation', 'health'] : ['live', 'people']) {
      await go(`/home/${place}`)
      await settle(page, place === 'live' ? 6_000 : 1_000)
      await page.screenshot({ path: name(place) })
    }
    if (all) {
      await go('/settings')
      await settle(page)
      await page.screenshot({ path: name('settings') })
    }
    if (all || look.colorScheme === 'light') await pictureInvitation(browser, person.page, look, name)
    await person.context.close()
  }
  await browser.close()
}

/** What the owner sees who invites somebody, and what that person sees. */
async function pictureInvitation(
  browser: Awaited<ReturnType<typeof openBrowser>>,
  page: Page,
  look: Parameters<typeof openPage>[2],
  name: (what: string) => string,
): Promise<void> {
  await page.evaluate(() => location.assign('#/home/people'))
  await page.getByRole('button', { name: 'Invite a person' }).click()
  await page.getByLabel('For whom').fill('Grandma')
  await page.screenshot({ path: name('invite') })
  await page.getByRole('button', { name: 'Make the link' }).click()
  const link = String(await page.getByRole('status', { name: 'Link' }).textContent())
  await page.screenshot({ path: name('invite-link') })
  const guest = await openPage(browser, link, look)
  await guest.page.getByLabel('What are you called?').fill('Oma Inge')
  await guest.page.getByLabel('Password', { exact: true }).fill('a cake on Sundays')
  await guest.page.getByText(/The name is free/).waitFor()
  await guest.page.screenshot({ path: name('invited') })
  await guest.context.close()
}

const settle = async (page: Page, ms = 1_200) => {
  await page.locator('[data-state="live"]').first().waitFor({ state: 'attached' })
  await page.waitForTimeout(ms)
}

/** Ana's server with Bo and Cem, some rooms, and something going on. @returns the busiest room */
async function furnish(server: ServerProcess): Promise<string> {
  const login = await setUp(server, {
    server_name: 'home.example',
    username: 'ana',
    display_name: 'Ana',
    password,
    federation: 'local',
  })
  const ana = MatrixClient.fromLogin(server.url, login)
  const bo = await MatrixClient.register(server.url, 'bo', password)
  const cem = await MatrixClient.register(server.url, 'cem', password)
  for (const [client, displayname] of [
    [bo, 'Bo'],
    [cem, 'Cem'],
  ] as const)
    await client.call('PUT', `/_matrix/client/v3/profile/${client.userId}/displayname`, { displayname })

  const kitchen = await ana.createRoom({
    preset: 'private_chat',
    name: 'Kitchen table',
    topic: 'Meals, errands, whose turn it is',
    invite: [bo.userId, cem.userId],
  })
  const garden = await bo.createRoom({ preset: 'public_chat', name: 'Garden', invite: [ana.userId] })
  await bo.createRoom({ preset: 'trusted_private_chat', is_direct: true, invite: [ana.userId] })
  await cem.createRoom({ name: 'Chess on Sundays', invite: [ana.userId] })
  for (const client of [bo, cem]) await client.join(kitchen)
  await ana.join(garden)
  const say = (client: MatrixClient, body: string, more: Json = {}) =>
    client.send(kitchen, { msgtype: 'm.text', body, ...more })
  await say(bo, 'The bread is in the oven, back in twenty minutes')
  await say(bo, 'Somebody please take it out at half past')
  const ask = await say(ana, 'I will. Do we need anything from the market?')
  await say(cem, 'Tomatoes, a lemon, and the good olive oil if they have it', {
    'm.relates_to': { 'm.in_reply_to': { event_id: ask } },
  })
  const list = await say(ana, '**Tomatoes**, lemon, oil. Anything else?', {
    format: 'org.matrix.custom.html',
    formatted_body: '<strong>Tomatoes</strong>, lemon, oil. Anything else?',
  })
  for (const client of [bo, cem])
    await client.call(
      'PUT',
      `/_matrix/client/v3/rooms/${encodeURIComponent(kitchen)}/send/m.reaction/r${client.deviceId}`,
      {
        'm.relates_to': { rel_type: 'm.annotation', event_id: list, key: client === bo ? '👍' : '🍅' },
      },
    )
  const picture = await sharp({ create: { width: 640, height: 360, channels: 3, background: '#c96f3b' } })
    .png()
    .toBuffer()
  const upload = await fetch(`${server.url}/_matrix/media/v3/upload?filename=market.png`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bo.accessToken}`, 'content-type': 'image/png' },
    body: new Uint8Array(picture),
  })
  const { content_uri: url } = (await upload.json()) as Json
  await say(bo, 'market.png', {
    msgtype: 'm.image',
    url,
    info: { w: 640, h: 360, mimetype: 'image/png', size: picture.length },
  })
  await say(cem, 'They have it! See you at seven.')
  for (let i = 0; i < 6; i++) await bo.send(garden, { msgtype: 'm.text', body: `Row ${i + 1} is watered` })
  const timer = setInterval(() => {
    void bo.send(garden, { msgtype: 'm.text', body: 'A bird came by' }).catch(() => undefined)
    void cem
      .call('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(kitchen)}/typing/${cem.userId}`, {
        typing: true,
        timeout: 5_000,
      })
      .catch(() => undefined)
  }, 700)
  timer.unref()
  return kitchen
}
