/**
 * The EDUs for one destination, which travel with its PDUs: typing and presence while it answers, receipts
 * whatever happens, and first of all those that must arrive.
 *
 * Receipts are written down only when they have to wait: nearly all of them never have to. Messages were written with what they
 * tell (`lasting-edus.ts`) and go in order; of a destination that is away for very long the oldest are dropped.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#edus
 */
import { Backlog } from '../delivery/backlog.js'
import type { Passengers } from '../delivery/delivery-queue.js'
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import {
  deleteOutboxEdu,
  deleteOutboxMessage,
  insertOutboxEdu,
  readOutboxEdus,
  readOutboxMessages,
} from '../store/outbox-store.js'
import type { Database } from '../store/reader.js'
import { makeEduBuffer } from './edu-buffer.js'
import type { Edu } from './edu-shapes.js'
import { transactionLimits } from './transaction-limits.js'

export type StoredEdu = { position: number; edu: Edu }
/** `messages` and `stored` are on disk, `lasting` will be if they have to wait, `passing` never are. */
export type EduLoad = {
  messages: readonly StoredEdu[]
  stored: readonly StoredEdu[]
  lasting: readonly Edu[]
  passing: readonly Edu[]
}

export type EduPassengers = Passengers<EduLoad> & {
  add(edu: Edu): void
  /** One that is durable. */
  addMessage(message: StoredEdu): void
  counted(rows: { edus: number; messages: number }): void
}

const maxEdus = transactionLimits.edus
/** EDUs of receipts that wait on disk for one destination: later receipts make older ones pointless anyway. */
const maxStored = 50
/** Of one transaction: their number, and characters of their content as long as there is more than one. */
const messageLimits = { count: 50, length: 500_000 }
/** Messages that wait for one destination. */
const maxMessages = 20_000
/** In memory, for a destination that is away. */
const maxWaiting = 100

export const edusOf = ({ messages, stored, lasting, passing }: EduLoad): Edu[] => [
  ...messages.map(({ edu }) => edu),
  ...stored.map(({ edu }) => edu),
  ...lasting,
  ...passing,
]

type Needs = { db: Database; clock: Clock; log: Pick<Logger, 'warn'>; destination: ServerName; mayHaveRows: boolean }

export function makeEduPassengers({ db, clock, log, destination, mayHaveRows }: Needs): EduPassengers {
  const buffer = makeEduBuffer()
  const messages = new Backlog<StoredEdu>(
    {
      load: async (after, limit) => (await readOutboxMessages(db, destination, after, limit)).map(parse),
      remove: (items) => remove(items, deleteOutboxMessage),
    },
    { maxInMemory: messageLimits.count, mayHaveRows },
  )
  /** How many of the last load that was not taken were messages. */
  let delayedMessages = 0

  const parse = ({ position, edu }: { position: number; edu: string }) => ({ position, edu: JSON.parse(edu) as Edu })
  const remove = (items: readonly StoredEdu[], of: typeof deleteOutboxMessage) =>
    db.commit(() => ({
      writes: items.map(({ position }) => of(destination, position)),
      changes: [],
      result: undefined,
    }))

  /** Nobody can use the keys in messages of months ago; and the disk is ours. */
  async function dropOldest(): Promise<void> {
    while (messages.length > maxMessages) {
      const oldest = await messages.peek(messageLimits.count)
      if (oldest.length === 0) return
      await messages.remove(oldest)
      log.warn({ dropped: oldest.length }, 'messages to devices of a server that is away were dropped')
    }
  }
  const backlog = new Backlog<StoredEdu>(
    {
      load: async (after, limit) => (await readOutboxEdus(db, destination, after, limit)).map(parse),
      remove: (items) => remove(items, deleteOutboxEdu),
    },
    { maxInMemory: maxEdus, mayHaveRows },
  )

  /** Microseconds since the epoch, each once: rows of an earlier run come before those of this one. */
  let lastPosition = 0
  const nextPosition = () => {
    lastPosition = Math.max(lastPosition + 1, clock.now() * 1000)
    return lastPosition
  }

  async function store(edus: readonly Edu[]): Promise<StoredEdu[]> {
    if (edus.length === 0) return []
    const stored = edus.map((edu) => ({ position: nextPosition(), edu }))
    const writes = stored.map(({ position, edu }) =>
      insertOutboxEdu(destination, { position, edu: JSON.stringify(edu) }),
    )
    await db
      .commit(() => ({ writes, changes: [], result: undefined }))
      .catch((error: unknown) => {
        for (const edu of edus) buffer.add(edu)
        throw error
      })
    for (const item of stored) backlog.add(item)
    if (backlog.length > maxStored) await backlog.remove(await backlog.peek(backlog.length - maxStored))
    return stored
  }

  return {
    add: buffer.add,
    addMessage: (message) => messages.add(message),
    counted(rows) {
      backlog.counted(rows.edus)
      messages.counted(rows.messages)
    },
    get mayHaveSome() {
      return buffer.size > 0 || backlog.mayHaveSome || messages.mayHaveSome
    },
    get areCrowded() {
      return buffer.size > maxWaiting
    },
    isSome: (load) => edusOf(load).length > 0,
    positionsOf: (load) => [...load.messages, ...load.stored].map(({ position }) => position),
    async board(seats) {
      const first = seats === undefined ? messageLimits.count : Math.min(seats, delayedMessages)
      const lasting = first === 0 ? [] : firstOf(await messages.peek(first), seats === undefined)
      const stored = await backlog.peek(seats === undefined ? maxEdus - lasting.length : seats - lasting.length)
      const buffered = seats === undefined ? buffer.take(maxEdus - lasting.length - stored.length) : []
      return {
        messages: lasting,
        stored,
        lasting: buffered.filter((edu) => edu.edu_type === 'm.receipt'),
        passing: buffered.filter((edu) => edu.edu_type !== 'm.receipt'),
      }
    },
    async arrived(load) {
      await Promise.all([messages.remove(load.messages), backlog.remove(load.stored)])
    },
    async delayed(load) {
      delayedMessages = load.messages.length
      const stored = [...load.stored, ...(await store(load.lasting))]
      return { messages: load.messages, stored, lasting: [], passing: [] }
    },
    async rest() {
      buffer.dropEphemeral()
      await store(buffer.takeLasting())
      await dropOldest()
      backlog.release()
      messages.release()
    },
  }
}

/** As many as fit, at least one. @param isCut false for a load that is repeated as it was */
function firstOf(messages: readonly StoredEdu[], isCut: boolean): readonly StoredEdu[] {
  if (!isCut) return messages
  let length = 0
  const end = messages.findIndex(({ edu }, i) => {
    length += JSON.stringify(edu).length
    return i > 0 && length > messageLimits.length
  })
  return end < 0 ? messages : messages.slice(0, end)
}
