/**
 * Encrypted events in clear, as far as anybody has looked at them; kept in memory alone.
 *
 * Who shows an event wants it; what cannot be read yet is tried again when its key comes.
 */
import type { Opened, SealedEvent } from './types.js'

export type ClearEvents = {
  /** Undefined while it has not been tried. */
  get(eventId: string): Opened | undefined
  /** Has events of a room decrypted, unless they are or are being. */
  want(roomId: string, events: readonly SealedEvent[]): void
  /** Tries again what waits for these keys; for any where it is not said for which. */
  retry(sessionIds?: readonly string[]): void
  /** Calls back when something has been tried. Returns a function that stops it. */
  subscribe(listener: () => void): () => void
}

type Open = (ask: { roomId: string; events: readonly SealedEvent[] }) => Promise<Opened[]>

const batchSize = 40
const mostKept = 20_000

export function makeClearEvents(open: Open): ClearEvents {
  const known = new Map<string, Opened>()
  const locked = new Map<string, { roomId: string; event: SealedEvent }>()
  const pending = new Map<string, { roomId: string; event: SealedEvent }>()
  const listeners = new Set<() => void>()
  let isWorking = false

  function nextBatch(): { roomId: string; events: SealedEvent[] } | undefined {
    const [first] = pending.values()
    if (!first) return undefined
    const events: SealedEvent[] = []
    for (const { roomId, event } of pending.values()) {
      if (roomId !== first.roomId) continue
      events.push(event)
      if (events.length === batchSize) break
    }
    return { roomId: first.roomId, events }
  }

  function keep(roomId: string, event: SealedEvent, opened: Opened): void {
    pending.delete(event.event_id)
    known.delete(event.event_id)
    known.set(event.event_id, opened)
    if (opened.kind === 'locked') locked.set(event.event_id, { roomId, event })
    else locked.delete(event.event_id)
    if (known.size <= mostKept) return
    const [oldest] = known.keys()
    known.delete(oldest!)
    locked.delete(oldest!)
  }

  async function work(): Promise<void> {
    if (isWorking) return
    isWorking = true
    try {
      await Promise.resolve() // what is wanted together goes together
      for (let batch = nextBatch(); batch; batch = nextBatch()) {
        const { roomId, events } = batch
        const opened = await open(batch)
        for (const [index, event] of events.entries()) keep(roomId, event, opened[index]!)
        for (const listener of [...listeners]) listener()
      }
    } catch {
      pending.clear() // the tab is done
    } finally {
      isWorking = false
    }
  }

  return {
    get: (eventId) => known.get(eventId),
    want(roomId, events) {
      for (const event of events) if (!known.has(event.event_id)) pending.set(event.event_id, { roomId, event })
      if (pending.size > 0) void work()
    },
    retry(sessionIds) {
      const wanted = sessionIds && new Set(sessionIds)
      for (const [eventId, waiting] of locked) {
        const opened = known.get(eventId)
        const sessionId = opened?.kind === 'locked' ? opened.sessionId : undefined
        if (!wanted || (sessionId !== undefined && wanted.has(sessionId))) pending.set(eventId, waiting)
      }
      if (pending.size > 0) void work()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
