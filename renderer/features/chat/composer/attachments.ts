/**
 * Files as message content: kind, size, dimensions, and a thumbnail for pictures that need one.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mimage
 */
import type { MessageContent } from './markdown.js'

export type Prepared = {
  content: Record<string, unknown>
  thumbnail?: Blob
  previewUrl?: string
}

const thumbnailEdge = 800
/** A picture smaller than this is its own thumbnail. */
const thumbnailFromBytes = 300_000

/** @param caption text that is shown with the file, formatted as a message of its own would be */
export async function prepareFile(file: File, caption: MessageContent | undefined): Promise<Prepared> {
  const info: Record<string, unknown> = { mimetype: file.type || 'application/octet-stream', size: file.size }
  const { msgtype: _, ...text } = caption ?? { msgtype: '', body: file.name, 'm.mentions': {} }
  const base = { ...text, filename: file.name, info }
  if (/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(file.type)) {
    const picture = await readPicture(file)
    if (picture) return withPicture(base, info, file, picture)
  }
  if (file.type.startsWith('video/')) return { content: { ...base, msgtype: 'm.video' } }
  if (file.type.startsWith('audio/')) return { content: { ...base, msgtype: 'm.audio' } }
  return { content: { ...base, msgtype: 'm.file' } }
}

type Picture = { bitmap: ImageBitmap; width: number; height: number }

async function readPicture(file: Blob): Promise<Picture | undefined> {
  try {
    const bitmap = await createImageBitmap(file)
    return { bitmap, width: bitmap.width, height: bitmap.height }
  } catch {
    return undefined // not a picture after all: it goes as a file
  }
}

async function withPicture(
  base: Record<string, unknown>,
  info: Record<string, unknown>,
  file: File,
  { bitmap, width, height }: Picture,
): Promise<Prepared> {
  Object.assign(info, { w: width, h: height })
  const isBig = file.size > thumbnailFromBytes || Math.max(width, height) > 2 * thumbnailEdge
  const isStill = file.type !== 'image/gif'
  const thumbnail = isBig && isStill ? await makeThumbnail(bitmap, width, height) : undefined
  bitmap.close()
  if (thumbnail) Object.assign(info, { thumbnail_info: thumbnail.info })
  return {
    content: { ...base, msgtype: 'm.image' },
    previewUrl: URL.createObjectURL(file),
    ...(thumbnail ? { thumbnail: thumbnail.blob } : {}),
  }
}

async function makeThumbnail(bitmap: ImageBitmap, width: number, height: number) {
  const scale = Math.min(1, thumbnailEdge / Math.max(width, height))
  const w = Math.max(1, Math.round(width * scale))
  const h = Math.max(1, Math.round(height * scale))
  const canvas = new OffscreenCanvas(w, h)
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, w, h)
  const blob = await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 })
  return { blob, info: { w, h, mimetype: blob.type, size: blob.size } }
}
