/** Time and randomness, handed in so that tests never sleep and never guess. */
import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as timeout } from 'node:timers/promises'

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
  after: runAfter,
  every(ms, run) {
    if (ms > longestTimerMs) return everyLong(ms, run)
    const timer = setInterval(run, ms)
    timer.unref()
    return { cancel: () => clearInterval(timer) }
  },
}

/** What is longer would run at once: the system's timers count in 31 bits (24.8 days). */
export const longestTimerMs = 2 ** 31 - 1

/** Of any length: a long wait is several. */
function runAfter(ms: number, run: () => void): Timer {
  const rest = ms - longestTimerMs
  let next: Timer | undefined
  const goOn = () => {
    next = runAfter(rest, run)
  }
  const timer = rest > 0 ? setTimeout(goOn, longestTimerMs) : setTimeout(run, ms)
  timer.unref()
  return {
    cancel() {
      clearTimeout(timer)
      next?.cancel()
    },
  }
}

function everyLong(ms: number, run: () => void): Timer {
  let timer: Timer
  const plan = () => {
    timer = runAfter(ms, () => {
      plan()
      run()
    })
  }
  plan()
  return { cancel: () => timer.cancel() }
}

/** Waits a short while for its own sake, also where nothing else keeps the process alive. */
export const pause = (ms: number): Promise<void> => timeout(Math.min(ms, longestTimerMs))

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** `length` random letters and digits: identifiers that are not secrets (room localparts, media IDs, device IDs). */
export function randomId(length: number): string {
  let id = ''
  for (let i = 0; i < length; i++) id += alphabet[randomInt(alphabet.length)]
  return id
}

/** 256 bits, URL-safe: tokens. */
export const randomSecret = () => randomBytes(32).toString('base64url')
