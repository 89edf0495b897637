/**
 * Thumbnails, made when first asked for and kept beside the file.
 *
 * Sizes are rounded up to a few, so that nobody can fill the disk by asking for every size there
 * is. What the file is, its own bytes say, not its uploader. Decoding happens in libvips' own
 * threads; few at a time, because each may take hundreds of megabytes.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#thumbnails
 */
import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { MatrixError } from '../kernel/errors.js'
import type { FoundMedia } from './find-media.js'
import { fileExists, type MediaFiles } from './media-files.js'

export type ThumbnailRequest = {
  /** Wanted size in pixels, from 1. */
  width: number
  height: number
  /** Defaults to scale. */
  method: 'crop' | 'scale' | undefined
  animated: boolean
}
export type Thumbnail = { contentType: string; bytes: Buffer }

/** @throws MatrixError 400 `M_UNKNOWN` for what is no image we read, 413 `M_TOO_LARGE` for one with too many pixels */
export type ReadThumbnail = (media: FoundMedia, request: ThumbnailRequest) => Promise<Thumbnail>

/** The sizes the spec asks for, and one more for large avatars. */
const sizes = [
  { width: 32, height: 32, method: 'crop' },
  { width: 96, height: 96, method: 'crop' },
  { width: 256, height: 256, method: 'crop' },
  { width: 320, height: 240, method: 'scale' },
  { width: 640, height: 480, method: 'scale' },
  { width: 800, height: 600, method: 'scale' },
] as const
type Size = (typeof sizes)[number]

const readable = new Set(['jpeg', 'png', 'gif', 'webp', 'heif'])
const maxPixels = 64_000_000
const maxFrames = 200
const maxInputBytes = 64 * 1024 * 1024
const atOnce = 2
const timeoutSeconds = 20

const cannot = () => new MatrixError(400, 'M_UNKNOWN', 'This server cannot make a thumbnail of that.')

export function makeReadThumbnail({ files }: { files: MediaFiles }): ReadThumbnail {
  const making = new Map<string, Promise<Thumbnail>>()
  const waiting: (() => void)[] = []
  let running = 0

  async function make(media: FoundMedia, variant: string, size: Size, animated: boolean): Promise<Thumbnail> {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      const thumbnail = await render(files.pathOf(media.sha256), size, animated)
      await files.storeThumbnail(media.sha256, `${variant}.${extensionOf(thumbnail)}`, thumbnail.bytes)
      return thumbnail
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }

  return async (media, request) => {
    if (media.size > maxInputBytes)
      throw new MatrixError(413, 'M_TOO_LARGE', 'The image is too large to make thumbnails of.')
    const size = chooseSize(request)
    const variant = `${size.width}x${size.height}-${size.method}${request.animated ? '-animated' : ''}`
    const kept = await readKept(files, media.sha256, variant)
    if (kept) return kept
    const key = `${media.sha256} ${variant}`
    const made = making.get(key) ?? make(media, variant, size, request.animated)
    making.set(key, made)
    return made.finally(() => making.delete(key))
  }
}

/** The smallest size of the wanted kind that is large enough, else the largest of that kind. */
export function chooseSize({ width, height, method }: ThumbnailRequest): Size {
  const ofKind = sizes.filter((size) => size.method === (method ?? 'scale'))
  return ofKind.find((size) => size.width >= width && size.height >= height) ?? ofKind.at(-1)!
}

const types = { jpg: 'image/jpeg', png: 'image/png', webp: 'image/webp' } as const
type Extension = keyof typeof types
const extensions = Object.keys(types) as Extension[]
const extensionOf = ({ contentType }: Thumbnail) => extensions.find((name) => types[name] === contentType)!

async function readKept(files: MediaFiles, sha256: string, variant: string): Promise<Thumbnail | undefined> {
  for (const extension of extensions) {
    const path = files.thumbnailPathOf(sha256, `${variant}.${extension}`)
    if (await fileExists(path)) return { contentType: types[extension], bytes: await readFile(path) }
  }
  return undefined
}

async function render(path: string, size: Size, animated: boolean): Promise<Thumbnail> {
  try {
    const options = { limitInputPixels: maxPixels, failOn: 'error', sequentialRead: true } as const
    const facts = await sharp(path, options).metadata()
    if (!readable.has(facts.format ?? '')) throw cannot()
    const frames = Math.min(facts.pages ?? 1, maxFrames)
    const moves = animated && frames > 1
    const image = sharp(path, { ...options, ...(moves && { pages: frames }) })
      .timeout({ seconds: timeoutSeconds })
      .autoOrient()
      .resize({
        width: size.width,
        height: size.height,
        fit: size.method === 'crop' ? 'cover' : 'inside',
        withoutEnlargement: true,
      })
    if (moves) return { contentType: types.webp, bytes: await image.webp({ quality: 75 }).toBuffer() }
    if (facts.hasAlpha) return { contentType: types.png, bytes: await image.png().toBuffer() }
    return { contentType: types.jpg, bytes: await image.jpeg({ quality: 80, mozjpeg: false }).toBuffer() }
  } catch (error) {
    if (error instanceof MatrixError) throw error
    if (/pixel limit/i.test((error as Error).message))
      throw new MatrixError(413, 'M_TOO_LARGE', 'The image has too many pixels to make thumbnails of.')
    throw cannot() // broken, or not an image: the uploader's doing
  }
}
