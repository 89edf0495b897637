/**
 * The login session: who is signed in on this device, kept over restarts.
 *
 * One at a time, shared by all tabs of this browser. The access token lives in localStorage of the page's own origin (in the desktop
 * app: the app's private partition); the page's CSP keeps foreign script away from it.
 */
export type LoginSession = {
  userId: string
  deviceId: string
  accessToken: string
  refreshToken?: string
  /** ms since the epoch; absent when the access token does not expire */
  expiresAt?: number
}

const storageKey = 'hearth.session'

export function readLoginSession(): LoginSession | undefined {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? 'null')
    return isLoginSession(stored) ? stored : undefined
  } catch {
    return undefined // damaged or forbidden storage: sign in again
  }
}

export function storeLoginSession(session: LoginSession | undefined): void {
  if (session) localStorage.setItem(storageKey, JSON.stringify(session))
  else localStorage.removeItem(storageKey)
}

/** The same login of the same device; its tokens may have been renewed since. */
export const isSameLogin = (a: LoginSession | undefined, b: LoginSession | undefined): boolean =>
  a !== undefined && b !== undefined && a.userId === b.userId && a.deviceId === b.deviceId

function isLoginSession(value: unknown): value is LoginSession {
  if (typeof value !== 'object' || value === null) return false
  return (['userId', 'deviceId', 'accessToken'] as const).every(
    (key) => typeof (value as Record<string, unknown>)[key] === 'string',
  )
}

export const serverNameOf = (userId: string) => userId.slice(userId.indexOf(':') + 1)
export const localpartOf = (userId: string) => userId.slice(1, userId.indexOf(':'))
