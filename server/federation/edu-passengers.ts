/**
 * The EDUs for one destination, which travel with its PDUs: typing and presence while it answers, receipts
 * whatever happens.
 *
 * Receipts are written down only when they have to wait: nearly all of them never have to.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#edus
 */
import { Backlog } from '../delivery/backlog.js'
import type { Passengers } from '../delivery/delivery-queue.js'
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import { deleteOutboxEdu, insertOutboxEdu, readOutboxEdus } from '../store/outbox-store.js'
import type { Database } from '../store/reader.js'
import { makeEduBuffer } from './edu-buffer.js'
import type { Edu } from './edu-shapes.js'
import { transactionLimits } from './transaction-limits.js'

type StoredEdu = { position: number; edu: Edu }
/** `stored` are on disk, `lasting` will be if they have to wait, `passing` never are. */
export type EduLoad = { stored: readonly StoredEdu[]; lasting: readonly Edu[]; passing: readonly Edu[] }

export type EduPassengers = Passengers<EduLoad> & { add(edu: Edu): void; counted(rows: number): void }

const maxEdus = transactionLimits.edus
/** EDUs of receipts that wait on disk for one destination: later receipts make older ones pointless anyway. */
const maxStored = 50
/** In memory, for a destination that is away. */
const maxWaiting = 100

export const edusOf = ({ stored, lasting, passing }: EduLoad): Edu[] => [
  ...stored.map(({ edu }) => edu),
  ...lasting,
  ...passing,
]

type Needs = { db: Database; clock: Clock; destination: ServerName; mayHaveRows: boolean }

export function makeEduPassengers({ db, clock, destination, mayHaveRows }: Needs): EduPassengers {
  const buffer = makeEduBuffer()
  const backlog = new Backlog<StoredEdu>(
    {
      async load(after, limit) {
        const rows = await readOutboxEdus(db, destination, after, limit)
        return rows.map(({ position, edu }) => ({ position, edu: JSON.parse(edu) as Edu }))
      },
      remove: (items) =>
        db.commit(() => ({
          writes: items.map(({ position }) => deleteOutboxEdu(destination, position)),
          changes: [],
          result: undefined,
        })),
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
    counted: (rows) => backlog.counted(rows),
    get mayHaveSome() {
      return buffer.size > 0 || backlog.mayHaveSome
    },
    get areCrowded() {
      return buffer.size > maxWaiting
    },
    isSome: (load) => edusOf(load).length > 0,
    positionsOf: ({ stored }) => stored.map(({ position }) => position),
    async board(seats) {
      const stored = await backlog.peek(seats ?? maxEdus)
      const buffered = seats === undefined ? buffer.take(maxEdus - stored.length) : []
      return {
        stored,
        lasting: buffered.filter((edu) => edu.edu_type === 'm.receipt'),
        passing: buffered.filter((edu) => edu.edu_type !== 'm.receipt'),
      }
    },
    arrived: ({ stored }) => backlog.remove(stored),
    async delayed({ stored, lasting }) {
      return { stored: [...stored, ...(await store(lasting))], lasting: [], passing: [] }
    },
    async rest() {
      buffer.dropEphemeral()
      await store(buffer.takeLasting())
      backlog.release()
    },
  }
}
