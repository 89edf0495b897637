/**
 * Secrets that an address carries in its fragment: that of a new server (`#setup=…`), that of an invitation (`#invite=…`).
 *
 * Each is taken out of the address at once, so that it stands in no history and no screenshot, and kept for this tab,
 * so that reloading it does not lose it.
 */
import { makeStore, type Store } from '../live/store.js'

type Kind = 'setup' | 'invite'

const keyOf = (kind: Kind) => `hearth.${kind}`
const read = (kind: Kind) => (typeof sessionStorage === 'undefined' ? null : sessionStorage.getItem(keyOf(kind)))

/** The token of the invitation that this tab was opened with. */
export const invitation: Store<string | undefined> = makeStore(read('invite') ?? undefined)

/** To be called before anything reads the address, and when it changes. */
export function takeAddressSecrets(): void {
  const [, kind, secret] = /^#(setup|invite)=([\w-]+)$/.exec(location.hash) ?? []
  if (secret === undefined) return
  sessionStorage.setItem(keyOf(kind as Kind), secret)
  history.replaceState(null, '', location.pathname + location.search)
  if (kind === 'invite') invitation.set(secret)
}

/** Header of a request that sets the server up; empty without the secret. In the desktop app the host adds it. */
export function setupSecretHeader(): Record<string, string> {
  const secret = read('setup')
  return secret === null ? {} : { 'x-hearth-setup': secret }
}

export function forgetSecret(kind: Kind): void {
  sessionStorage.removeItem(keyOf(kind))
  if (kind === 'invite') invitation.set(undefined)
}
