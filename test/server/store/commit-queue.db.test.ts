/** The commit queue on a real database: what is acknowledged, what fails, and what positions it leaves. */
import { describe, expect, test } from 'vitest'
import type { EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import { AlreadyExistsError } from '../../../server/store/errors.js'
import { deleteFeedBefore, readFeed, readFeedStart, readStreamPosition } from '../../../server/store/feed-store.js'
import {
  type Change,
  deleteRow,
  insertRow,
  type RoomSeq,
  type RowId,
  type StreamPosition,
  upsertRow,
  type Write,
} from '../../../server/store/writes.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'

const room = '!room:example.org' as RoomId
const noBounds = { maxSeq: 0 as RoomSeq }
const write = (db: TestDatabase, ...writes: Write[]) =>
  db.commit(() => ({ writes, changes: [] as Change[], result: undefined }))

/** A unit that takes a position and a seq and inserts `event:⟨id⟩`. */
const insertEvent = (db: TestDatabase, id: string) =>
  db.commit((grant) => {
    const position = grant.position()
    const seq = grant.seq(room)
    const change: Change = { position, kind: 'state', roomId: room }
    return { writes: [insertRow('event', { id, position, seq })], changes: [change], result: { position, seq } }
  })
const idsOf = async (db: TestDatabase, table: string) => {
  const [rows] = await db.query<[{ id: { id: RowId } }[]]>(`SELECT id FROM ${table}`)
  return rows.map(({ id }) => id.id)
}

describe('commit queue', () => {
  test('a unit is durable and told when its caller is answered', async () => {
    await using db = await openTestDatabase()
    const told: number[] = []
    db.onCommitted('notify', (changes) => told.push(...changes.map(({ position }) => position)))
    db.seedRoom(room, noBounds)

    const answer = await insertEvent(db, '$a')

    expect(answer).toEqual({ position: 1, seq: 1 })
    expect(told).toEqual([1])
    expect(db.position).toBe(1)
    expect(await db.query('SELECT position, seq FROM event')).toEqual([[{ position: 1, seq: 1 }]])
  })

  test('memory moves on before anybody is told or answered, and only where the unit is durable', async () => {
    await using db = await openTestDatabase()
    db.seedRoom(room, noBounds)
    const order: string[] = []
    db.onCommitted('notify', () => order.push('told'))
    const commit = (id: string) =>
      db.commit((grant) => {
        const change: Change = { position: grant.position(), kind: 'state', roomId: room }
        const durable = () => void order.push(`${id} is durable`)
        return { writes: [insertRow('event', { id })], changes: [change], result: undefined, durable }
      })

    const first = commit('$a').then(() => order.push('answered'))
    const second = commit('$a').catch(() => order.push('refused'))
    await Promise.all([first, second])

    expect(order).toEqual(['$a is durable', 'told', 'answered', 'refused'])
  })

  test('who follows is told phase by phase, whoever subscribed first', async () => {
    await using db = await openTestDatabase()
    db.seedRoom(room, noBounds)
    const order: string[] = []
    for (const phase of ['send', 'project', 'memory', 'notify'] as const) db.onCommitted(phase, () => order.push(phase))

    await insertEvent(db, '$a')

    expect(order).toEqual(['memory', 'notify', 'project', 'send'])
  })

  test('units that wait together share batches; positions, seq and changes come in the order of the units', async () => {
    await using db = await openTestDatabase()
    const told: number[] = []
    db.onCommitted('notify', (changes) => told.push(...changes.map(({ position }) => position)))
    db.seedRoom(room, noBounds)

    const answers = await Promise.all(Array.from({ length: 600 }, (_, n) => insertEvent(db, `$${n}`)))

    const inOrder = Array.from({ length: 600 }, (_, n) => n + 1)
    expect(answers.map(({ position }) => position)).toEqual(inOrder)
    expect(answers.map(({ seq }) => seq)).toEqual(inOrder)
    expect(told).toEqual(inOrder)
    expect(db.commitMetrics()).toMatchObject({ batches: 3, units: 600, rows: 603, failedUnits: 0 })
  })

  test('a poisoned unit fails alone, with its own error; the positions of the others are dense', async () => {
    await using db = await openTestDatabase()
    db.seedRoom(room, noBounds)
    await insertEvent(db, '$taken')

    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_, n) => insertEvent(db, n === 57 ? '$taken' : `$${n}`)),
    )

    const failed = results.filter((result) => result.status === 'rejected')
    expect(failed).toHaveLength(1)
    expect(failed[0]?.reason).toBeInstanceOf(AlreadyExistsError)
    expect(failed[0]?.reason.recordId).toContain('$taken')
    const granted = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(granted.map(({ position }) => position)).toEqual(Array.from({ length: 99 }, (_, n) => n + 2))
    expect(granted.map(({ seq }) => seq)).toEqual(Array.from({ length: 99 }, (_, n) => n + 2))
    const feed = await readFeed(db, 0, 1000)
    expect(feed.map(({ position }) => position)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
  })

  test('a request that is repeated after a restart costs those beside it one more batch, not a search', async () => {
    await using db = await openTestDatabase()
    const request = (n: number) => insertRow('txn', { id: ['device', `request-${n}`], created_at: n })
    await write(db, request(11))
    const before = db.commitMetrics()

    const results = await Promise.allSettled(Array.from({ length: 32 }, (_, n) => write(db, request(n))))

    expect(results.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([11])
    expect(results[11]).toMatchObject({ reason: expect.any(AlreadyExistsError) })
    expect(db.commitMetrics().batches - before.batches).toBe(2)
    expect(await idsOf(db, 'txn')).toHaveLength(32)
  })

  test('two units of one batch that insert the same row: the first wins', async () => {
    await using db = await openTestDatabase()

    const results = await Promise.allSettled([
      write(db, insertRow('event', { id: '$a', by: 1 })),
      write(db, insertRow('event', { id: '$a', by: 2 })),
    ])

    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(await db.query('SELECT by FROM event')).toEqual([[{ by: 1 }]])
  })

  test('a unit whose build throws rejects its caller only, and what it was given goes to the next', async () => {
    await using db = await openTestDatabase()
    db.seedRoom(room, noBounds)

    const results = await Promise.allSettled([
      insertEvent(db, '$a'),
      db.commit((grant) => {
        grant.position()
        grant.seq(room)
        throw new Error('the room moved on')
      }),
      insertEvent(db, '$b'),
    ])

    expect(results[0]).toMatchObject({ value: { position: 1, seq: 1 } })
    expect(results[1]).toMatchObject({ reason: new Error('the room moved on') })
    expect(results[2]).toMatchObject({ value: { position: 2, seq: 2 } })
  })

  test('a caller hears of its failure before the units behind it are built', async () => {
    await using db = await openTestDatabase()
    await write(db, insertRow('event', { id: '$taken' }))
    let hasFailed = false
    const sawFailure: boolean[] = []

    const first = write(db, insertRow('event', { id: '$taken' })).catch(async () => {
      // As far behind as an operation with a few layers would be.
      for (let i = 0; i < 20; i++) await Promise.resolve()
      hasFailed = true
    })
    const second = db.commit(() => {
      sawFailure.push(hasFailed)
      return { writes: [insertRow('event', { id: '$b' })], changes: [], result: undefined }
    })
    await Promise.all([first, second])

    expect(sawFailure.at(-1)).toBe(true)
  })

  test('a caller hears that what it wanted could not be built before the units behind it are', async () => {
    await using db = await openTestDatabase()
    let hasFailed = false
    const sawFailure: boolean[] = []
    const first = db
      .commit(() => {
        throw new Error('its base is gone')
      })
      .catch(async () => {
        for (let i = 0; i < 20; i++) await Promise.resolve()
        hasFailed = true
      })
    const second = db.commit(() => {
      sawFailure.push(hasFailed)
      return { writes: [insertRow('event', { id: '$b' })], changes: [], result: undefined }
    })
    await Promise.all([first, second])

    expect(sawFailure).toEqual([true])
  })

  test('writes of a bad shape, or with changes at positions nobody gave, fail alone', async () => {
    await using db = await openTestDatabase()

    const results = await Promise.allSettled([
      write(db, insertRow('event', { id: '$a' })),
      write(db, insertRow('event; REMOVE TABLE event', { id: '$x' })),
      write(db, upsertRow('event', { id: '$x', 'a=1, b': 2 })),
      db.commit(() => ({
        writes: [],
        changes: [{ position: 99 as never, kind: 'profile', userId: '@a:x' as UserId }],
        result: undefined,
      })),
      write(db, { op: 'statement', sql: 'THROW "no"', bindings: {} }),
      write(db, insertRow('event', { id: '$b' })),
    ])

    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'rejected',
      'fulfilled',
    ])
    expect(await idsOf(db, 'event')).toEqual(['$a', '$b'])
  })

  test('a conflict with another writer is tried again until it succeeds', async () => {
    await using db = await openTestDatabase()
    await write(db, insertRow('room', { id: room, n: 0 }))
    let isOver = false
    const rivals = Array.from({ length: 6 }, async () => {
      while (!isOver) await db.root.queryReplies('UPDATE room SET rival += 1 RETURN NONE')
    })

    let n = 0
    // A rival that is slow gets in nobody's way: on, until one was.
    for (; n < 60 || (db.commitMetrics().retries === 0 && n < 2_000); n++)
      await write(db, { op: 'statement', sql: 'UPDATE room SET n += 1 RETURN NONE', bindings: {} })
    isOver = true
    await Promise.all(rivals)

    expect(await db.query('SELECT VALUE n FROM room')).toEqual([[n]])
    expect(db.commitMetrics().retries).toBeGreaterThan(0)
  })

  test('a listener that throws is skipped; the others and the caller are served', async () => {
    await using db = await openTestDatabase()
    db.seedRoom(room, noBounds)
    let told = 0
    db.onCommitted('notify', () => {
      throw new Error('broken')
    })
    const stop = db.onCommitted('notify', () => {
      told += 1
    })

    await insertEvent(db, '$a')
    stop()
    await insertEvent(db, '$b')

    expect(told).toBe(1)
  })

  test('seq goes up from the greatest, or from where it is told to; a room that was not seeded is refused', async () => {
    await using db = await openTestDatabase()
    await expect(insertEvent(db, '$a')).rejects.toThrow('not seeded')
    db.seedRoom(room, { maxSeq: 7 as RoomSeq })

    const given = await db.commit((grant) => ({
      writes: [],
      changes: [],
      result: [grant.seq(room), grant.seq(room, 5), grant.seq(room, 50), grant.seq(room)],
    }))
    db.seedRoom(room, { maxSeq: 3 as RoomSeq })
    const next = await db.commit((grant) => ({ writes: [], changes: [], result: grant.seq(room) }))

    expect(given).toEqual([8, 9, 50, 51])
    expect(next).toBe(52)
  })

  test('every position leaves a feed row that says what it was', async () => {
    await using db = await openTestDatabase()
    db.seedRoom(room, noBounds)
    await db.commit((grant) => {
      const position = grant.position()
      const other = grant.position()
      const event: Change = {
        position,
        kind: 'event',
        roomId: room,
        eventId: '$e' as EventId,
        seq: grant.seq(room),
        pdu: { content: { body: 'not for the feed' } },
        sender: '@a:x' as UserId,
        type: 'm.room.topic',
        stateKey: '',
        isCurrentState: true,
        historical: false,
        isLocal: true,
      }
      const changes: Change[] = [event, { position, kind: 'state', roomId: room }]
      return { writes: [], changes, result: other }
    })

    expect(await readFeed(db, 0, 10)).toEqual([
      {
        position: 1,
        kind: 'event',
        room_id: room,
        event_id: '$e',
        seq: 1,
        type: 'm.room.topic',
        state_key: '',
        is_current_state: true,
      },
      { position: 1, kind: 'state', room_id: room },
      { position: 2, kind: 'none' },
    ])
  })

  test('a unit that takes thousands of positions is read back in pages, and one batch leaves one row', async () => {
    await using db = await openTestDatabase()
    db.seedRoom(room, noBounds)
    await Promise.all(Array.from({ length: 40 }, (_, n) => insertEvent(db, `$${n}`)))
    expect(await db.query('SELECT count() FROM feed GROUP ALL')).toEqual([[{ count: 1 }]])
    const { position } = await db.commit((grant) => {
      const changes: Change[] = []
      for (let n = 0; n < 3_000; n++) {
        const given = grant.position()
        if (n % 700 === 0) changes.push({ position: given, kind: 'profile', userId: '@a:x' as UserId })
      }
      return { writes: [], changes, result: { position: grant.position() } }
    })

    const read = []
    for (let after = 0; ; ) {
      const page = await readFeed(db, after, 500)
      if (page.length === 0) break
      expect(page.length).toBeLessThanOrEqual(500)
      read.push(...page)
      after = page.at(-1)!.position
    }

    expect(read.map((entry) => entry.position)).toEqual(Array.from({ length: position }, (_, n) => n + 1))
    expect(read.filter(({ kind }) => kind === 'profile').map((entry) => entry.position)).toEqual([
      41, 741, 1441, 2141, 2841,
    ])
    // From the middle of a row.
    expect((await readFeed(db, 20, 5)).map((entry) => entry.position)).toEqual([21, 22, 23, 24, 25])
  })

  test('the stream position outlives the feed rows that are deleted', async () => {
    await using db = await openTestDatabase()
    db.seedRoom(room, noBounds)
    for (const id of ['$a', '$b', '$c']) await insertEvent(db, id)
    expect(await readFeedStart(db)).toBe(1)

    await write(db, ...deleteFeedBefore(db.position, db.position))
    expect((await readFeed(db, 0, 10)).map(({ position }) => position)).toEqual([3])
    await write(db, ...deleteFeedBefore(4 as StreamPosition, db.position))

    expect(await readFeed(db, 0, 10)).toEqual([])
    expect(await readStreamPosition(db)).toBe(3)
  })

  test('a unit that writes nothing costs no batch; a closed queue refuses', async () => {
    const db = await openTestDatabase()
    await db.commit(() => ({ writes: [], changes: [], result: 'done' }))
    expect(db.commitMetrics().batches).toBe(0)

    const last = write(db, insertRow('event', { id: '$a' }))
    await db[Symbol.asyncDispose]()

    await last
    await expect(write(db, insertRow('event', { id: '$b' }))).rejects.toThrow('closed')
  })
})

