/**
 * Where the app is: a path in the URL's fragment.
 *
 * A fragment, because the same files are served from a folder, from app:// and from loopback, and
 * reloading any address must find them. Paths: `/room/!id`, `/room/!id/$event`, `/home/live`,
 * `/settings`. Notifications and deep links of the desktop bring the same paths.
 */
import { makeStore, useStore } from '../live/store.js'
import { platform } from '../platform/bridge.js'

export type Route = { section: 'chat' | 'home' | 'settings'; parts: readonly string[] }

/** @param path decoded by its parts; unknown ones lead to the chat */
export function parseRoute(path: string): Route {
  const parts = path.replace(/^#/, '').split('/').filter(Boolean).map(decodePart)
  const [first, ...rest] = parts
  if (first === 'home' || first === 'settings') return { section: first, parts: rest }
  return { section: 'chat', parts: first === 'room' ? rest : [] }
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
