/**
 * Headers under which media is served: a browser that is led to it must not run it.
 *
 * Only types that cannot carry scripts are shown in place; everything else is a download. The
 * sandbox policy holds even where a browser shows it anyway.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#security-considerations-5
 */
/** The spec's list of what may be shown inline. */
const inlineTypes = new Set([
  'text/css',
  'text/plain',
  'text/csv',
  'application/json',
  'application/ld+json',
  'image/jpeg',
  'image/gif',
  'image/png',
  'image/apng',
  'image/webp',
  'image/avif',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
  'audio/mp4',
  'audio/webm',
  'audio/aac',
  'audio/mpeg',
  'audio/ogg',
  'audio/wave',
  'audio/wav',
  'audio/x-wav',
  'audio/x-pn-wav',
  'audio/flac',
  'audio/x-flac',
])

export function contentHeaders(options: {
  contentType: string
  size: number
  /** Names the file for whoever saves it. */
  fileName: string | undefined
}): Record<string, string> {
  const contentType = withCharset(toContentType(options.contentType))
  const essence = contentType.split(';', 1)[0]!.trim().toLowerCase()
  const disposition = inlineTypes.has(essence) ? 'inline' : 'attachment'
  return {
    'content-type': contentType,
    'content-length': String(options.size),
    'content-disposition': `${disposition}${fileNameParameter(options.fileName)}`,
    'content-security-policy':
      "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';",
    'cross-origin-resource-policy': 'cross-origin',
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, max-age=31536000, immutable',
    'referrer-policy': 'no-referrer',
  }
}

/** Text of which nobody says how it is encoded is UTF-8, or a browser guesses. */
const withCharset = (contentType: string) =>
  /^text\/[^;]*$/i.test(contentType) ? `${contentType.trim()}; charset=utf-8` : contentType

/** What an uploader said, if it can stand in a header at all. */
export const toContentType = (given: string | undefined): string =>
  given !== undefined && /^[\w.+-]+\/[\w.+-]+(?:\s*;[\x20-\x7e]*)?$/.test(given) && given.length <= 255
    ? given
    : 'application/octet-stream'

/** What turns the direction of writing stays: the name is the uploader's, and who saves it decides what they take of it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unshown = /[\u0000-\u001f\u007f-\u009f]/g

function fileNameParameter(name: string | undefined): string {
  if (!name) return ''
  const safe = name.replace(unshown, '').slice(0, 255)
  if (/^[\x20-\x7e]*$/.test(safe)) return `; filename="${safe.replace(/["\\]/g, '\\$&')}"`
  return `; filename*=utf-8''${encodeURIComponent(Buffer.from(safe).toString()).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`
}
