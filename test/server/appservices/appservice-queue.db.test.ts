/** A service's queue over restarts: nothing lost, nothing told twice under another name, nothing made larger meanwhile. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  type AppserviceQueue,
  openAppserviceQueue,
  type QueuedEvent,
} from '../../../server/appservices/appservice-queue.js'
import type { Appservice } from '../../../server/appservices/appservices.js'
import type { EventId, RoomId } from '../../../server/kernel/identifiers.js'
import { OutboundError } from '../../../server/outbound/outbound-error.js'
import { insertAppserviceRow, readAppserviceRows } from '../../../server/store/appservice-store.js'
import type { StreamPosition } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'
import { type FakeClock, fakeClock } from '../../support/fake-clock.js'

const service = { id: 'bridge', url: 'http://bridge.test' } as Appservice
const eventOf = (position: number): QueuedEvent => ({
  position: position as StreamPosition,
  eventId: `$${position}` as EventId,
  roomId: '!r:test' as RoomId,
})

let db: TestDatabase
beforeAll(async () => {
  db = await openTestDatabase()
})
afterAll(() => db[Symbol.asyncDispose]())
afterEach(() => db.query('DELETE appservice_outbox RETURN NONE; DELETE appservice_transaction RETURN NONE'))

async function queueUp(positions: number[], queue?: AppserviceQueue) {
  const rows = positions.map(eventOf)
  await db.commit(() => ({
    writes: rows.map(({ position, eventId, roomId }) =>
      insertAppserviceRow(service.id, { position, event_id: eventId, room_id: roomId }),
    ),
    changes: [],
    result: undefined,
  }))
  for (const row of rows) queue?.add(row)
}

type Sent = { txn: string; ids: string[]; ephemeral: unknown[] }

/** One run of the server: what it sends, answered by `answer`. */
async function run(options: { name: string; clock?: FakeClock; answer?: () => number | 'never' }) {
  const clock = options.clock ?? fakeClock()
  const closing = new AbortController()
  const sent: Sent[] = []
  let serial = 0
  const queue = await openAppserviceQueue(service, {
    ...{ db, clock, log: silentLogger, closing: closing.signal },
    newTxnId: () => `${options.name}-${++serial}`,
    readEvents: async (events) => events.map(({ eventId }) => ({ event_id: eventId })),
    async ask(_service, { path, content, signal }) {
      const { events, ephemeral = [] } = content as { events: { event_id: string }[]; ephemeral?: unknown[] }
      sent.push({ txn: path.split('/').at(-1)!, ids: events.map(({ event_id }) => event_id), ephemeral })
      const status = options.answer?.() ?? 200
      if (status === 'never')
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new OutboundError('aborted', 'closing'))),
        )
      return { status, body: {}, text: '{}' }
    },
  })
  return {
    ...{ queue, sent, clock },
    async end() {
      closing.abort()
      await queue.settle()
    },
  }
}

test('what was under way when the server ended is told again under its name, and only that', async () => {
  const first = await run({ name: 'first', answer: () => 'never' })
  await queueUp([1, 2, 3], first.queue)
  await expect.poll(() => first.sent.length).toBe(1)
  const before = first.sent[0]!
  // More comes while the first is under way, and then the server ends.
  await queueUp([4, 5], first.queue)
  await first.end()

  const second = await run({ name: 'second' })
  second.queue.wake()
  await expect.poll(() => second.sent.flatMap(({ ids }) => ids)).toHaveLength(5)
  expect(second.sent[0]).toEqual(before)
  expect(second.sent.slice(1).flatMap(({ ids }) => ids)).toEqual(
    ['$1', '$2', '$3', '$4', '$5'].filter((id) => !before.ids.includes(id)),
  )
  expect(new Set(second.sent.map(({ txn }) => txn)).size).toBe(second.sent.length)
  await expect.poll(() => readAppserviceRows(db, service.id, 0, 10)).toEqual([])
  await second.end()
})

test('a service that is away is asked again ever more seldom, and gets all of it in order', async () => {
  let isAway = true
  const { queue, sent, clock, end } = await run({ name: 'run', answer: () => (isAway ? 502 : 200) })
  await queueUp([1], queue)
  await expect.poll(() => sent.length).toBe(1)
  const triedAt: number[] = [clock.now()]
  for (let i = 0; i < 4; i++) {
    const before = sent.length
    for (let waited = 0; sent.length === before && waited < 60; waited++) {
      clock.advance(500)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    triedAt.push(clock.now())
  }
  const gaps = triedAt.slice(1).map((at, i) => at - triedAt[i]!)
  expect(gaps).toEqual([...gaps].sort((a, b) => a - b))
  expect(gaps.at(-1)! / gaps[0]!).toBeGreaterThan(3)
  queue.addEphemeral({ type: 'm.typing', content: {} })
  await queueUp([2, 3], queue)
  isAway = false
  clock.advance(10 * 60_000)
  await expect.poll(() => sent.at(-1)?.ids.at(-1)).toBe('$3')
  // What was only of the moment is not told late.
  expect(sent.flatMap(({ ephemeral }) => ephemeral)).toEqual([])
  expect(new Set(sent.filter(({ ids }) => ids[0] === '$1').map(({ txn }) => txn)).size).toBe(1)
  await end()
})
