/**
 * The order of what is never stored: typing and presence changes of this process, counted from 1.
 *
 * One counter for both, so that a sync token carries one number beside the stream position.
 */
import { randomId } from '../kernel/clock.js'

export type EphemeralStream = {
  /** Names this process in tokens. */
  readonly boot: string
  /** The last serial given out; 0 before the first. */
  readonly serial: number
  next(): number
}

export function makeEphemeralStream(boot: string = randomId(8)): EphemeralStream {
  let serial = 0
  return {
    boot,
    get serial() {
      return serial
    },
    next: () => ++serial,
  }
}

/** The serial a token stands for in this process: 0 when another process gave it out. */
export const serialOf = (stream: EphemeralStream, token: { boot: string; serial: number } | undefined): number =>
  token && token.boot === stream.boot ? Math.min(token.serial, stream.serial) : 0
