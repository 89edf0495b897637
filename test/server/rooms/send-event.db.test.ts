/** Sending into a room: the real queue and store on RocksDB, no HTTP. */
import { describe, expect, test } from 'vitest'
import { knownRoomVersions } from '../../../server/events/room-versions.js'
import { readEventRows } from '../../../server/store/event-store.js'
import { openTestDatabase } from '../../support/database.js'
import { makeTestRooms, user } from '../../support/rooms.js'
import { heldIds } from '../../support/views.js'

const alice = user('alice')
const bob = user('bob')

describe('a room in memory and on disk', async () => {
  const db = await openTestDatabase()
  const hs = await makeTestRooms(db)

  test.each([...knownRoomVersions])(
    'a room of version %s is created, joined, spoken in and read afresh',
    async (roomVersion) => {
      const roomId = await hs.createRoom({
        creator: alice,
        preset: 'public_chat',
        roomVersion,
        name: 'Hall',
        invite: [bob],
      })
      await hs.joinRoom({ roomId, sender: bob })
      const sent = await hs.sendText(roomId, bob, 'hello')

      const { rooms } = await makeTestRooms(db)
      const fresh = await rooms.get(roomId)
      const room = await hs.rooms.get(roomId)
      expect(fresh?.recent.at(-1)?.eventId).toBe(sent)
      expect([...(fresh?.localMembers ?? [])].sort()).toEqual([
        [alice, 'join'],
        [bob, 'join'],
      ])
      expect(fresh?.maxSeq).toBe(room?.maxSeq)
      expect(fresh?.node).toBe(room?.node)
      expect(fresh?.extremities).toEqual(room?.extremities)
      expect(await heldIds(rooms, fresh!)).toEqual(await hs.rooms.readStateNode(roomId, room?.node ?? -1))
    },
  )

  test('rooms made alike in the same millisecond are different rooms', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => hs.createRoom({ creator: alice, name: 'Twin' })))

    expect(new Set(made).size).toBe(20)
    for (const roomId of made) await hs.sendText(roomId, alice, 'hello')
  })

  test('a user who is not joined is refused and nothing is stored', async () => {
    const roomId = await hs.createRoom({ creator: alice })
    const before = (await hs.rooms.get(roomId))?.maxSeq

    await expect(hs.sendText(roomId, bob, 'let me in')).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })

    expect((await hs.rooms.get(roomId))?.maxSeq).toBe(before)
  })

  test('many events sent at once into one room are all there, once, in a dense order, each on the one before', async () => {
    const roomId = await hs.createRoom({ creator: alice })
    const first = (await hs.rooms.get(roomId))?.maxSeq ?? 0

    const sent = await Promise.all(Array.from({ length: 300 }, (_, i) => hs.sendText(roomId, alice, `m${i}`)))

    const timeline = await hs.rooms.readTimeline(roomId, first + 1, first + 300)
    expect(timeline.map(({ eventId }) => eventId)).toEqual(sent)
    expect(timeline.map(({ seq }) => seq)).toEqual(Array.from({ length: 300 }, (_, i) => first + 1 + i))
    for (const [i, event] of timeline.entries()) if (i > 0) expect(event.pdu.prev_events).toEqual([sent[i - 1]])
  })

  test('a room is not read a second time while somebody writes to it, however little fits into memory', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => hs.createRoom({ creator: alice })))
    const tight = await makeTestRooms(db, undefined, 2)
    await Promise.all(
      made.flatMap((roomId) =>
        Array.from({ length: 10 }, async (_, i) => {
          const target = await tight.sendText(roomId, alice, `m${i}`)
          for (const other of made) void tight.rooms.get(other)
          await tight.sendEvent(roomId, { type: 'm.room.redaction', sender: alice, content: { redacts: target } })
          await tight.sendEvent(roomId, {
            type: 'm.room.topic',
            stateKey: '',
            sender: alice,
            content: { topic: `${i}` },
          })
        }),
      ),
    )

    const fresh = await makeTestRooms(db)
    for (const roomId of made) {
      const room = (await fresh.rooms.get(roomId))!
      const timeline = await fresh.rooms.readTimeline(roomId, 1, room.maxSeq)
      for (const [i, event] of timeline.entries())
        if (i > 0) expect(event.pdu.prev_events).toEqual([timeline[i - 1]!.eventId])
      expect(await fresh.rooms.readStateNode(roomId, room.node)).toEqual(await heldIds(hs.rooms, room))
    }
  })

  test('a redaction takes the content away from memory and disk', async () => {
    const roomId = await hs.createRoom({ creator: alice })
    const target = await hs.sendText(roomId, alice, 'a secret')

    const redaction = await hs.sendEvent(roomId, {
      type: 'm.room.redaction',
      sender: alice,
      content: { redacts: target },
    })

    const [row] = await readEventRows(db, [target])
    expect(row?.pdu).not.toContain('secret')
    expect(row?.redacted_by).toBe(redaction)
    const room = await hs.rooms.get(roomId)
    expect(room?.recent.find(({ eventId }) => eventId === target)?.pdu.content).toEqual({})
    expect((await hs.rooms.readEvent(target))?.redactedBy).toBe(redaction)
  })

  test('state that says what is already so sends nothing new', async () => {
    const roomId = await hs.createRoom({ creator: alice, name: 'Hall' })
    const rename = () =>
      hs.sendEvent(roomId, { type: 'm.room.name', stateKey: '', sender: alice, content: { name: 'Yard' } })

    const first = await rename()

    expect(await rename()).toBe(first)
  })

  test('the state at an older event is what it was then', async () => {
    const roomId = await hs.createRoom({ creator: alice, name: 'one' })
    const rename = (name: string) =>
      hs.sendEvent(roomId, { type: 'm.room.name', stateKey: '', sender: alice, content: { name } })
    const nodes: { name: string; node: number }[] = []
    for (let i = 0; i < 80; i++) {
      const eventId = await rename(`name ${i}`)
      const event = await hs.rooms.readEvent(eventId)
      nodes.push({ name: `name ${i}`, node: event?.node ?? -1 })
    }

    const fresh = await makeTestRooms(db)
    for (const { name, node } of nodes) {
      const entry = await fresh.rooms.readStateEntryAt(roomId, node, 'm.room.name', '')
      expect(entry?.pdu.content.name).toBe(name)
    }
  })

  test('a failed commit fails its own event alone; what was built on it is built again', async () => {
    const roomId = await hs.createRoom({ creator: alice })
    const poison = () => [{ op: 'statement' as const, sql: 'THROW "poison"', bindings: {} }]
    const sends = Array.from({ length: 20 }, (_, i) =>
      hs.sendEvent(
        roomId,
        { type: 'm.room.message', sender: alice, content: { msgtype: 'm.text', body: `m${i}` } },
        i === 7 ? { writes: poison } : {},
      ),
    )

    const outcomes = await Promise.allSettled(sends)

    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map((_, i) => (i === 7 ? 'rejected' : 'fulfilled')))
    const room = await hs.rooms.get(roomId)
    const bodies = room?.recent.slice(-19).map(({ pdu }) => pdu.content.body)
    expect(new Set(bodies)).toEqual(
      new Set(Array.from({ length: 20 }, (_, i) => `m${i}`).filter((body) => body !== 'm7')),
    )
  })

  test('sending costs a few milliseconds', async () => {
    const roomId = await hs.createRoom({ creator: alice })
    const times: number[] = []
    for (let i = 0; i < 100; i++) {
      const start = performance.now()
      await hs.sendText(roomId, alice, 'x'.repeat(300))
      times.push(performance.now() - start)
    }
    times.sort((a, b) => a - b)
    const start = performance.now()
    await Promise.all(Array.from({ length: 2000 }, (_, i) => hs.sendText(roomId, alice, `burst ${i}`)))
    const rate = 2000 / ((performance.now() - start) / 1000)
    console.log(
      `send: p50 ${times[50]?.toFixed(2)} ms, p99 ${times[98]?.toFixed(2)} ms, burst ${rate.toFixed(0)} events/s`,
    )
    expect(times[50]).toBeLessThan(30)
  })
})
