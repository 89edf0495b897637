/** Time and randomness, handed in so that tests never sleep and never guess. */
import { randomBytes, randomInt } from 'node:crypto'

export type Timer = { cancel(): void }

export type Clock = {
  /** Milliseconds since the epoch, as `origin_server_ts` wants them. */
  now(): number
  /** Monotonic milliseconds, for measuring. */
  elapsed(): number
  /** Runs once after `ms`; the timer never keeps the process alive. */
  after(ms: number, run: () => void): Timer
  /** Runs every `ms` until cancelled. */
  every(ms: number, run: () => void): Timer
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms, run) {
    const timer = setInterval(run, ms)
    timer.unref()
    return { cancel: () => clearInterval(timer) }
  },
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** `length` random letters and digits: identifiers that are not secrets (room localparts, media IDs, device IDs). */
export function randomId(length: number): string {
  let id = ''
  for (let i = 0; i < length; i++) id += alphabet[randomInt(alphabet.length)]
  return id
}

/** 256 bits, URL-safe: tokens. */
export const randomSecret = () => randomBytes(32).toString('base64url')