describe('writes in one unit or batch', () => {
  test('an upsert keeps fields it does not name, creates what is missing and removes what is undefined', async () => {
    await using db = await openTestDatabase()
    await write(db, insertRow('event', { id: '$a', one: 1, two: 2, three: { x: 1 } }))

    await write(
      db,
      upsertRow('event', { id: '$a', two: 20, three: { y: 1 } }),
      upsertRow('event', { id: '$b', two: 30 }),
      upsertRow('event', { id: '$c' }),
      upsertRow('event', { id: '$a', one: undefined }),
    )

    expect(await db.query('SELECT *, record::id(id) AS id FROM event')).toEqual([
      [{ id: '$a', two: 20, three: { y: 1 } }, { id: '$b', two: 30 }, { id: '$c' }],
    ])
  })

  test('an upsert of some fields of a SCHEMAFULL row keeps its required ones', async () => {
    await using db = await openTestDatabase()
    const user = { user_id: '@a:x', status: 'active', admin: false, kind: 'user', created_at: 1 }
    await write(db, insertRow('user', { id: '@a:x', ...user, displayname: 'A' }))

    await write(db, upsertRow('user', { id: '@a:x', displayname: undefined, avatar_url: 'mxc://x/y' }))

    expect(await db.query('SELECT * OMIT id FROM user')).toEqual([[{ ...user, avatar_url: 'mxc://x/y' }]])
    await expect(write(db, upsertRow('user', { id: '@b:x', displayname: 'B' }))).rejects.toThrow('Expected')
  })

  test('writes to one row happen in the order they were given', async () => {
    await using db = await openTestDatabase()

    await write(
      db,
      insertRow('event', { id: '$a', n: 1 }),
      upsertRow('event', { id: '$a', n: 2 }),
      deleteRow('event', '$a'),
      upsertRow('event', { id: '$a', m: 3 }),
      insertRow('event', { id: '$b', n: 1 }),
      deleteRow('event', '$b'),
      deleteRow('event', '$c'),
      insertRow('event', { id: '$c', n: 1 }),
    )

    expect(await db.query('SELECT *, record::id(id) AS id FROM event')).toEqual([
      [
        { id: '$a', m: 3 },
        { id: '$c', n: 1 },
      ],
    ])
  })

  test('a row that is missing is made, one that is there stays, and what is written to it later counts', async () => {
    await using db = await openTestDatabase()
    const missing = (id: string, n: number): Write => ({ op: 'insertMissing', table: 'event', row: { id, n } })
    await write(db, insertRow('event', { id: '$a', n: 1 }), missing('$a', 2), missing('$b', 1), missing('$b', 2))
    await write(db, missing('$b', 3), missing('$c', 1), upsertRow('event', { id: '$c', n: 2 }))
    await write(db, deleteRow('event', '$a'), missing('$a', 9))
    await write(db, missing('$d', 1), deleteRow('event', '$d'))

    expect(await db.query('SELECT record::id(id) AS id, n FROM event')).toEqual([
      [
        { id: '$a', n: 9 },
        { id: '$b', n: 1 },
        { id: '$c', n: 2 },
      ],
    ])
    await expect(write(db, missing('$e', 1), insertRow('event', { id: '$e', n: 2 }))).rejects.toThrow('already exists')
  })

  test('an upsert that comes before the insert of its row makes the insert fail', async () => {
    await using db = await openTestDatabase()

    const both = write(db, upsertRow('event', { id: '$a' }), insertRow('event', { id: '$a' }))

    await expect(both).rejects.toBeInstanceOf(AlreadyExistsError)
    expect(await idsOf(db, 'event')).toEqual([])
  })

  test('a range is deleted from its start up to its end, which stays', async () => {
    await using db = await openTestDatabase()
    await write(db, ...[1, 2, 3, 4].map((n) => insertRow('outbox', { id: ['x.org', n] })))

    await write(
      db,
      insertRow('outbox', { id: ['x.org', 5] }),
      { op: 'deleteRange', table: 'outbox', from: ['x.org', 2], to: ['x.org', 4] },
      insertRow('outbox', { id: ['x.org', 3] }),
    )

    const [rows] = await db.query<[{ id: { id: unknown[] } }[]]>('SELECT id FROM outbox')
    expect(rows.map(({ id }) => id.id[1])).toEqual([1, 3, 4, 5])
  })

  test('statements of several units keep their own bindings and their place among the writes', async () => {
    await using db = await openTestDatabase()
    const set = (id: string, n: number): Write[] => [
      insertRow('event', { id, n: 0 }),
      { op: 'statement', sql: 'UPDATE event SET n = $n WHERE record::id(id) = $id RETURN NONE', bindings: { id, n } },
    ]

    await Promise.all([write(db, ...set('$a', 1)), write(db, ...set('$b', 2))])

    expect(await db.query('SELECT VALUE n FROM event')).toEqual([[1, 2]])
  })

  test.each([
    '@a:example.org',
    '$a`b⟩c\\',
    'user:⟨x⟩',
    '1234',
    'ﬀ \u0000 end',
    '018f5c1c-7d5e-7000-8000-000000000000',
    ['!r:x', 'm.room.member', '@a:x'],
    ['!r', -5],
    42,
  ])('the id %j comes back as it went in', async (id) => {
    await using db = await openTestDatabase()

    await write(db, insertRow('event', { id, n: 1 }))
    await write(db, upsertRow('event', { id, n: 2 }))

    const [rows] = await db.query<[{ id: { id: unknown }; n: number }[]]>('SELECT id, n FROM event')
    expect(rows.map((row) => [row.id.id, row.n])).toEqual([[id, 2]])
  })
})
