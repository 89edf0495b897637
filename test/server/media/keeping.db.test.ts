/** How much is kept: media of other servers up to a limit, a user's uploads up to their quota, no files without a row. */
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ServerName, UserId } from '../../../server/kernel/identifiers.js'
import { makeFindMedia } from '../../../server/media/find-media.js'
import { type MediaFiles, openMediaFiles } from '../../../server/media/media-files.js'
import { makeRemoteCache } from '../../../server/media/remote-cache.js'
import { makeUploadMedia } from '../../../server/media/upload-media.js'
import { makeWithinQuota } from '../../../server/media/upload-quota.js'
import { readMedia, readUploadedBytes } from '../../../server/store/media-store.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'
import { type FakeClock, fakeClock } from '../../support/fake-clock.js'

const us = 'us.test' as ServerName
const them = 'them.test' as ServerName
const never = new AbortController().signal

let db: TestDatabase
let folder: string
let closeCache: (() => Promise<void>) | undefined
beforeAll(async () => {
  db = await openTestDatabase()
})
afterAll(() => db.close())
afterEach(async () => {
  await closeCache?.()
  await db.query('DELETE media RETURN NONE')
  await rm(folder, { recursive: true, force: true })
})

async function make(options: { maxBytes?: number; quotaBytes?: number } = {}) {
  folder = await mkdtemp(join(tmpdir(), 'hearth-media-'))
  const clock: FakeClock = fakeClock()
  const files: MediaFiles = await openMediaFiles(folder, clock)
  const maxBytes = options.maxBytes ?? 1_000
  const remoteCache = makeRemoteCache({ db, files, clock, maxBytes, log: silentLogger })
  closeCache = remoteCache.close
  const fetched: string[] = []
  const { findMedia, uploaded } = makeFindMedia({
    ...{ db, files, clock, remoteCache },
    serverName: us,
    maxBytes: 10_000,
    async fetchRemoteMedia({ mediaId }) {
      fetched.push(mediaId)
      // 100 bytes for each file; those of one letter are the same file.
      return { content: Readable.from([Buffer.alloc(100, mediaId[0])]), contentType: 'text/plain', fileName: undefined }
    },
  })
  const uploads = makeUploadMedia({
    ...{ db, files, clock, uploaded },
    serverName: us,
    maxUploadBytes: 500,
    withinQuota: makeWithinQuota({
      maxUploadBytes: 500,
      quotaBytes: options.quotaBytes,
      readUploadedBytes: (uploader) => readUploadedBytes(db, uploader),
    }),
  })
  const find = (mediaId: string) =>
    findMedia({ serverName: them, mediaId }, { timeoutMs: 0, signal: never, allowRemote: true })
  const upload = (uploader: string, content: Readable, declaredBytes?: number) =>
    uploads.uploadMedia({
      uploader: uploader as UserId,
      content,
      contentType: 'text/plain',
      fileName: undefined,
      declaredBytes,
    })
  const names = async () =>
    (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const isKept = async (mediaId: string) => (await readMedia(db, { serverName: them, mediaId })) !== undefined
  return { clock, files, remoteCache, fetched, find, upload, names, isKept }
}

describe('media of other servers', () => {
  test('makes room for more, least used first, and is fetched again when it is wanted', async () => {
    const { clock, fetched, find, names, isKept } = await make()
    const ids = [...'abcdefghij']
    for (const id of ids) {
      await find(id)
      clock.advance(2 * 3_600_000)
    }
    await find('a') // the oldest is in use again
    clock.advance(2 * 3_600_000)

    await find('k')
    await expect.poll(async () => (await names()).length).toBeLessThanOrEqual(9)

    expect([await isKept('a'), await isKept('k'), await isKept('j')]).toEqual([true, true, true])
    expect([await isKept('b'), await isKept('c')]).toEqual([false, false])
    expect(fetched).toEqual([...ids, 'k'])
    await find('b')
    expect(fetched.at(-1)).toBe('b')
  })

  test('a file that is somebody’s upload as well keeps its bytes', async () => {
    const { clock, find, upload, files, isKept } = await make()
    await upload('@ana:us.test', Readable.from([Buffer.alloc(100, 'a')]))
    const { sha256 } = await find('a')
    clock.advance(3 * 3_600_000)
    for (const id of 'bcdefghijk') await find(id)
    await expect.poll(() => isKept('a')).toBe(false)
    await closeCache?.()
    const chunks: Buffer[] = []
    for await (const chunk of files.openFile(sha256)) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks)).toHaveLength(100)
  })

  test('what was asked for a moment ago is not taken away', async () => {
    const { find, isKept, names } = await make({ maxBytes: 300 })
    const ids = [...'abcdef']
    for (const id of ids) await find(id)
    await closeCache?.()
    expect(await Promise.all(ids.map(isKept))).toEqual(ids.map(() => true))
    expect(await names()).toHaveLength(6)
  })
})

