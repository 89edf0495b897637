/**
 * The media folder: each file once, named by its SHA-256, with its thumbnails beside.
 *
 * A file is written under a passing name, made durable and then renamed, so that what has a name is
 * whole. Who may see it and under which URIs it is known is in the database (`store/media-store.ts`).
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { ByteRange } from './byte-range.js'

export type StoredFile = {
  /** Lower-case hex. */
  sha256: string
  /** Bytes. */
  size: number
  /** The first bytes: enough to tell what kind of file it is. */
  head: Buffer
}

export type MediaFiles = {
  /** @param note told of each chunk's length. @throws MatrixError 413 `M_TOO_LARGE` for more than `maxBytes`; nothing is kept then */
  storeFile(content: Readable, maxBytes: number, note?: (bytes: number) => void): Promise<StoredFile>
  pathOf(sha256: string): string
  /** @param range a part of it */
  openFile(sha256: string, range?: ByteRange): Readable
  /** @param variant e.g. `96x96-crop` */
  thumbnailPathOf(sha256: string, variant: string): string
  /** Writes bytes as a thumbnail, whole or not at all. */
  storeThumbnail(sha256: string, variant: string, bytes: Uint8Array): Promise<void>
  /**
   * Deletes a file and its thumbnails, unless it was stored just now or `isKnown` says that something stands for it.
   *
   * @returns whether it was deleted
   */
  removeFile(sha256: string, isKnown: () => Promise<boolean>): Promise<boolean>
  /** Hashes of files and thumbnails that have been there for an hour, in no particular order; one may come twice. */
  listOld(): AsyncGenerator<string>
}

/** A file that was stored this long ago has the row that stands for it, in milliseconds. */
const settledMs = 10 * 60_000
const oldMs = 60 * 60_000

const headBytes = 4100 // what file-type looks at

/** @param folder made if it is not there; leftovers of uploads that were cut off are deleted */
export async function openMediaFiles(folder: string, clock: Pick<Clock, 'elapsed'>): Promise<MediaFiles> {
  const incoming = join(folder, 'incoming')
  await mkdir(incoming, { recursive: true, mode: 0o700 })
  for (const name of await readdir(incoming)) await rm(join(incoming, name), { force: true })
  const pathOf = (sha256: string) => join(folder, 'files', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  const thumbnailPathOf = (sha256: string, variant: string) =>
    join(folder, 'thumbnails', sha256.slice(0, 2), sha256.slice(2, 4), `${sha256}-${variant}`)

  const locked = makeKeyedLock()
  /** When files were given their name, oldest first: their rows may still be on the way. */
  const placedAt = new Map<string, number>()

  function notePlaced(sha256: string): void {
    const now = clock.elapsed()
    placedAt.delete(sha256)
    placedAt.set(sha256, now)
    for (const [each, at] of placedAt) {
      if (now - at < settledMs) break
      placedAt.delete(each)
    }
  }

  const isFresh = (sha256: string) => clock.elapsed() - (placedAt.get(sha256) ?? Number.NEGATIVE_INFINITY) < settledMs

  async function removeThumbnails(sha256: string): Promise<void> {
    const beside = dirname(thumbnailPathOf(sha256, ''))
    for (const name of await readdir(beside).catch(() => []))
      if (name.startsWith(sha256)) await rm(join(beside, name), { force: true })
  }

  async function place(draft: string, target: string): Promise<void> {
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await rename(draft, target)
  }

  return {
    pathOf,
    thumbnailPathOf,
    openFile: (sha256, range) => createReadStream(pathOf(sha256), range),
    async storeFile(content, maxBytes, note) {
      const draft = join(incoming, randomUUID())
      try {
        const stored = await receive(content, draft, maxBytes, note)
        await locked(stored.sha256, async () => {
          notePlaced(stored.sha256) // first: from now on nobody takes it for an orphan
          await place(draft, pathOf(stored.sha256))
        })
        return stored
      } catch (error) {
        await rm(draft, { force: true })
        throw error
      }
    },
    async storeThumbnail(sha256, variant, bytes) {
      const draft = join(incoming, randomUUID())
      const file = await open(draft, 'wx', 0o600)
      await file.writeFile(bytes).finally(() => file.close())
      await place(draft, thumbnailPathOf(sha256, variant))
    },
    removeFile: (sha256, isKnown) =>
      locked(sha256, async () => {
        if (isFresh(sha256) || (await isKnown())) return false
        await rm(pathOf(sha256), { force: true })
        await removeThumbnails(sha256)
        return true
      }),
    async *listOld() {
      for (const kind of ['files', 'thumbnails'])
        for await (const { parentPath, name } of walk(join(folder, kind))) {
          const sha256 = /^[0-9a-f]{64}/.exec(name)?.[0]
          const facts = sha256 && (await stat(join(parentPath, name)).catch(() => undefined))
          if (sha256 && facts && Date.now() - facts.mtimeMs > oldMs) yield sha256
        }
    },
  }
}

/** The files under a folder; what goes away meanwhile is left out. */
async function* walk(folder: string): AsyncGenerator<{ parentPath: string; name: string }> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) yield* walk(join(folder, entry.name))
    else yield { parentPath: folder, name: entry.name }
  }
}

async function receive(
  content: Readable,
  draft: string,
  maxBytes: number,
  note?: (bytes: number) => void,
): Promise<StoredFile> {
  const file = await open(draft, 'wx', 0o600)
  try {
    const hash = createHash('sha256')
    const head: Buffer[] = []
    let size = 0
    // Stopping early must not destroy the stream: that would cut the connection before the refusal is sent.
    for await (const chunk of content.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (size < headBytes) head.push(chunk.subarray(0, headBytes - size))
      size += chunk.length
      note?.(chunk.length)
      if (size > maxBytes)
        throw new MatrixError(413, 'M_TOO_LARGE', `Files of more than ${maxBytes} bytes are not taken.`)
      hash.update(chunk)
      await writeWhole(file, chunk)
    }
    await file.sync()
    return { sha256: hash.digest('hex'), size, head: Buffer.concat(head) }
  } finally {
    await file.close()
  }
}

async function writeWhole(file: Awaited<ReturnType<typeof open>>, bytes: Buffer): Promise<void> {
  let written = 0
  while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten
}

export const fileExists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
