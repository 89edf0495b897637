/** The sender's queues against a peer that answers, fails, comes back; and against a restart. */
import { describe, expect, test, vi } from 'vitest'
import type { JsonObject } from '../../../server/events/pdu.js'
import { makeDestinations } from '../../../server/federation/destinations.js'
import { receiptEdu, typingEdu } from '../../../server/federation/edu-shapes.js'
import type { FederationClient, FederationRequest } from '../../../server/federation/federation-client.js'
import { FederationError } from '../../../server/federation/federation-error.js'
import { makeFederationSender } from '../../../server/federation/federation-sender.js'
import { makeTraffic } from '../../../server/federation/traffic.js'
import { type EventId, parseServerName, type RoomId, type ServerName } from '../../../server/kernel/identifiers.js'
import { setEvent } from '../../../server/store/event-store.js'
import { outboxWrites, readOutbox, readOutboxEdus } from '../../../server/store/outbox-store.js'
import type { Change, RoomSeq } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'
import { type FakeClock, fakeClock } from '../../support/fake-clock.js'
import { user } from '../../support/rooms.js'

const name = (text: string) => parseServerName(text) as ServerName
const peer = name('peer.test')
const room = '!r:us.test' as RoomId
const alice = user('alice', 'us.test')

type Transaction = { txnId: string; to: ServerName; pdus: string[]; edus: JsonObject[] }

/** A peer that does what `answer` says: nothing means 200. */
function makePeer() {
  const received: Transaction[] = []
  const peerState = { answer: undefined as FederationError | undefined, tries: 0 }
  const client = {
    async request({ destination, path, content }: FederationRequest) {
      peerState.tries++
      if (peerState.answer) throw peerState.answer
      received.push({
        txnId: path.split('/').at(-1)!,
        to: destination,
        pdus: (content!.pdus as { content: { n: string } }[]).map((pdu) => pdu.content.n),
        edus: content!.edus as JsonObject[],
      })
      return { pdus: {} }
    },
  } as unknown as FederationClient
  return { client, received, peerState }
}

async function senderOn(db: TestDatabase, clock: FakeClock, world = makePeer()) {
  const destinations = makeDestinations({ db, clock, log: silentLogger })
  await destinations.load()
  // What the real client does with the outcome.
  const request = world.client.request
  const client = {
    async request(asked: FederationRequest) {
      try {
        const answer = await request(asked)
        destinations.succeeded(asked.destination)
        return answer
      } catch (error) {
        const failure = error as FederationError
        if (failure.isOutage) destinations.failed(asked.destination, failure)
        throw error
      }
    },
  } as unknown as FederationClient
  const sender = makeFederationSender({
    db,
    clock,
    log: silentLogger,
    serverName: name('us.test'),
    client,
    destinations,
    traffic: makeTraffic(),
    isServerAllowed: (server) => server !== 'denied.test',
    serversInRoom: async () => [peer],
  })
  const stop = db.onCommitted('send', sender.onChanges)
  return { sender, destinations, ...world, stop }
}

/** Commits a message event with its outbox rows, as rooms/ does. */
async function commitMessage(db: TestDatabase, n: string, to: ServerName[] = [peer], roomId = room): Promise<void> {
  const eventId = `$${roomId}${n}` as EventId
  const pdu = { type: 'm.room.message', content: { n } }
  await db.commit((grant) => {
    const position = grant.position()
    const change: Change = {
      kind: 'event',
      position,
      roomId,
      eventId,
      seq: 1 as RoomSeq,
      pdu,
      sender: alice,
      type: 'm.room.message',
      isCurrentState: false,
      historical: false,
      isLocal: true,
      destinations: to,
    }
    const json = JSON.stringify({ ...pdu, unsigned: { ours: true } })
    const row = { room_id: roomId, status: 'accepted' as const, pdu: json }
    return {
      writes: [setEvent(eventId, row), ...outboxWrites(to, position, eventId, roomId)],
      changes: [change],
      result: undefined,
    }
  })
}

