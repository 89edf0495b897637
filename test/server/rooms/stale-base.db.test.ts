/** Readers see only what is durable, and nothing is built on what failed: orders of events that are made to happen. */
import { describe, expect, test } from 'vitest'
import type { EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import type { Write } from '../../../server/store/writes.js'
import { openTestDatabase } from '../../support/database.js'
import { anyCommit, makeGate, readOf } from '../../support/gate.js'
import { makeTestRooms, user } from '../../support/rooms.js'
import { heldIds } from '../../support/views.js'

const alice = user('alice')
const bob = user('bob')
const topic = (text: string) => ({
  ...{ type: 'm.room.topic', stateKey: '', sender: alice },
  content: { topic: text },
})
const poison = (): Write[] => [{ op: 'statement', sql: 'THROW "poison"', bindings: {} }]

async function setUp() {
  const database = await openTestDatabase()
  const gate = makeGate(database)
  const hs = await makeTestRooms(gate.db)
  const roomId = await hs.createRoom({ creator: alice, preset: 'private_chat', topic: 'before' })
  return { database, gate, hs, roomId, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
}

/** Everything that stands in the room stands on what is there, and memory says what the disk says. */
async function expectSound(
  db: Parameters<typeof makeTestRooms>[0],
  hs: Awaited<ReturnType<typeof makeTestRooms>>,
  roomId: RoomId,
) {
  const fresh = await makeTestRooms(db)
  const [stored, held] = await Promise.all([fresh.rooms.get(roomId), hs.rooms.get(roomId)])
  if (!stored || !held) throw new Error('no room')
  for (const event of await fresh.rooms.readTimeline(roomId, 1, stored.maxSeq)) {
    const named = event.pdu.prev_events as EventId[]
    expect(await fresh.rooms.readEvents(named)).toHaveLength(named.length)
    await fresh.rooms.readStateNode(roomId, event.node)
  }
  const ids = await heldIds(fresh.rooms, stored)
  expect(await heldIds(hs.rooms, held)).toEqual(ids)
  expect(await fresh.rooms.readStateNode(roomId, stored.node)).toEqual(ids)
  expect(held.extremities).toEqual(stored.extremities)
  const ends = (room: typeof held) => room.recent.slice(-20).map(({ eventId }) => eventId)
  expect(ends(held)).toEqual(ends(stored))
}

describe('while a commit is under way', () => {
  test('readers see the room as it was: state, members, timeline, events, memberships', async () => {
    await using setup = await setUp()
    const { gate, hs, roomId } = setup
    const before = await hs.rooms.get(roomId)
    const held = gate.hold(anyCommit)

    const joining = hs.inviteUser({ roomId, sender: alice, target: bob })
    await held.reached
    const changing = hs.sendEvent(roomId, topic('after'))
    await expect.poll(() => hs.rooms.get(roomId)).toBe(before)
    expect((await hs.rooms.membershipsOf(bob)).get(roomId)).toBeUndefined()
    expect(before?.localMembers.has(bob)).toBe(false)
    expect(await hs.rooms.readMember(before!, bob)).toBeUndefined()

    held.release()
    await Promise.all([joining, changing])
    const after = await hs.rooms.get(roomId)
    expect(after?.localMembers.get(bob)).toBe('invite')
    expect(after?.state.get('m.room.topic\u0000')?.pdu.content.topic).toBe('after')
    expect(before?.localMembers.has(bob)).toBe(false) // who read before keeps what they read
    expect((await hs.rooms.membershipsOf(bob)).get(roomId)?.membership).toBe('invite')
  })

  test('an event that was sent is not found before it is durable', async () => {
    await using setup = await setUp()
    const { gate, hs, roomId } = setup
    const held = gate.hold(anyCommit)
    let id: EventId | undefined
    const sending = hs.sendEvent(roomId, topic('after'), {
      writes: (eventId) => {
        id = eventId
        return []
      },
    })
    await held.reached

    expect(await hs.rooms.readEvent(id!)).toBeUndefined()

    held.release()
    await sending
    expect((await hs.rooms.readEvent(id!))?.seq).toBeDefined()
  })

  test('the same event again is known only once it is durable', async () => {
    await using setup = await setUp()
    const { gate, hs, roomId } = setup
    const held = gate.hold(anyCommit)
    const first = hs.sendEvent(roomId, topic('said twice'))
    await held.reached
    let isAnswered = false
    const again = hs.sendEvent(roomId, topic('said twice')).then((eventId) => {
      isAnswered = true
      return eventId
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isAnswered).toBe(false)

    held.release()
    expect(await again).toBe(await first)
  })
})

describe('when a commit fails', () => {
  test('nothing of it was ever to be seen, and what was built on it is built again on what is durable', async () => {
    await using setup = await setUp()
    const { database, gate, hs, roomId } = setup
    const held = gate.hold(anyCommit)
    const lost = hs.sendEvent(roomId, topic('lost')).catch((error: Error) => error.message)
    await held.reached
    const later = [hs.sendText(roomId, alice, 'one'), hs.sendText(roomId, alice, 'two')]

    held.fail(new Error('disk full'))

    expect(await lost).toBe('disk full')
    await Promise.all(later)
    expect((await hs.rooms.get(roomId))?.state.get('m.room.topic\u0000')?.pdu.content.topic).toBe('before')
    await expectSound(database, hs, roomId)
  })

  test('an event whose writer waited meanwhile, however long, is not committed on what failed', async () => {
    await using setup = await setUp()
    const { database, gate, hs: first, roomId } = setup
    const target = await first.sendText(roomId, alice, 'to be redacted')
    const hs = await makeTestRooms(gate.db) // the target is not in memory
    await hs.rooms.get(roomId)
    const commit = gate.hold(anyCommit)
    const read = gate.hold(readOf('SELECT * FROM $ids'))

    const lost = hs.sendEvent(roomId, topic('lost')).catch((error: Error) => error.message)
    await commit.reached
    const redacting = hs.sendEvent(roomId, { type: 'm.room.redaction', sender: alice, content: { redacts: target } })
    await read.reached // it stands on the topic, and waits
    commit.fail(new Error('disk full'))
    expect(await lost).toBe('disk full')
    read.release()

    await redacting
    await expectSound(database, hs, roomId)
  })

  test('a unit that fails among others in one batch takes nothing along but what stands on it', async () => {
    await using setup = await setUp()
    const { database, hs, roomId } = setup
    const sends = Array.from({ length: 30 }, (_, i) =>
      i % 3 === 1
        ? hs.sendEvent(roomId, topic(`lost ${i}`), { writes: poison })
        : i % 3 === 2
          ? hs.sendEvent(roomId, topic(`kept ${i}`))
          : hs.sendText(roomId, alice, `text ${i}`),
    )

    const outcomes = await Promise.allSettled(sends)

    expect(outcomes.map(({ status }) => status)).toEqual(
      outcomes.map((_, i) => (i % 3 === 1 ? 'rejected' : 'fulfilled')),
    )
    await expectSound(database, hs, roomId)
  })

  test('who was refused by a state that failed is judged again', async () => {
    await using setup = await setUp()
    const { gate, hs, roomId } = setup
    await hs.inviteUser({ roomId, sender: alice, target: bob })
    await hs.joinRoom({ roomId, sender: bob })
    const held = gate.hold(anyCommit)
    const ban = hs.banUser({ roomId, sender: alice, target: bob }).catch((error: Error) => error.message)
    await held.reached
    const sending = hs.sendText(roomId, bob, 'am I in?')

    held.fail(new Error('disk full'))

    expect(await ban).toBe('disk full')
    await expect(sending).resolves.toMatch(/^\$/)
  })

  test('a room that is created leaves nothing behind', async () => {
    await using setup = await setUp()
    const { gate, hs } = setup
    const held = gate.hold(anyCommit)
    const creating = hs.createRoom({ creator: bob, name: 'Lost' })
    await held.reached
    held.fail(new Error('disk full'))

    await expect(creating).rejects.toThrow('disk full')
    expect((await hs.rooms.membershipsOf(bob as UserId)).size).toBe(0)
    const made = await hs.createRoom({ creator: bob, name: 'Found' })
    expect((await hs.rooms.get(made))?.maxSeq).toBeGreaterThan(5)
  })
})
