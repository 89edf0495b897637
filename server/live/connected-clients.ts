/**
 * How many clients are there: every window (a live channel that showed its token), and every other device that waits in
 * /sync or was in it a moment ago. A client that polls is between two requests for a moment each time, and is not gone.
 */
import type { Clock } from '../kernel/clock.js'

/** Between two requests of a client that is there. */
const graceMs = 10_000

type Device = { waiting: number; lastAt: number }

export class ConnectedClients {
  readonly #devices = new Map<string, Device>()

  constructor(
    private readonly clock: Clock,
    /** The device of each window, as often as it has windows. */
    private readonly windows: () => readonly string[],
  ) {}

  /** A device's request that waits for news. */
  async during<T>(device: string, request: () => Promise<T>): Promise<T> {
    const known = this.#devices.get(device) ?? { waiting: 0, lastAt: 0 }
    this.#devices.set(device, known)
    known.waiting++
    try {
      return await request()
    } finally {
      known.waiting--
      known.lastAt = this.clock.elapsed()
    }
  }

  get count(): number {
    const windows = this.windows()
    const withWindow = new Set(windows)
    const since = this.clock.elapsed() - graceMs
    let others = 0
    for (const [device, { waiting, lastAt }] of this.#devices) {
      if (waiting === 0 && lastAt < since) this.#devices.delete(device)
      else if (!withWindow.has(device)) others++
    }
    return windows.length + others
  }
}

export const deviceKey = (userId: string, deviceId: string | undefined): string => `${userId} ${deviceId ?? ''}`
