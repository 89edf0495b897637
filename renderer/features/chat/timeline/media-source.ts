/**
 * What a message says of its file: where it lies, what it is called, how large it is. Pure; it is another's word.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#extensions-to-mroommessage-msgtypes
 */
import { readEncryptedFile } from '../../../platform/matrix/encrypted-file.js'
import type { MediaSource } from '../../../platform/matrix/media.js'

type Content = Record<string, unknown>
type Info = Partial<
  Record<'w' | 'h' | 'size' | 'mimetype' | 'thumbnail_url' | 'thumbnail_file' | 'thumbnail_info', unknown>
>

export const infoOf = (content: Content): Info =>
  typeof content.info === 'object' && content.info !== null ? content.info : {}
const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
export const fileNameOf = (content: Content) => text(content.filename) ?? text(content.body) ?? 'file'

export function sourceOf(content: Content): MediaSource | undefined {
  const file = readEncryptedFile(content.file)
  return file ? { file, type: text(infoOf(content).mimetype) } : text(content.url)
}

/** Of what is encrypted, too: the sender's own, since the server can make none. */
export function thumbnailOf(content: Content): MediaSource | undefined {
  const { thumbnail_file, thumbnail_url, thumbnail_info } = infoOf(content)
  const file = readEncryptedFile(thumbnail_file)
  return file ? { file, type: text((thumbnail_info as Info | undefined)?.mimetype) } : text(thumbnail_url)
}
