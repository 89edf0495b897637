/**
 * Closing what may take long (a projection of a large room, a request to a server far away) without waiting for ever:
 * it is done again at the next start, and the database must be closed within the host's own cap.
 */
import type { Clock, Timer } from './kernel/clock.js'

export const closeWithinMs = 2_500

/** @param onLate called where `work` is left behind. @throws what `work` throws in time */
export async function closeInTime(work: Promise<void> | undefined, clock: Clock, onLate: () => void): Promise<void> {
  let timer: Timer | undefined
  const late = new Promise<void>((resolve) => {
    timer = clock.after(closeWithinMs, () => {
      onLate()
      resolve()
    })
  })
  try {
    await Promise.race([work, late])
  } finally {
    timer?.cancel()
  }
}
