/**
 * Where the app is: a path in the URL's fragment.
 *
 * A fragment, because the same files are served from a folder, from app:// and from loopback, and
 * reloading any address must find them. Paths: `/room/!id`, `/room/!id/$event`, `/home/live`,
 * `/settings`, and `/link/<user, room or alias>[/$event][?via=…]` for what a Matrix link names.
 * Notifications and deep links of the desktop bring the same paths.
 */
import { makeStore, useStore } from '../live/store.js'
import { platform } from '../platform/bridge.js'

export type Route = {
  section: 'chat' | 'home' | 'settings' | 'link'
  parts: readonly string[]
  /** Servers to join through, of a link. */
  via: readonly string[]
}

/** @param path decoded by its parts; unknown ones lead to the chat */
export function parseRoute(path: string): Route {
  const [pathname = '', query = ''] = path.replace(/^#/, '').split('?')
  const [first, ...rest] = pathname.split('/').filter(Boolean).map(decodePart)
  const via = new URLSearchParams(query).getAll('via')
  if (first === 'home' || first === 'settings' || first === 'link') return { section: first, parts: rest, via }
  return { section: 'chat', parts: first === 'room' ? rest : [], via }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // a stray % is itself
  }
}

export const roomPath = (roomId: string, eventId?: string) =>
  `/room/${encodeURIComponent(roomId)}${eventId ? `/${encodeURIComponent(eventId)}` : ''}`

/** The page for what a link names; it goes on to the room where the user is in it. */
export function linkPath(entity: string, via: readonly string[] = [], eventId?: string): string {
  const query = via.map((server) => `via=${encodeURIComponent(server)}`).join('&')
  const event = eventId ? `/${encodeURIComponent(eventId)}` : ''
  return `/link/${encodeURIComponent(entity)}${event}${query ? `?${query}` : ''}`
}

const store = makeStore<Route>(parseRoute(typeof location === 'undefined' ? '' : location.hash))

/** @param how `replace` leaves no step for Back */
export function navigate(path: string, how: 'push' | 'replace' = 'push'): void {
  const url = `#${path}`
  if (how === 'replace') history.replaceState(null, '', url)
  else history.pushState(null, '', url)
  store.set(parseRoute(path))
}

export const useRoute = () => useStore(store)
export const currentRoute = () => store.get()

/** Follows Back, typed addresses and the desktop's links. Returns a function that stops it. */
export function followAddress(): () => void {
  const take = () => store.set(parseRoute(location.hash))
  window.addEventListener('popstate', take)
  window.addEventListener('hashchange', take)
  const stop = platform.onNavigate((path) => navigate(path))
  return () => {
    window.removeEventListener('popstate', take)
    window.removeEventListener('hashchange', take)
    stop()
  }
}
