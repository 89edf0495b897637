/**
 * The secret that the address of a new server carries (`#setup=…`), for the questions of the first run.
 *
 * It is taken out of the address at once, so that it stands in no history and no screenshot, and kept for this tab,
 * so that reloading it does not lose it.
 */
const key = 'hearth.setup'

/** To be called before anything reads the address. */
export function takeSetupSecret(): void {
  const secret = /^#setup=([\w-]+)$/.exec(location.hash)?.[1]
  if (secret === undefined) return
  sessionStorage.setItem(key, secret)
  history.replaceState(null, '', location.pathname + location.search)
}

/** Header of a request that needs it; empty where there is none. In the desktop app the host adds it. */
export function setupSecretHeader(): Record<string, string> {
  const secret = sessionStorage.getItem(key)
  return secret === null ? {} : { 'x-hearth-setup': secret }
}

export const forgetSetupSecret = () => sessionStorage.removeItem(key)
