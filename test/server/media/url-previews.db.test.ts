/** How long previews are kept, and what becomes of their pictures. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ServerName, UserId } from '../../../server/kernel/identifiers.js'
import { openMediaFiles } from '../../../server/media/media-files.js'
import { makeKeepPicture } from '../../../server/media/url-preview/keep-picture.js'
import { makeUrlPreviews } from '../../../server/media/url-preview/preview-url.js'
import { deleteMedia } from '../../../server/store/media-store.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'

const serverName = 'us.test' as ServerName
const asker = { userId: '@a:us.test' as UserId, signal: new AbortController().signal }
const hourMs = 60 * 60_000

let db: TestDatabase
let folder: string
beforeAll(async () => {
  db = await openTestDatabase()
})
afterAll(() => db[Symbol.asyncDispose]())
afterEach(async () => {
  await db.query('DELETE media RETURN NONE; DELETE url_preview RETURN NONE')
  await rm(folder, { recursive: true, force: true })
})

/** Previews of pages that all have the picture of this colour. */
async function make() {
  folder = await mkdtemp(join(tmpdir(), 'hearth-media-'))
  const clock = fakeClock()
  const files = await openMediaFiles(folder, clock)
  const kept: number[] = []
  const web = { colour: 'teal', asked: 0 }
  const keepPicture = makeKeepPicture({
    ...{ db, files, clock, serverName },
    remoteCache: { noteAdded: (bytes) => void kept.push(bytes) },
  })
  const start = () =>
    makeUrlPreviews({
      ...{ db, clock, serverName },
      async makePreview(_url, former) {
        web.asked += 1
        const options = { width: 8, height: 8, channels: 3, background: web.colour } as const
        const picture = await keepPicture(await sharp({ create: options }).png().toBuffer(), former)
        return { preview: { 'og:title': 'T' }, ...(picture && { picture }) }
      },
    })
  return { clock, kept, web, start, url: 'https://a.example/page' }
}

test('a preview is fresh for an hour, for a server that has been started anew as well', async () => {
  const { clock, web, start, url } = await make()
  const first = await start().previewUrl!(url, asker)
  clock.advance(hourMs - 1)
  expect(await start().previewUrl!(url, asker)).toEqual(first)
  expect(web.asked).toBe(1)
  clock.advance(2)
  await start().previewUrl!(url, asker)
  expect(web.asked).toBe(2)
})

test('a picture that is still the same keeps its URI; another one gets another', async () => {
  const { clock, web, start, url, kept } = await make()
  const previews = start()
  const first = await previews.previewUrl!(url, asker)
  clock.advance(2 * hourMs)
  expect((await previews.previewUrl!(url, asker))['og:image']).toBe(first['og:image'])
  expect(kept).toHaveLength(1)
  web.colour = 'red'
  clock.advance(2 * hourMs)
  expect((await previews.previewUrl!(url, asker))['og:image']).not.toBe(first['og:image'])
})

test('a preview whose picture had to make room is made again', async () => {
  const { web, start, url } = await make()
  const previews = start()
  const first = await previews.previewUrl!(url, asker)
  const mediaId = String(first['og:image']).split('/').at(-1)!
  await db.commit(() => ({ writes: [deleteMedia({ serverName, mediaId })], changes: [], result: undefined }))
  const second = await previews.previewUrl!(url, asker)
  expect(second['og:image']).not.toBe(first['og:image'])
  expect(web.asked).toBe(2)
})

test('after a week it is forgotten, in pieces', async () => {
  const { clock, start } = await make()
  const previews = start()
  for (const n of [1, 2, 3]) await previews.previewUrl!(`https://a.example/${n}`, asker)
  expect(await previews.forgetUrlPreviews(2)).toBe(0)
  clock.advance(8 * 24 * hourMs)
  await previews.previewUrl!('https://a.example/new', asker)
  expect([await previews.forgetUrlPreviews(2), await previews.forgetUrlPreviews(2)]).toEqual([2, 1])
  const [left] = await db.query<[unknown[]]>('SELECT * FROM url_preview')
  expect(left).toHaveLength(1)
})