/** Lets time pass in steps, with room for what each step sets off. */
async function pass(clock: FakeClock, ms: number, steps = 4): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await new Promise((resolve) => setTimeout(resolve, 15))
    clock.advance(ms / steps)
  }
}

const outboxOf = (db: TestDatabase, to = peer) => readOutbox(db, to, 0, 10_000)
const edusOutboxOf = (db: TestDatabase) => readOutboxEdus(db, peer, 0, 10_000)

/** The database with reads that stay open until they are let through. */
function holdReads(db: TestDatabase, which: RegExp) {
  let open!: () => void
  let held = 0
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const query: TestDatabase['query'] = async (sql, bindings) => {
    const rows = await db.query(sql, bindings)
    if (which.test(sql)) {
      held++
      await opened
    }
    return rows as never
  }
  const count = async (n: number) => {
    await vi.waitFor(() => expect(held).toBeGreaterThanOrEqual(n))
    return Math.min(held, n)
  }
  return { db: withMembers(db, { query }), open, count }
}

/** The database of a process that dies before it deletes. */
const neverDeleting = (db: TestDatabase) =>
  withMembers(db, {
    commit: (unit) =>
      db.commit((grant) => {
        const built = unit(grant)
        if (built.writes.some(({ op }) => op === 'delete')) throw new Error('killed')
        return built
      }),
  })

const withMembers = (db: TestDatabase, members: Partial<TestDatabase>): TestDatabase =>
  Object.defineProperties({} as TestDatabase, {
    ...Object.getOwnPropertyDescriptors(db),
    ...Object.getOwnPropertyDescriptors(members),
  })

const down = new FederationError(peer, 'connect', 'down')
const all = (received: Transaction[]) => received.flatMap(({ pdus }) => pdus)

