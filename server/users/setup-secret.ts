/**
 * The secret that lets somebody set a new server up: whoever starts the server is shown it, nobody else.
 *
 * Where a request comes from proves nothing: behind a proxy or a tunnel everybody comes from this machine. So the
 * first administrator shows what was printed or opened when the server started. It is made anew at each start, is kept
 * in memory alone, and is worth nothing once there is an account.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { randomSecret } from '../kernel/clock.js'

export type SetupSecret = {
  /** For the host, which shows it to the person who started it. */
  readonly text: string
  isRight(given: string | undefined): boolean
}

/** Request header that carries it. */
export const setupSecretHeader = 'x-hearth-setup'

export function makeSetupSecret(): SetupSecret {
  const text = randomSecret()
  return { text, isRight: (given) => given !== undefined && isSameSecret(given, text) }
}

/** Compares in a time that says nothing of where they differ, nor of their length. */
export function isSameSecret(given: string, known: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(known))
}
