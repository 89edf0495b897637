/**
 * Files of the built user interface by URL, the same over HTTP and over app://: which paths may name one, and of which
 * type it is. A path is judged by its decoded segments before any file is looked for, so that none leads out of the
 * folder, to a hidden file, or to anything but what a page is made of.
 */
import { extname } from 'node:path'

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.mp3': 'audio/mpeg',
  '.webmanifest': 'application/manifest+json',
}

/** Undefined for a file that no page is made of. */
export const pageFileType = (fileName: string): string | undefined => contentTypes[extname(fileName)]

/**
 * @param pathname of a URL, percent-encoded
 * @returns its segments; undefined for anything that could leave a folder, or name no file in it
 */
export function fileSegments(pathname: string): string[] | undefined {
  const segments: string[] = []
  for (const encoded of pathname.slice(1).split('/')) {
    const segment = decodePath(encoded)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL ends a path in C, a colon names a drive or stream
    if (!segment || segment.startsWith('.') || /[\\/\u0000:]/.test(segment)) return undefined
    segments.push(segment)
  }
  return segments
}

/** Undefined where it is not validly encoded. */
export function decodePath(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname)
  } catch {
    return undefined
  }
}
