/** Which redactions are applied, which wait, and which are never shown. */
import { describe, expect, test } from 'vitest'
import type { PduEvent } from '../../../server/events/pdu.js'
import type { EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import type { EventDraft, Signer } from '../../../server/rooms/build-event.js'
import { outlierWrite } from '../../../server/rooms/import-room.js'
import { makeInsertHistory } from '../../../server/rooms/insert-history.js'
import type { Room } from '../../../server/rooms/room.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'
import { makeGate, readOf } from '../../support/gate.js'
import { forgetBeginning, toldAs } from '../../support/holes.js'
import { makeSigner, makeTestRooms, user } from '../../support/rooms.js'
import { makeTestSyncing } from '../../support/syncing.js'
import { buildOn } from '../../support/views.js'

const alice = user('alice')
const zoe = user('zoe', 'other.test')
const mod = user('mod', 'other.test')
const eve = user('eve', 'evil.test')
const other = makeSigner('other.test', 2)
const evil = makeSigner('evil.test', 3)

const text = (sender: UserId, body: string): EventDraft => ({ type: 'm.room.message', sender, content: { body } })
const redacts = (sender: UserId, target: EventId): EventDraft => ({
  type: 'm.room.redaction',
  sender,
  content: { redacts: target },
})

async function setUp(db: TestDatabase, levels: Record<UserId, number> = { [mod]: 50 }, redact = 50) {
  const hs = await makeTestRooms(db)
  const roomId = await hs.createRoom({
    creator: alice,
    preset: 'public_chat',
    roomVersion: '11',
    powerLevelContentOverride: { users: { [alice]: 100, ...levels }, redact },
  })
  const make = async (draft: EventDraft, signer: Signer = other, room?: Room): Promise<PduEvent> => {
    const view = room ?? (await hs.rooms.get(roomId))!
    return buildOn(hs.rooms, view, draft, signer)
  }
  const join = (userId: UserId): EventDraft => ({
    ...{ type: 'm.room.member', stateKey: userId, sender: userId },
    content: { membership: 'join' },
  })
  for (const userId of [zoe, mod]) await hs.acceptPdu(roomId, await make(join(userId)))
  await hs.acceptPdu(roomId, await make(join(eve), evil))
  const accept = async (event: PduEvent) => (await hs.acceptPdu(roomId, event)).status
  const shown = async (): Promise<EventId[]> => {
    const { maxSeq, minSeq } = (await hs.rooms.get(roomId))!
    return (await hs.rooms.readTimeline(roomId, minSeq, maxSeq)).map(({ eventId }) => eventId)
  }
  const contentOf = async (eventId: EventId) => (await hs.rooms.readEvent(eventId))?.pdu.content
  return { hs, roomId, make, accept, shown, contentOf }
}
const waitingIn = async (db: TestDatabase, roomId: RoomId) => {
  const [rows] = await db.query<[{ target: EventId; redaction: EventId }[]]>(
    `SELECT record::id(id)[1] AS target, record::id(id)[2] AS redaction FROM pending_redaction:[$room, NONE]..[$room, ..]`,
    { room: roomId },
  )
  return rows
}

describe('a redaction that may not be applied', () => {
  test('is accepted, built on, and shown to nobody', async () => {
    await using db = await openTestDatabase()
    const { hs, roomId, make, accept, shown, contentOf } = await setUp(db)
    const target = await hs.sendText(roomId, alice, 'stays')
    const { maxSeq } = (await hs.rooms.get(roomId))!
    const redaction = await make(redacts(eve, target), evil)

    expect(await accept(redaction)).toBe('accepted')

    expect((await contentOf(target))?.body).toBe('stays')
    expect(await shown()).not.toContain(redaction.eventId)
    expect((await hs.rooms.get(roomId))?.maxSeq).toBe(maxSeq)
    expect((await hs.rooms.get(roomId))?.extremities.map(({ eventId }) => eventId)).toEqual([redaction.eventId])
    const next = await hs.sendText(roomId, alice, 'next')
    expect((await hs.rooms.readEvent(next))?.pdu.prev_events).toEqual([redaction.eventId])
    const fresh = await makeTestRooms(db)
    expect((await fresh.rooms.get(roomId))?.recent.map(({ eventId }) => eventId)).not.toContain(redaction.eventId)
  })

  test('is not in /sync, nor in /messages', async () => {
    await using db = await openTestDatabase()
    const { roomId, make } = await setUp(db)
    const hs = await makeTestSyncing(db)
    const device = hs.device(alice)
    const target = await hs.sendText(roomId, alice, 'stays')
    const { next_batch: since } = await device.sync()
    const room = (await hs.rooms.get(roomId))!
    const redaction = await make(redacts(eve, target), evil, room)
    await hs.acceptPdu(roomId, redaction)
    await hs.sendText(roomId, alice, 'after')

    const told = (await device.sync({ since })).rooms?.join?.[roomId]?.timeline.events ?? []
    const page = await device.messages(roomId, { limit: 100 })

    expect(told.map(({ content }) => content.body)).toEqual(['after'])
    expect(page.chunk.map(({ event_id }) => event_id)).not.toContain(redaction.eventId)
    hs.close()
  })
})

test.each([
  ['exactly the redact level', 50, 'applied'],
  ['one less', 49, 'hidden'],
])('who has %s and is of another server: %s', async (_, level, outcome) => {
  await using db = await openTestDatabase()
  const { hs, roomId, make, accept, shown, contentOf } = await setUp(db, { [eve]: level })
  const target = await hs.sendText(roomId, alice, 'said')
  const redaction = await make(redacts(eve, target), evil)

  await accept(redaction)

  expect((await contentOf(target))?.body).toBe(outcome === 'applied' ? undefined : 'said')
  expect((await shown()).includes(redaction.eventId)).toBe(outcome === 'applied')
})

test('a redaction is judged by the levels before it, not by those of now', async () => {
  await using db = await openTestDatabase()
  const { hs, roomId, make, accept, contentOf } = await setUp(db, { [eve]: 50 })
  const target = await hs.sendText(roomId, alice, 'said')
  const view = (await hs.rooms.get(roomId))!
  await hs.sendEvent(roomId, {
    ...{ type: 'm.room.power_levels', stateKey: '', sender: alice },
    content: { users: { [alice]: 100, [eve]: 10 }, redact: 50 },
  })

  await accept(await make(redacts(eve, target), evil, view))

  expect((await contentOf(target))?.body).toBeUndefined()
})

describe('a redaction that comes before its target', () => {
  test('is hidden until that comes, then shown after it; the target is never shown whole', async () => {
    await using db = await openTestDatabase()
    const { hs, roomId, make, accept, shown, contentOf } = await setUp(db)
    const target = await make(text(zoe, 'secret'))
    const redaction = await make(redacts(zoe, target.eventId))
    await accept(redaction)
    expect(await shown()).not.toContain(redaction.eventId)
    const told: unknown[] = []
    db.onCommitted('notify', (changes) => {
      for (const change of changes) if (change.kind === 'event') told.push([change.eventId, change.pdu.content])
    })

    await accept(target)

    expect(told).toEqual([
      [target.eventId, {}],
      [redaction.eventId, { redacts: target.eventId }],
    ])
    expect((await shown()).slice(-2)).toEqual([target.eventId, redaction.eventId])
    expect(await contentOf(target.eventId)).toEqual({})
    expect((await hs.rooms.readEvent(target.eventId))?.redactedBy).toBe(redaction.eventId)
    expect(await waitingIn(db, roomId)).toEqual([])
    const fresh = await makeTestRooms(db)
    expect((await fresh.rooms.readEvent(target.eventId))?.pdu.content).toEqual({})
  })

  test('waits across a restart, and beside others: each is judged by its own sender', async () => {
    await using db = await openTestDatabase()
    const { roomId, make, accept } = await setUp(db)
    const target = await make(text(zoe, 'secret'))
    const byModerator = await make(redacts(mod, target.eventId))
    const byStranger = await make(redacts(eve, target.eventId), evil)
    await accept(byModerator)
    await accept(byStranger)
    const hs = await makeTestRooms(db)

    await hs.acceptPdu(roomId, target)

    const stored = await hs.rooms.readEvent(target.eventId)
    expect(stored?.redactedBy).toBe(byModerator.eventId)
    expect((await hs.rooms.get(roomId))?.recent.map(({ eventId }) => eventId)).not.toContain(byStranger.eventId)
    expect(await waitingIn(db, roomId)).toEqual([])
  })

  test('where none of those that wait may be applied, the target is shown as it is', async () => {
    await using db = await openTestDatabase()
    const { make, accept, contentOf, shown } = await setUp(db)
    const target = await make(text(zoe, 'stays'))
    const byStranger = await make(redacts(eve, target.eventId), evil)
    await accept(byStranger)

    await accept(target)

    expect(await contentOf(target.eventId)).toEqual({ body: 'stays' })
    expect(await shown()).not.toContain(byStranger.eventId)
  })

  test('one that has itself been redacted meanwhile is judged as any other', async () => {
    await using db = await openTestDatabase()
    const { hs, roomId, make, accept, shown, contentOf } = await setUp(db)
    const target = await hs.sendText(roomId, alice, 'stays')
    const redaction = await make(redacts(eve, target), evil)
    const ofRedaction = await make(redacts(eve, redaction.eventId), evil)
    await accept(ofRedaction)

    await accept(redaction)

    expect((await contentOf(target))?.body).toBe('stays')
    expect(await shown()).not.toContain(redaction.eventId)
    expect((await hs.rooms.readEvent(redaction.eventId))?.redactedBy).toBe(ofRedaction.eventId)
    expect(await waitingIn(db, roomId)).toEqual([])
  })

  test('a server has so many waiting and no more: its oldest are given up, those of others stay', async () => {
    await using db = await openTestDatabase()
    const { roomId, make, accept } = await setUp(db)
    const kept = await make(redacts(zoe, '$kept' as EventId))
    await accept(kept)
    for (let i = 0; i < 105; i++) await accept(await make(redacts(eve, `$nothing${i}` as EventId), evil))

    const targets = (await waitingIn(db, roomId)).map(({ target }) => target)
    expect(targets).toHaveLength(101)
    expect(targets).toContain('$kept')
    expect(targets).toContain('$nothing104')
    expect(targets).not.toContain('$nothing0')
  }, 60_000)
})

test('a read that was under way when an event was redacted does not bring its content back', async () => {
  await using database = await openTestDatabase()
  const first = await setUp(database)
  const target = await first.hs.sendText(first.roomId, alice, 'secret')
  const gate = makeGate(database)
  const hs = await makeTestRooms(gate.db)
  await hs.rooms.get(first.roomId)
  const held = gate.hold(readOf('SELECT * FROM $ids'))
  const reading = hs.rooms.readEvent(target) // begun before
  await held.reached

  await hs.sendEvent(first.roomId, redacts(alice, target))
  held.release()

  expect((await reading)?.pdu.content).toEqual({})
  expect((await hs.rooms.readEvent(target))?.pdu.content).toEqual({})
})

test('an event that was read as an outlier while it was accepted is not taken for one afterwards', async () => {
  await using database = await openTestDatabase()
  const { hs: first, roomId, make } = await setUp(database)
  const event = await make(text(zoe, 'hello'))
  const gate = makeGate(database)
  const hs = await makeTestRooms(gate.db)
  await hs.rooms.get(roomId)
  const { rules } = (await hs.rooms.get(roomId))!
  await first.rooms.db.commit(() => ({ writes: [outlierWrite(event, rules)], changes: [], result: undefined }))
  const held = gate.hold(readOf('SELECT * FROM $ids'))
  const reading = hs.rooms.readEvent(event.eventId)
  await held.reached

  await hs.acceptPdu(roomId, event)
  held.release()

  expect((await reading)?.status).toBe('accepted')
  expect((await hs.rooms.readEvent(event.eventId))?.seq).toBeDefined()
})

describe('in a stretch of older events', () => {
  test('redactions are applied to what came with them, and wait for what did not', async () => {
    await using db = await openTestDatabase()
    const { hs, roomId, make, contentOf, shown } = await setUp(db)
    const insertHistory = makeInsertHistory(hs.rooms, Date.now)
    const oldest = await make(text(zoe, 'oldest secret'))
    const target = await make(text(zoe, 'secret'))
    const redaction = await make(redacts(zoe, target.eventId))
    const early = await make(redacts(zoe, oldest.eventId))
    const bad = await make(redacts(eve, target.eventId), evil)

    const all = [bad, early, redaction, target, oldest]
    await forgetBeginning(
      hs.rooms,
      roomId,
      all.map(({ eventId }) => eventId),
    )
    const { origin } = (await hs.rooms.get(roomId))!.segments[0]!
    await insertHistory(roomId, toldAs(origin, [bad, early, redaction, target]))
    expect(await contentOf(target.eventId)).toEqual({})
    expect(await shown()).toContain(redaction.eventId)
    expect(await shown()).not.toContain(bad.eventId)
    expect(await shown()).not.toContain(early.eventId)
    expect((await waitingIn(db, roomId)).map(({ target: of }) => of)).toEqual([oldest.eventId])

    await insertHistory(roomId, toldAs(origin, [oldest]))
    expect(await contentOf(oldest.eventId)).toEqual({})
    expect((await hs.rooms.readEvent(oldest.eventId))?.redactedBy).toBe(early.eventId)
    expect(await waitingIn(db, roomId)).toEqual([])
  })
})