describe('files that nothing stands for', () => {
  const age = async (entries: { parentPath: string; name: string }[]) => {
    const long = new Date(Date.now() - 2 * 3_600_000)
    for (const { parentPath, name } of entries) await utimes(join(parentPath, name), long, long)
  }

  test('are deleted with their thumbnails once they are old, and nothing else is', async () => {
    const { clock, files, find, remoteCache, names } = await make()
    await find('a')
    const { sha256 } = await files.storeFile(Readable.from([Buffer.from('orphan')]), 100)
    await files.storeThumbnail(sha256, '32x32-crop.png', Buffer.from('small'))
    clock.advance(20 * 60_000)
    expect(await remoteCache.removeOrphans(10)).toBe(0)
    await age(await names())

    expect(await remoteCache.removeOrphans(10)).toBe(1)
    expect(await names()).toHaveLength(1)
    expect(await remoteCache.removeOrphans(10)).toBe(0)
  })

  test('a file that is stored once more while its row is on the way is no orphan', async () => {
    const { clock, files, remoteCache, names } = await make()
    const store = () => files.storeFile(Readable.from([Buffer.from('again')]), 100)
    await store()
    clock.advance(20 * 60_000)
    await store()
    await age(await names())
    expect(await remoteCache.removeOrphans(10)).toBe(0)
    clock.advance(20 * 60_000)
    expect(await remoteCache.removeOrphans(10)).toBe(1)
  })
})

describe('a user’s quota', () => {
  const bytes = (length: number, of: string) => Readable.from([Buffer.alloc(length, of)])
  const refused = { status: 403, errcode: 'M_FORBIDDEN' }

  test('takes uploads until it is used up, declared or not, and is each user’s own', async () => {
    const { upload } = await make({ quotaBytes: 300 })
    await upload('@ana:us.test', bytes(200, 'a'), 200)
    await expect(upload('@ana:us.test', bytes(200, 'b'), 200)).rejects.toMatchObject(refused)
    await expect(upload('@ana:us.test', bytes(200, 'c'))).rejects.toMatchObject(refused)
    await upload('@ana:us.test', bytes(100, 'd'))
    await expect(upload('@ana:us.test', bytes(1, 'e'), 1)).rejects.toMatchObject(refused)
    await upload('@ben:us.test', bytes(200, 'f'), 200)
  })

  test('is not exceeded by many at once', async () => {
    const { upload } = await make({ quotaBytes: 300 })
    const all = await Promise.allSettled([...'abcdef'].map((of) => upload('@ana:us.test', bytes(100, of), 100)))
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    expect(await readUploadedBytes(db, '@ana:us.test' as UserId)).toBe(300)
  })

  test('gives back what an upload reserved that failed', async () => {
    const { upload } = await make({ quotaBytes: 300 })
    const broken = new Readable({
      read() {
        this.destroy(new Error('gone'))
      },
    })
    await expect(upload('@ana:us.test', broken, 300)).rejects.toThrow('gone')
    await upload('@ana:us.test', bytes(300, 'a'), 300)
  })

  test('without one, only the largest upload is limited', async () => {
    const { upload } = await make()
    for (const of of 'abc') await upload('@ana:us.test', bytes(500, of), 500)
    await expect(upload('@ana:us.test', bytes(501, 'd'))).rejects.toMatchObject({ status: 413 })
  })
})
