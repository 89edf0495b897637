/**
 * Thumbnails, made when first asked for and kept beside the file.
 *
 * Sizes are rounded up to a few, so that nobody can fill the disk by asking for every size there
 * is. What the file is, its own bytes say, not its uploader: the header, before anything is decoded, says whether it
 * is small enough. Decoding happens in libvips' own threads; few at a time, because each may take hundreds of megabytes,
 * and shared out, because one user's pictures are not to keep another's waiting.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#thumbnails
 */
import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { MatrixError } from '../kernel/errors.js'
import { makeFairLanes } from '../kernel/fair-lanes.js'
import type { ServerName, UserId } from '../kernel/identifiers.js'
import type { FoundMedia } from './find-media.js'
import { fileExists, type MediaFiles } from './media-files.js'
import { makeShareWork } from './shared-work.js'

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
export type ReadThumbnail = (
  media: FoundMedia,
  request: ThumbnailRequest,
  /** Who asks, for a fair share of the lanes, and for how long they wait. */
  asker: { party: UserId | ServerName; signal: AbortSignal },
) => Promise<Thumbnail>

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
/** Longest edge: that of JPEG is 65,535, and a line of millions of pixels is decoded pixel by pixel. */
const maxEdge = 32_767
const maxFrames = 200
const maxInputBytes = 64 * 1024 * 1024
const timeoutSeconds = 20
/** Above this a picture goes where the usual ones do not have to wait for it. */
const usualPixels = 16_000_000
/** Three of the four threads that Node has for files as well. */
const laneLimits = {
  usual: { atOnce: 2, perParty: 1, waitingPerParty: 500 },
  large: { atOnce: 1, perParty: 1, waitingPerParty: 100 },
}

const tooMany = 'Too many pictures of yours wait already.'
const tooManyPixels = () => new MatrixError(413, 'M_TOO_LARGE', 'The image has too many pixels to make thumbnails of.')
const cannot = () => new MatrixError(400, 'M_UNKNOWN', 'This server cannot make a thumbnail of that.')

export function makeReadThumbnail({ files }: { files: MediaFiles }): ReadThumbnail {
  const share = makeShareWork<Thumbnail>()
  const lanes = makeFairLanes(laneLimits.usual, tooMany)
  const largeLanes = makeFairLanes(laneLimits.large, tooMany)

  return async (media, request, { party, signal }) => {
    if (media.size > maxInputBytes)
      throw new MatrixError(413, 'M_TOO_LARGE', 'The image is too large to make thumbnails of.')
    const size = chooseSize(request)
    const variant = `${size.width}x${size.height}-${size.method}${request.animated ? '-animated' : ''}`
    const kept = await readKept(files, media.sha256, variant)
    if (kept) return kept
    return share(`${media.sha256} ${variant}`, signal, async (shared) => {
      const path = files.pathOf(media.sha256)
      const facts = await lanes.run(party, shared, () => readFacts(path))
      const lane = facts.isLarge ? largeLanes : lanes
      const thumbnail = await lane.run(party, shared, () => render(path, facts, size, request.animated))
      await files.storeThumbnail(media.sha256, `${variant}.${extensionOf(thumbnail)}`, thumbnail.bytes)
      return thumbnail
    })
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

type Facts = { frames: number; hasAlpha: boolean; isLarge: boolean }

const openOptions = { limitInputPixels: maxPixels, failOn: 'error', sequentialRead: true } as const

/** What the header says, before anything is decoded. @throws MatrixError for what is not to be decoded */
async function readFacts(path: string): Promise<Facts> {
  const {
    format,
    width = 0,
    height = 0,
    pageHeight,
    pages,
    hasAlpha,
  } = await withMatrixErrors(() => sharp(path, openOptions).metadata())
  if (!readable.has(format ?? '')) throw cannot()
  const frameHeight = pageHeight ?? height
  const pixels = width * frameHeight
  if (pixels > maxPixels || Math.max(width, frameHeight) > maxEdge) throw tooManyPixels()
  // As many frames of a moving picture as may be decoded.
  const frames = Math.min(pages ?? 1, maxFrames, Math.floor(maxPixels / Math.max(1, pixels)))
  return { frames: Math.max(1, frames), hasAlpha: hasAlpha ?? false, isLarge: pixels * frames > usualPixels }
}

function render(path: string, { frames, hasAlpha }: Facts, size: Size, animated: boolean): Promise<Thumbnail> {
  const moves = animated && frames > 1
  const image = sharp(path, { ...openOptions, ...(moves && { pages: frames }) })
    .timeout({ seconds: timeoutSeconds })
    .autoOrient()
    .resize({
      width: size.width,
      height: size.height,
      fit: size.method === 'crop' ? 'cover' : 'inside',
      withoutEnlargement: true,
    })
  return withMatrixErrors(async () => {
    if (moves) return { contentType: types.webp, bytes: await image.webp({ quality: 75 }).toBuffer() }
    if (hasAlpha) return { contentType: types.png, bytes: await image.png().toBuffer() }
    return { contentType: types.jpg, bytes: await image.jpeg({ quality: 80, mozjpeg: false }).toBuffer() }
  })
}

async function withMatrixErrors<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (error) {
    if (/pixel limit/i.test((error as Error).message)) throw tooManyPixels()
    throw cannot() // broken, or not an image: the uploader's doing
  }
}
