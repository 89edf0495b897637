/**
 * What the desktop shell allows, as pure decisions: no import of electron, so every branch is tested.
 *
 * The page lives at app://local/ and nowhere else. A URL is judged after parsing, never by its
 * text: `app://local.evil/` and `app://local@evil/` start like ours.
 *
 * Deep links: https://spec.matrix.org/v1.19/appendices/#matrix-uri-scheme
 */
import {
  parseEventId,
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  parseUserId,
} from '../server/kernel/identifiers.js'
import { fileSegments } from '../server/kernel/page-files.js'

export const appScheme = 'app'
export const appHost = 'local'
export const appUrl = `${appScheme}://${appHost}/`

export function isAppUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === `${appScheme}:` && url.host === appHost && url.username === '' && url.password === ''
}

/** An origin as permission handlers give it, with or without the last slash. */
export const isAppOrigin = (origin: string) => isAppUrl(origin.endsWith('/') ? origin : `${origin}/`)

/** What may happen to a link that wants a window of its own: the system opens it, the app itself does, or nobody. */
export type LinkVerdict = { open: 'outside'; url: string } | { open: 'inside'; path: string } | { open: 'never' }

export function judgeLink(text: string): LinkVerdict {
  const inside = pathOfMatrixLink(text)
  if (inside) return { open: 'inside', path: inside }
  if (!URL.canParse(text)) return { open: 'never' }
  const url = new URL(text)
  const isWeb = url.protocol === 'https:' && url.host !== ''
  // The parsed form goes to the system, not the text: no control characters, no spaces, no quotes.
  return isWeb || url.protocol === 'mailto:' ? { open: 'outside', url: url.href } : { open: 'never' }
}

const mayAsk = new Set(['notifications', 'clipboard-sanitized-write', 'media', 'fullscreen'])

/** Permissions of a page, for the request handler and the check handler alike. Devices are never given. */
export const isPermissionAllowed = (permission: string, origin: string, isMainFrame: boolean) =>
  isMainFrame && mayAsk.has(permission) && isAppOrigin(origin)

/** Whether a message comes from our page, and not from a frame in it. */
export const isTrustedSender = (frame: { url: string } | null | undefined, mainFrame: unknown) =>
  frame !== null && frame !== undefined && frame === mainFrame && isAppUrl(frame.url)

/** What answers a request to app://. */
export type AppRequest =
  | { by: 'server' }
  /** Path segments below the folder of the built page. */
  | { by: 'file'; segments: string[] }
  | { by: 'nobody'; status: 404 | 405 }

const serverPaths = ['/_matrix/', '/_hearth/', '/_synapse/', '/.well-known/matrix/']

export function judgeAppRequest(method: string, text: string): AppRequest {
  if (!isAppUrl(text)) return { by: 'nobody', status: 404 }
  const { pathname } = new URL(text)
  if (serverPaths.some((prefix) => pathname.startsWith(prefix))) return { by: 'server' }
  if (method !== 'GET' && method !== 'HEAD') return { by: 'nobody', status: 405 }
  if (pathname === '/') return { by: 'file', segments: ['index.html'] }
  const segments = fileSegments(pathname)
  return segments ? { by: 'file', segments } : { by: 'nobody', status: 404 }
}

const entityParsers: Readonly<Record<string, (id: string) => string | undefined>> = {
  u: (id) => parseUserId(`@${id}`),
  r: (id) => parseRoomAlias(`#${id}`),
  roomid: (id) => parseRoomId(`!${id}`),
}

/**
 * The page's path for a `matrix:` URI: `/link/<entity>[/<event ID>][?via=…&action=…]`, each part percent-encoded.
 *
 * @returns undefined for anything that is no valid Matrix URI
 */
export function pathOfMatrixLink(text: string): string | undefined {
  if (!text.startsWith('matrix:') || text.length > 2048 || !URL.canParse(text)) return undefined
  const { pathname, searchParams } = new URL(text)
  let parts: string[]
  try {
    // A leading `//authority` is reserved by the scheme and has no meaning yet: it is not a path we know.
    parts = pathname.split('/').map(decodeURIComponent)
  } catch {
    return undefined
  }
  const [kind = '', id = '', eventKind, event, ...more] = parts
  const entity = Object.hasOwn(entityParsers, kind) ? entityParsers[kind]!(id) : undefined
  if (!entity || more.length > 0) return undefined
  const path = ['/link', encodeURIComponent(entity)]
  if (eventKind !== undefined) {
    const eventId = eventKind === 'e' && kind !== 'u' ? parseEventId(`$${event ?? ''}`) : undefined
    if (!eventId) return undefined
    path.push(encodeURIComponent(eventId))
  }
  const query = new URLSearchParams()
  for (const via of searchParams.getAll('via').slice(0, 10)) if (parseServerName(via)) query.append('via', via)
  const action = searchParams.get('action')
  if (action === 'join' || action === 'chat') query.set('action', action)
  return path.join('/') + (query.size > 0 ? `?${query}` : '')
}

/** The first `matrix:` link among a process's arguments, as a path of the page. */
export const linkIn = (given: readonly string[]): string | undefined =>
  given.map(pathOfMatrixLink).find((path) => path !== undefined)

/** Paths that main may be asked to navigate to: the page's own, nothing that could name a host. */
export const isPagePath = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 2048 && /^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(value)

const crashWindowMs = 60_000
const crashesAllowed = 3

/** Whether a page that crashed again is worth reloading: at most three times a minute. */
export const isReloadWise = (crashedAt: readonly number[], now: number) =>
  crashedAt.filter((at) => now - at < crashWindowMs).length <= crashesAllowed

/** Milliseconds before the nth restart (from 0) of a server process that died: 1 s, doubling, at most 30 s. */
export const restartDelayMs = (restarts: number) => Math.min(30_000, 1_000 * 2 ** restarts)
