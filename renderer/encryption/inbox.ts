/**
 * What reaches this device besides rooms: messages from other devices, how many of its one-time keys are left, and whose
 * device lists have changed.
 *
 * Whoever takes a batch has it in its own store when its promise is fulfilled; only then the server is told. A crash
 * between the two brings the batch again, and the machine knows each message that it has had.
 */
export type InboxBatch = {
  /** A JSON list in the order of arrival: text, since what was signed must keep its form. */
  events: string
  /** Undefined where nothing is new. */
  keyCounts: { oneTime: Readonly<Record<string, number>>; unusedFallback: readonly string[] } | undefined
  /** Users whose devices have to be asked for again, and those with whom no room is shared any more. */
  changed: readonly string[]
  left: readonly string[]
  /** What happened meanwhile is not known any more: everybody has to be asked for again. */
  isAllChanged: boolean
}

export type Inbox = {
  /** Calls `take` with one batch after the other, and again with what could not be taken. Returns a function that stops it. */
  start(take: (batch: InboxBatch) => Promise<void>): () => void
  /** Looks for what nobody rings for: counts of keys and changed device lists. Never fails: what is not there waits. */
  look(): Promise<void>
}