describe('the federation sender', () => {
  test('sends each event once, in order, and forgets what was acknowledged', async () => {
    await using db = await openTestDatabase()
    const { received } = await senderOn(db, fakeClock())
    const sent = Array.from({ length: 30 }, (_, i) => String(i))
    for (const n of sent) await commitMessage(db, n)
    await vi.waitFor(() => expect(all(received)).toEqual(sent))
    await vi.waitFor(async () => expect(await outboxOf(db)).toEqual([]))
  })

  test('no transaction has more than fifty events, and each has an ID of its own', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const world = await senderOn(db, clock)
    world.peerState.answer = down
    for (let i = 0; i < 120; i++) await commitMessage(db, String(i))
    world.peerState.answer = undefined
    await pass(clock, 3_600_000)
    await vi.waitFor(() => expect(all(world.received).length).toBe(120))
    expect(Math.max(...world.received.map(({ pdus }) => pdus.length))).toBeLessThanOrEqual(50)
    expect(new Set(world.received.map(({ txnId }) => txnId)).size).toBe(world.received.length)
  })

  test('a peer that is down is tried ever more rarely, and gets everything when it is back', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const world = await senderOn(db, clock)
    world.peerState.answer = down
    await commitMessage(db, 'a')
    await vi.waitFor(() => expect(world.peerState.tries).toBe(1))
    await pass(clock, 3_600_000, 60)
    expect(world.peerState.tries).toBeGreaterThan(4)
    expect(world.peerState.tries).toBeLessThan(14)
    await commitMessage(db, 'b')
    world.peerState.answer = undefined
    await pass(clock, 24 * 3_600_000)
    await vi.waitFor(() => expect(all(world.received)).toEqual(['a', 'b']))
  })

  test('the repeated transaction has the ID of the first try', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const tried: string[] = []
    const world = makePeer()
    const request = world.client.request
    world.client.request = async (asked) => {
      tried.push(asked.path)
      return request(asked)
    }
    const { peerState, received } = await senderOn(db, clock, world)
    peerState.answer = down
    await commitMessage(db, 'a')
    await vi.waitFor(() => expect(tried.length).toBe(1))
    peerState.answer = undefined
    await pass(clock, 60_000)
    await vi.waitFor(() => expect(received.length).toBe(1))
    expect(tried[1]).toBe(tried[0])
  })

  test('a peer that shows itself is tried at once', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const world = await senderOn(db, clock)
    world.peerState.answer = down
    await commitMessage(db, 'a')
    await vi.waitFor(() => expect(world.destinations.retryAt(peer)).toBeGreaterThan(0))
    world.peerState.answer = undefined
    world.destinations.heardFrom(peer)
    await vi.waitFor(() => expect(all(world.received)).toEqual(['a']))
  })

  test('a peer that refuses (4xx) is not hammered either', async () => {
    await using db = await openTestDatabase()
    const world = await senderOn(db, fakeClock())
    world.peerState.answer = new FederationError(peer, 'refused', 'answered 403', { status: 403 })
    await commitMessage(db, 'a')
    await vi.waitFor(() => expect(world.destinations.retryAt(peer)).toBeGreaterThan(0))
    expect(world.peerState.tries).toBe(1)
  })

  test('after a restart the rest is sent, nothing twice', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const first = await senderOn(db, clock)
    await commitMessage(db, 'a')
    await vi.waitFor(async () => expect(await outboxOf(db)).toEqual([]))
    first.peerState.answer = down
    await commitMessage(db, 'b')
    await commitMessage(db, 'c')
    await vi.waitFor(() => expect(first.destinations.retryAt(peer)).toBeGreaterThan(0))
    await first.sender.close()
    first.stop()

    const second = await senderOn(db, clock)
    await second.sender.start()
    expect(second.received, 'the backoff survives the restart').toEqual([])
    await pass(clock, 3_600_000)
    await vi.waitFor(() => expect(all(second.received)).toEqual(['b', 'c']))
  })

  test('what is sent while the outbox of the last run is read goes out after it; nothing is deleted unsent', async () => {
    await using db = await openTestDatabase()
    await commitMessage(db, 'old')
    const reading = holdReads(db, /FROM outbox/)
    const world = await senderOn(reading.db, fakeClock())
    const started = world.sender.start()
    const sent = Array.from({ length: 120 }, (_, i) => `new${i}`)
    await Promise.all(sent.slice(0, 60).map((n) => commitMessage(reading.db, n)))
    const halfway = await reading.count(1)
    expect([halfway, world.received]).toEqual([1, []])
    reading.open()
    await Promise.all(sent.slice(60).map((n) => commitMessage(reading.db, n)))
    await started
    await vi.waitFor(() => expect(all(world.received)).toEqual(['old', ...sent]))
    await vi.waitFor(async () => expect(await outboxOf(db)).toEqual([]))
  })

  test('rows of events that have not been sent stay, whatever was acknowledged above them', async () => {
    await using db = await openTestDatabase()
    const world = await senderOn(db, fakeClock())
    await world.sender.start()
    await commitMessage(db, 'a')
    await vi.waitFor(() => expect(all(world.received)).toEqual(['a']))
    // A row that this process was never told of, as one that another node writes.
    world.stop()
    await commitMessage(db, 'untold')
    const stop = db.onCommitted('send', world.sender.onChanges)
    await commitMessage(db, 'b')
    await vi.waitFor(() => expect(all(world.received)).toContain('b'))
    await vi.waitFor(async () => expect((await outboxOf(db)).length).toBe(1))
    stop()
  })

  test('a crash between sending and deleting sends again and loses nothing', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const first = await senderOn(neverDeleting(db), clock)
    await commitMessage(db, 'a')
    await commitMessage(db, 'b')
    await vi.waitFor(() => expect(all(first.received)).toContain('a'))
    first.stop() // and no more is heard of it

    const second = await senderOn(db, clock)
    const starting = second.sender.start()
    await commitMessage(db, 'c')
    await starting
    await vi.waitFor(() => expect(all(second.received)).toEqual(['a', 'b', 'c']))
    await vi.waitFor(async () => expect(await outboxOf(db)).toEqual([]))
  })

  test('a backlog of over a thousand is cut to the newest event of each room', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const world = await senderOn(db, clock)
    world.peerState.answer = down
    await commitMessage(db, 'first')
    await vi.waitFor(() => expect(world.destinations.retryAt(peer)).toBeGreaterThan(0))
    const rooms = ['!a:us.test', '!b:us.test'] as RoomId[]
    await Promise.all(Array.from({ length: 1100 }, (_, i) => commitMessage(db, String(i), [peer], rooms[i % 2]!)))
    world.peerState.answer = undefined
    await pass(clock, 3_600_000)
    await vi.waitFor(() => expect(all(world.received)).toContain('1099'))
    expect(all(world.received).length).toBeLessThan(200)
    expect(all(world.received)).toContain('1098')
    await vi.waitFor(async () => expect(await outboxOf(db)).toEqual([]))
  })

  test('typing is dropped while the peer is down; a receipt waits, on disk', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const world = await senderOn(db, clock)
    world.peerState.answer = down
    world.sender.sendEdu([peer], typingEdu(room, alice, true))
    world.sender.sendEdu([peer], receiptEdu({ roomId: room, userId: alice, eventId: '$e' as EventId, ts: 5 }))
    clock.advance(100)
    await vi.waitFor(async () => expect((await edusOutboxOf(db)).length).toBe(1))
    await world.sender.close()
    world.stop()
    const second = await senderOn(db, clock)
    await second.sender.start()
    await pass(clock, 3_600_000)
    await vi.waitFor(() =>
      expect(second.received.flatMap(({ edus }) => edus)).toMatchObject([{ edu_type: 'm.receipt' }]),
    )
    await vi.waitFor(async () => expect(await edusOutboxOf(db)).toEqual([]))
  })

  test('receipts of one moment are one EDU; the later of two by one user counts', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const { sender, received } = await senderOn(db, clock)
    const bob = user('bob', 'us.test')
    for (const [userId, eventId] of [
      [alice, '$1'],
      [bob, '$2'],
      [alice, '$3'],
    ] as const)
      sender.sendEdu([peer], receiptEdu({ roomId: room, userId, eventId: eventId as EventId, ts: 1 }))
    clock.advance(100)
    await vi.waitFor(() => expect(received.length).toBe(1))
    const [edu] = received[0]!.edus
    expect(received[0]!.edus.length).toBe(1)
    expect(edu).toMatchObject({
      content: { [room]: { 'm.read': { [alice]: { event_ids: ['$3'] }, [bob]: { event_ids: ['$2'] } } } },
    })
  })

  test('excluded servers and ourselves get nothing', async () => {
    await using db = await openTestDatabase()
    const { received, sender } = await senderOn(db, fakeClock())
    await commitMessage(db, 'a', [name('denied.test'), name('us.test'), peer])
    await vi.waitFor(() => expect(received.map(({ to }) => to)).toEqual([peer]))
    expect(sender.destinations().map(({ destination, out_pdus }) => [destination, out_pdus])).toEqual([[peer, 1]])
  })

  test('the live tables are told of traffic, of queues and of failures as they happen', async () => {
    await using db = await openTestDatabase()
    const world = await senderOn(db, fakeClock())
    const counted: unknown[] = []
    let last: { state: string; queue_length: number; last_error?: string | undefined } | undefined
    world.sender.forwardTo({
      count: (server, counts) => void counted.push([server, counts]),
      set: (_server, state) => {
        last = state
      },
    })
    await commitMessage(db, 'a')
    await vi.waitFor(() => expect(counted).toEqual([[peer, { out_pdus: 1, out_edus: 0 }]]))
    await vi.waitFor(() => expect(last).toMatchObject({ state: 'ok', queue_length: 0 }))
    world.peerState.answer = down
    await commitMessage(db, 'b')
    await vi.waitFor(() => expect(last).toMatchObject({ state: 'backing_off', queue_length: 1 }))
    expect(last?.last_error).toContain('connect')
  })

  test('what the database keeps for itself does not go out', async () => {
    await using db = await openTestDatabase()
    const world = makePeer()
    const contents: JsonObject[] = []
    const request = world.client.request
    world.client.request = async (asked) => {
      contents.push(asked.content!)
      return request(asked)
    }
    const { received } = await senderOn(db, fakeClock(), world)
    await commitMessage(db, 'a')
    await vi.waitFor(() => expect(received.length).toBe(1))
    expect(JSON.stringify(contents)).not.toContain('ours')
  })
})
