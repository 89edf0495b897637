/** A room of fifty thousand members: joined in pieces, held without them, and no dearer to speak in than a small one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ListLines } from '../../../server/live/projector/list-lines.js'
import { makeReadCandidates } from '../../../server/live/projector/room-facts.js'
import type { UserFactsReader } from '../../../server/live/projector/user-facts.js'
import type { Database } from '../../../server/store/reader.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'
import { makeLargeRoom, memberOf, largeRoomId as roomId } from '../../support/large-room.js'
import { makeSigner, makeTestRooms, user } from '../../support/rooms.js'
import { buildOn, heldIds } from '../../support/views.js'

const alice = user('alice')
const newcomer = user('new', 's9.test')
const signer = makeSigner()
const members = 50_000
const text = (n: number, body: string) => ({ type: 'm.room.message', sender: memberOf(n), content: { body } })

/** The database with a count of what its reads bring. */
function metered(inner: Database) {
  let counted = { queries: 0, rows: 0, bytes: 0 }
  const db: Database = {
    async query<T extends unknown[]>(sql: string, bindings?: Record<string, unknown>): Promise<T> {
      const answer = await inner.query<T>(sql, bindings)
      counted.queries++
      for (const rows of answer) counted.rows += Array.isArray(rows) ? rows.length : 1
      counted.bytes += JSON.stringify(answer).length
      return answer
    },
    commit: (unit) => inner.commit(unit),
    seedRoom: (room, bounds) => inner.seedRoom(room, bounds),
    get position() {
      return inner.position
    },
    onCommitted: (phase, follower) => inner.onCommitted(phase, follower),
  }
  const take = () => {
    const taken = counted
    counted = { queries: 0, rows: 0, bytes: 0 }
    return taken
  }
  return { db, take }
}

describe('a room of fifty thousand members', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openTestDatabase()
    await (await makeTestRooms(database)).importRoom(makeLargeRoom(members, alice, signer))
  }, 300_000)
  afterAll(() => database[Symbol.asyncDispose]())

  test('is written in small transactions', () => {
    expect(database.commitMetrics().rows).toBeGreaterThan(2 * members)
    expect(database.commitMetrics().largestBytes).toBeLessThan(1_000_000)
  })

  test('is loaded with a dozen rows, and knows how many are in it', async () => {
    const { db, take } = metered(database)
    const { rooms } = await makeTestRooms(db)
    take()

    const room = (await rooms.get(roomId))!

    const read = take()
    expect(read.rows).toBeLessThanOrEqual(12)
    expect(read.bytes).toBeLessThan(50_000)
    expect([room.joinedCount, room.localJoinedCount, room.stateSize]).toEqual([members * 0.9 + 1, 1, members + 5])
    expect((await rooms.readServers(room)).size).toBe(451)
  })

  test('costs who sends or receives an event no read that grows with it, on a fork neither', async () => {
    const { db, take } = metered(database)
    const hs = await makeTestRooms(db)
    const before = (await hs.rooms.get(roomId))!
    const join = { type: 'm.room.member', stateKey: newcomer, sender: newcomer, content: { membership: 'join' } }
    const events = [
      await buildOn(hs.rooms, before, text(7, 'hello'), makeSigner('s7.test', 2)),
      await buildOn(hs.rooms, before, join, makeSigner('s9.test', 3)),
      await buildOn(hs.rooms, before, text(8, 'as if nobody had said anything'), makeSigner('s8.test', 4)),
    ]
    const fresh = await makeTestRooms(db)
    await fresh.rooms.get(roomId)
    for (const event of events) {
      take()
      expect(await fresh.acceptPdu(roomId, event)).toEqual({ status: 'accepted' })
      const read = take()
      expect(read.queries).toBeLessThan(20)
      expect(read.rows).toBeLessThan(20)
    }
    await fresh.sendText(roomId, alice, 'hello') // its servers are read once
    take()
    await fresh.sendText(roomId, alice, 'hello again')
    expect(take().rows).toBe(0)
    const room = (await fresh.rooms.get(roomId))!
    expect(room.joinedCount).toBe(members * 0.9 + 2)
    expect((await fresh.rooms.readServers(room)).get(memberOf(9).split(':')[1] as never)).toBe(1)
  })

  test('says of any member what held at any event, and all of it to who must have all', async () => {
    const { db, take } = metered(database)
    const { rooms } = await makeTestRooms(db)
    const room = (await rooms.get(roomId))!
    take()
    expect(await rooms.readStateEntryAt(roomId, 0, 'm.room.member', newcomer)).toBeUndefined()
    expect((await rooms.readStateEntryAt(roomId, 0, 'm.room.member', memberOf(3)))?.pdu.sender).toBe(memberOf(3))
    expect((await rooms.readStateEntryAt(roomId, room.node, 'm.room.member', newcomer))?.pdu.sender).toBe(newcomer)
    expect(take().rows).toBeLessThan(40)
    expect(await rooms.readStateNode(roomId, room.node)).toEqual(await heldIds(rooms, room))
  }, 60_000)

  test('without a name goes by our own, and who leaves it keeps a line of it, without its members being read', async () => {
    const { db, take } = metered(database)
    const hs = await makeTestRooms(db)
    const { rooms } = hs
    const room = (await rooms.get(roomId))!
    const state = new Map([...room.state].filter(([key]) => !key.startsWith('m.room.name')))
    take()
    const { present } = await makeReadCandidates(rooms).read({ ...room, state })
    expect(present.map(({ pdu }) => pdu.state_key)).toEqual([alice])
    expect(take().rows).toBeLessThan(20)

    await hs.leaveRoom({ roomId, sender: alice })
    const left = (await rooms.get(roomId))!
    const seq = left.maxSeq
    const facts = { directRooms: new Set(), tags: new Map(), fullyRead: new Map(), ignored: new Set() }
    const lines = new ListLines({
      rooms,
      userFacts: { read: async () => facts } as unknown as UserFactsReader,
      readBounds: async () => ({ joined_from: 1, joined_to: seq, shared_to: seq, invited_from: 1 }),
      readVisibility: async () => 'shared',
      countUnread: async () => ({ notification_count: 0, highlight_count: 0 }),
      readOwnReceipts: async () => [],
    })
    const shared = await lines.readShared(left)
    take()
    const line = await lines.read(alice, roomId, shared, { position: 1, asOf: 1 })
    expect(line).toMatchObject({ membership: 'leave', name: 'A large room', max_seq: seq })
    expect(take().rows).toBeLessThan(100)
  })
})

