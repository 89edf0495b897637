/**
 * How long the event loop stood still: the longest time of each second, measured once for all who want to know.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock, Timer } from './clock.js'

/** How often the loop is probed, in milliseconds; the histogram counts that along. */
const resolutionMs = 10

export class StallMeter {
  readonly #delay = monitorEventLoopDelay({ resolution: resolutionMs })
  readonly #listeners = new Set<(longestMs: number) => void>()
  readonly #timer: Timer

  constructor(clock: Clock) {
    this.#delay.enable()
    this.#timer = clock.every(1_000, () => {
      const longestMs = this.longestMs
      this.#delay.reset()
      for (const listener of this.#listeners) listener(longestMs)
    })
  }

  /** Of the second under way. */
  get longestMs(): number {
    return Math.max(0, this.#delay.max / 1e6 - resolutionMs)
  }

  /** Runs once a second with the longest stall of it. @returns stops it */
  onSecond(listener: (longestMs: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#timer.cancel()
    this.#delay.disable()
  }
}
