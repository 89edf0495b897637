/** Where events stand: under their place, or, without one, under their ID; and what changes when they get one. */
import { describe, expect, test } from 'vitest'
import type { EventId, RoomId } from '../../../server/kernel/identifiers.js'
import {
  changeEvent,
  placeEvent,
  readEventRows,
  readTimelineRows,
  setEvent,
} from '../../../server/store/event-store.js'
import type { RoomSeq, StreamPosition, Write } from '../../../server/store/writes.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'

const roomId = '!r' as RoomId
const id = (name: string) => `$${name}` as EventId
const place = (seq: number) => ({ roomId, seq: seq as RoomSeq, position: (seq + 100) as StreamPosition })
const write = (db: TestDatabase, ...writes: Write[]) => db.commit(() => ({ writes, changes: [], result: undefined }))
const outlier = { room_id: roomId, status: 'outlier' as const, pdu: '{"a":1}', behind: [id('x')] }

describe('event store', () => {
  test('an event is found by its ID and in the page of its place, alike', async () => {
    await using db = await openTestDatabase()
    await write(
      db,
      ...placeEvent(id('a'), place(1), { pdu: '{}', node: 3, replaces: id('z') }, true),
      ...placeEvent(id('b'), place(-2), { pdu: '{"b":1}', related: true }),
      setEvent(id('c'), { ...outlier, status: 'rejected', reason: 'why' }),
    )

    const a = { event_id: id('a'), room_id: roomId, seq: 1, position: 101, status: 'accepted', pdu: '{}', node: 3 }
    const b = { event_id: id('b'), room_id: roomId, seq: -2, position: 98, status: 'accepted', pdu: '{"b":1}' }
    expect(await readEventRows(db, [id('a'), id('missing'), id('c')])).toEqual([
      { ...a, replaces: id('z') },
      { ...outlier, event_id: id('c'), status: 'rejected', reason: 'why' },
    ])
    expect(await readTimelineRows(db, roomId, -5, 5)).toEqual([
      { ...b, related: true },
      { ...a, replaces: id('z') },
    ])
  })

  test('what was kept of an outlier is gone when it gets its place', async () => {
    await using db = await openTestDatabase()
    await write(db, setEvent(id('a'), outlier))
    await write(db, ...placeEvent(id('a'), place(1), { pdu: '{"a":1}' }))

    expect(await db.query('SELECT * OMIT id, at FROM event')).toEqual([[{}]])
    expect(await readEventRows(db, [id('a')])).toMatchObject([{ status: 'accepted', seq: 1, pdu: '{"a":1}' }])
  })

  test('an outlier that is told again does not take an accepted event out of its place', async () => {
    await using db = await openTestDatabase()
    await write(db, ...placeEvent(id('a'), place(1), { pdu: '{"a":1}' }))
    await write(db, setEvent(id('a'), outlier))

    expect(await readEventRows(db, [id('a')])).toMatchObject([{ status: 'accepted', seq: 1 }])
  })

  test('a redaction meets the event where it stands by then, in the same commit too', async () => {
    await using db = await openTestDatabase()
    const redacted = { pdu: '{}', redacted_by: id('r') }
    await write(db, setEvent(id('a'), outlier), setEvent(id('b'), outlier))
    await write(db, ...placeEvent(id('a'), place(1), { pdu: '{"a":1}' }), changeEvent(id('a'), redacted))
    await write(db, changeEvent(id('b'), redacted), changeEvent(id('missing'), redacted))
    await write(db, changeEvent(id('a'), { related: true }))

    expect(await readTimelineRows(db, roomId, 1, 1)).toMatchObject([{ ...redacted, related: true }])
    expect(await readEventRows(db, [id('b')])).toMatchObject([{ ...redacted, status: 'outlier' }])
    expect(await db.query('SELECT VALUE record::id(id) FROM event')).toEqual([[id('a'), id('b')]])
  })

  test('a place that is taken is refused', async () => {
    await using db = await openTestDatabase()
    await write(db, ...placeEvent(id('a'), place(1), { pdu: '{}' }))
    await expect(write(db, ...placeEvent(id('b'), place(1), { pdu: '{}' }))).rejects.toThrow('already exists')
    expect(await readEventRows(db, [id('b')])).toEqual([])
  })
})