describe('a join that is cut off between its pieces', () => {
  /** All commits after the first few fail, as those of a process that was killed. */
  function cutOff(inner: TestDatabase, after: number): Database {
    let left = after
    return Object.create(inner, {
      commit: {
        value: (unit: Parameters<Database['commit']>[0]) =>
          left-- > 0 ? inner.commit(unit) : Promise.reject(new Error('killed')),
      },
    })
  }
  const countOf = async (db: Database, table: string) => {
    const [ids] = await db.query<[unknown[]]>(`SELECT VALUE id FROM ${table}:[$room, NONE]..[$room, ..]`, {
      room: roomId,
    })
    return ids.length
  }

  test.for([3, 12, 20])('after %d leaves no room, and nothing in the way of the next', async (after) => {
    await using database = await openTestDatabase()
    const request = makeLargeRoom(1_500, alice, signer)
    const killed = await makeTestRooms(cutOff(database, after))
    await expect(killed.importRoom(request)).rejects.toThrow('killed')

    const next = await makeTestRooms(database)
    expect(await next.rooms.get(roomId)).toBeUndefined()
    expect((await next.rooms.membershipsOf(alice)).has(roomId)).toBe(false)
    await next.importRoom(makeLargeRoom(1_400, alice, signer)) // some have gone meanwhile

    const room = (await next.rooms.get(roomId))!
    expect(room.stateSize).toBe(1_405)
    expect(await countOf(database, 'state_member')).toBe(1_401)
    expect(await next.rooms.readStateNode(roomId, room.node)).toEqual(await heldIds(next.rooms, room))
  })

  test.for([2, 8, 14])('after %d leaves an earlier stay as it was', async (after) => {
    await using database = await openTestDatabase()
    const first = await makeTestRooms(database)
    await first.importRoom(makeLargeRoom(1_000, alice, signer, 'as it was'))
    await first.leaveRoom({ roomId, sender: alice })
    const left = (await first.rooms.get(roomId))!
    const held = await heldIds(first.rooms, left)
    const killed = await makeTestRooms(cutOff(database, after))
    const again = makeLargeRoom(1_200, alice, signer, 'as it is now')
    await expect(killed.importRoom(again)).rejects.toThrow('killed')

    const next = await makeTestRooms(database)
    const room = (await next.rooms.get(roomId))!
    expect([room.stateGeneration, room.maxSeq, room.joinedCount]).toEqual([
      ...[left.stateGeneration, left.maxSeq, left.joinedCount],
    ])
    expect(await heldIds(next.rooms, room)).toEqual(held)
    expect((await next.rooms.membershipsOf(alice)).get(roomId)?.membership).toBe('leave')

    await next.importRoom(again)
    const rejoined = (await next.rooms.get(roomId))!
    expect(rejoined.state.get('m.room.name\u0000')?.pdu.content.name).toBe('as it is now')
    expect([rejoined.stateSize, rejoined.localJoinedCount]).toEqual([1_205, 1])
    expect(await countOf(database, 'state_member')).toBe(1_201)
    expect(await next.rooms.readStateNode(roomId, rejoined.node)).toEqual(await heldIds(next.rooms, rejoined))
    expect(await next.rooms.readStateNode(roomId, left.node)).toEqual(held)
  })
})
