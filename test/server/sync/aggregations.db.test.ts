/** What is bundled with an event that others relate to: edits, threads, references. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PduEvent } from '../../../server/events/pdu.js'
import type { EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import type { EventDraft } from '../../../server/rooms/build-event.js'
import { makeInsertHistory } from '../../../server/rooms/insert-history.js'
import type { Room } from '../../../server/rooms/room.js'
import type { Database } from '../../../server/store/reader.js'
import { openTestDatabase, type TestDatabase } from '../../support/database.js'
import { prepareChain, toldAs } from '../../support/holes.js'
import { makeSigner, user } from '../../support/rooms.js'
import { makeTestSyncing, only, type SyncEvent, type TestSyncing } from '../../support/syncing.js'
import { buildOn, idsOf } from '../../support/views.js'

const alice = user('alice')
const bob = user('bob')
const carol = user('carol')
const zoe = user('zoe', 'other.test')
const other = makeSigner('other.test', 2)

type Bundled = {
  'm.replace'?: SyncEvent
  'm.reference'?: { chunk: { event_id: string }[] }
  'm.thread'?: { latest_event: SyncEvent; count: number; current_user_participated: boolean }
}
const relationsOf = (event: SyncEvent | undefined) => event?.unsigned['m.relations'] as Bundled | undefined

let db: TestDatabase
let hs: TestSyncing
let reads = 0
beforeAll(async () => {
  db = await openTestDatabase()
  const counting: Database = {
    query(sql, bindings) {
      reads++
      return db.query(sql, bindings)
    },
    commit: (unit) => db.commit(unit),
    seedRoom: (roomId, bounds) => db.seedRoom(roomId, bounds),
    get position() {
      return db.position
    },
    onCommitted: (phase, follower) => db.onCommitted(phase, follower),
  }
  hs = await makeTestSyncing(counting)
})
afterAll(() => db[Symbol.asyncDispose]())

async function makeRoom(...members: UserId[]): Promise<RoomId> {
  const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
  for (const sender of members) await hs.joinRoom({ roomId, sender })
  return roomId
}
const send = (roomId: RoomId, sender: UserId, content: Record<string, unknown>, type = 'm.room.message') =>
  hs.sendEvent(roomId, { type, sender, content })
const say = (roomId: RoomId, sender: UserId, body: string) => send(roomId, sender, { msgtype: 'm.text', body })
const relation = (rel_type: string, event_id: EventId) => ({ 'm.relates_to': { rel_type, event_id } })
const edit = (roomId: RoomId, sender: UserId, of: EventId, body: string, more: object = {}) =>
  send(roomId, sender, { body: `* ${body}`, 'm.new_content': { body }, ...relation('m.replace', of), ...more })
const reply = (roomId: RoomId, sender: UserId, root: EventId, body: string) =>
  send(roomId, sender, { msgtype: 'm.text', body, ...relation('m.thread', root) })
const redact = (roomId: RoomId, sender: UserId, redacts: EventId) =>
  hs.sendEvent(roomId, { type: 'm.room.redaction', sender, content: { redacts }, redacts })
const bundled = async (reader: UserId, roomId: RoomId, eventId: EventId) =>
  relationsOf(await hs.device(reader).event(roomId, eventId))
const ignore = (by: UserId, ...users: UserId[]) =>
  hs.accountData.setAccountData(by, undefined, 'm.ignored_user_list', {
    ignored_users: Object.fromEntries(users.map((each) => [each, {}])),
  })

/** Events of another server on top of the room, each on the one before. */
async function chain(room: Room, ...drafts: ((before: readonly PduEvent[]) => EventDraft)[]) {
  let after = room
  const events: PduEvent[] = []
  for (const draft of drafts) {
    const next = await prepareChain({ rooms: { ...hs.rooms, get: async () => after }, signer: other }, room.roomId, [
      draft(events),
    ])
    events.push(...next.events)
    after = next.after
  }
  return { events, after }
}
/** zoe of another server joins. */
async function join(roomId: RoomId): Promise<void> {
  const member = { type: 'm.room.member', stateKey: zoe, sender: zoe, content: { membership: 'join' } }
  const { events } = await chain((await hs.rooms.get(roomId))!, () => member)
  await hs.acceptPdu(roomId, events[0]!)
}
/** A message of hers with a time that she gave it. */
async function receive(roomId: RoomId, content: Record<string, unknown>, ts: number): Promise<EventId> {
  const room = (await hs.rooms.get(roomId))!
  const draft = { type: 'm.room.message', sender: zoe, content }
  const event = await buildOn(hs.rooms, room, draft, other, ts)
  await hs.acceptPdu(roomId, event)
  return event.eventId
}

describe('an edit', () => {
  test('is bundled where it is the newest of the same sender and type; the original keeps its content', async () => {
    const roomId = await makeRoom(bob)
    const message = await say(roomId, alice, 'first')
    await edit(roomId, alice, message, 'second')
    const newest = await edit(roomId, alice, message, 'third')
    await edit(roomId, bob, message, 'forged')
    await send(roomId, alice, { 'm.new_content': {}, ...relation('m.replace', message) }, 'org.example.other')
    await send(roomId, alice, { body: 'no new content', ...relation('m.replace', message) })

    const event = await hs.device(bob).event(roomId, message)

    expect(event.content.body).toBe('first')
    expect(relationsOf(event)?.['m.replace']).toMatchObject({
      event_id: newest,
      room_id: roomId,
      content: { 'm.new_content': { body: 'third' } },
    })
  })

  test('the one with the latest time wins, whichever came last, and of equal ones the larger ID', async () => {
    const roomId = await makeRoom()
    await join(roomId)
    const message = await receive(roomId, { body: 'first' }, 1_000)
    const of = (body: string) => ({ 'm.new_content': { body }, ...relation('m.replace', message) })
    const latest = [await receive(roomId, of('a'), 3_000), await receive(roomId, of('b'), 3_000)].sort()
    await receive(roomId, of('came last'), 2_000)

    expect((await bundled(alice, roomId, message))?.['m.replace']?.event_id).toBe(latest.at(-1))
  })

  test('of an edit, or of a state event, or of what was redacted, is none', async () => {
    const roomId = await makeRoom()
    const message = await say(roomId, alice, 'first')
    const first = await edit(roomId, alice, message, 'second')
    await edit(roomId, alice, first, 'edit of an edit')
    const topic = await hs.sendEvent(roomId, { type: 'm.room.topic', stateKey: '', sender: alice, content: {} })
    await send(roomId, alice, { 'm.new_content': {}, ...relation('m.replace', topic) }, 'm.room.topic')

    expect((await bundled(alice, roomId, message))?.['m.replace']?.event_id).toBe(first)
    expect(await bundled(alice, roomId, first)).toBeUndefined()
    expect(await bundled(alice, roomId, topic)).toBeUndefined()

    await redact(roomId, alice, message)
    expect(await bundled(alice, roomId, message)).toBeUndefined()
  })

  test('that is redacted gives way to the one before it', async () => {
    const roomId = await makeRoom()
    const message = await say(roomId, alice, 'first')
    const second = await edit(roomId, alice, message, 'second')
    const third = await edit(roomId, alice, message, 'third')

    await redact(roomId, alice, third)
    expect((await bundled(alice, roomId, message))?.['m.replace']?.event_id).toBe(second)
    await redact(roomId, alice, second)
    expect(await bundled(alice, roomId, message)).toBeUndefined()
  })

  test('of an encrypted message counts though nobody here can see its new content', async () => {
    const roomId = await makeRoom()
    const message = await send(roomId, alice, { ciphertext: 'a' }, 'm.room.encrypted')
    const edited = await send(roomId, alice, { ciphertext: 'b', ...relation('m.replace', message) }, 'm.room.encrypted')

    expect((await bundled(alice, roomId, message))?.['m.replace']?.event_id).toBe(edited)
  })

  test('made after somebody left is not shown to them', async () => {
    const roomId = await makeRoom(bob)
    const message = await say(roomId, alice, 'first')
    await hs.leaveRoom({ roomId, sender: bob })
    await edit(roomId, alice, message, 'not for bob')
    await reply(roomId, alice, message, 'nor this')

    expect(await bundled(bob, roomId, message)).toBeUndefined()
    expect((await bundled(alice, roomId, message))?.['m.thread']?.count).toBe(1)
  })
})

describe('a thread', () => {
  test('has its newest reply, with what is bundled with that, the number of replies, and whether one took part', async () => {
    const roomId = await makeRoom(bob, carol)
    const root = await say(roomId, alice, 'root')
    await reply(roomId, bob, root, 'one')
    const newest = await reply(roomId, bob, root, 'two')
    const edited = await edit(roomId, bob, newest, 'two, edited')

    const [forAlice, forBob, forCarol] = await Promise.all(
      [alice, bob, carol].map((each) => bundled(each, roomId, root)),
    )

    expect(forAlice?.['m.thread']).toMatchObject({
      count: 2,
      latest_event: { event_id: newest, unsigned: { 'm.relations': { 'm.replace': { event_id: edited } } } },
    })
    expect([forAlice, forBob, forCarol].map((each) => each?.['m.thread']?.current_user_participated)).toEqual([
      true,
      true,
      false,
    ])
  })

  test('does not count what is redacted, nor whom the reader ignores', async () => {
    const roomId = await makeRoom(bob, carol)
    const root = await say(roomId, alice, 'root')
    const first = await reply(roomId, bob, root, 'one')
    const second = await reply(roomId, bob, root, 'two')
    const third = await reply(roomId, carol, root, 'three')
    const seen = async (reader: UserId) => {
      const thread = (await bundled(reader, roomId, root))?.['m.thread']
      return thread && [thread.count, thread.latest_event.event_id]
    }
    expect(await seen(alice)).toEqual([3, third])

    await ignore(alice, carol)
    expect(await seen(alice)).toEqual([2, second])
    expect(await seen(bob)).toEqual([3, third])

    await redact(roomId, bob, second)
    expect(await seen(alice)).toEqual([1, first])
    await redact(roomId, bob, first)
    expect(await seen(alice)).toBeUndefined()
    await ignore(alice)
    expect(await seen(alice)).toEqual([1, third])
  })

  test('cannot begin at an event that relates to another, whoever says so', async () => {
    const roomId = await makeRoom()
    const root = await say(roomId, alice, 'root')
    const inThread = await reply(roomId, alice, root, 'one')
    await reply(roomId, alice, inThread, 'nested')

    expect(await bundled(alice, roomId, inThread)).toBeUndefined()
  })

  test('goes on counting while it is kept in memory, and counts the same when it is read anew', async () => {
    const roomId = await makeRoom(bob)
    const root = await say(roomId, alice, 'root')
    await reply(roomId, bob, root, 'one')
    expect((await bundled(alice, roomId, root))?.['m.thread']?.count).toBe(1)
    await Promise.all(['two', 'three', 'four'].map((body, at) => reply(roomId, at ? alice : bob, root, body)))

    const kept = await bundled(alice, roomId, root)
    const fresh = relationsOf(await (await makeTestSyncing(db)).device(alice).event(roomId, root))

    expect(kept?.['m.thread']?.count).toBe(4)
    expect(fresh?.['m.thread']).toMatchObject({
      count: 4,
      latest_event: { event_id: kept?.['m.thread']?.latest_event.event_id },
    })
  })
})

test('references are listed, without those of ignored users', async () => {
  const roomId = await makeRoom(bob, carol)
  const message = await say(roomId, alice, 'referred to')
  const first = await send(roomId, bob, relation('m.reference', message), 'org.example.note')
  await send(roomId, carol, relation('m.reference', message), 'org.example.note')
  await ignore(bob, carol)

  expect((await bundled(bob, roomId, message))?.['m.reference']).toEqual({ chunk: [{ event_id: first }] })
})

test('reactions are not bundled', async () => {
  const roomId = await makeRoom()
  const message = await say(roomId, alice, 'liked')
  await send(
    roomId,
    alice,
    { 'm.relates_to': { rel_type: 'm.annotation', event_id: message, key: '👍' } },
    'm.reaction',
  )

  expect((await hs.device(alice).event(roomId, message)).unsigned).not.toHaveProperty('m.relations')
})

test('every way to read an event bundles the same', async () => {
  const roomId = await makeRoom(bob)
  const device = hs.device(bob)
  const root = await say(roomId, alice, 'root')
  const newest = await reply(roomId, bob, root, 'reply')
  const edited = await edit(roomId, alice, root, 'root, edited')
  const reader = { userId: bob, sid: device.sid, roomId }
  const { operations } = hs

  const ways = {
    sync: only(await device.sync({ filter: { room: { rooms: [roomId] } } })).timeline.events,
    messages: (await device.messages(roomId)).chunk,
    context: [(await device.context(roomId, root)).event],
    around: (await device.context(roomId, newest)).events_before,
    event: [await device.event(roomId, root)],
    threads: (await operations.readThreads({ ...reader, participated: false, limit: 10 })).chunk,
  }

  for (const [way, events] of Object.entries(ways)) {
    const event = (events as SyncEvent[]).find(({ event_id }) => event_id === root)
    expect([way, relationsOf(event)?.['m.thread']?.latest_event.event_id]).toEqual([way, newest])
    expect([way, relationsOf(event)?.['m.replace']?.event_id]).toEqual([way, edited])
  }
  const page = await operations.readRelationsOf({ ...reader, eventId: root, direction: 'b', limit: 10 })
  const replyEdit = await edit(roomId, bob, newest, 'reply, edited')
  const again = await operations.readRelationsOf({ ...reader, eventId: root, direction: 'b', limit: 10 })
  const of = (chunk: unknown) => relationsOf((chunk as SyncEvent[]).find(({ event_id }) => event_id === newest))
  expect(of(page.chunk)).toBeUndefined()
  expect(of(again.chunk)?.['m.replace']?.event_id).toBe(replyEdit)
})

describe('what it costs', () => {
  test('a page without relations reads nothing for them, one with many reads once, and then from memory', async () => {
    const roomId = await makeRoom()
    const device = hs.device(alice)
    const plain = await Promise.all(Array.from({ length: 10 }, (_, i) => say(roomId, alice, `plain ${i}`)))
    const page = () => device.messages(roomId, { limit: 40 })
    await page()
    reads = 0
    await page()
    expect(reads).toBe(0)

    for (const [at, root] of plain.entries())
      await (at % 2 ? edit(roomId, alice, root, `${at}`) : reply(roomId, alice, root, `${at}`))
    reads = 0
    const { chunk } = await page()
    expect(chunk.filter((event) => relationsOf(event))).toHaveLength(10)
    expect(reads).toBe(1)
    await page()
    expect(reads).toBe(1)
  })
})

describe('what comes over federation', () => {
  const draft = (content: Record<string, unknown>) => ({ type: 'm.room.message', sender: zoe, content })

  test('before the event that it relates to is bundled when that comes, and after a restart', async () => {
    const roomId = await makeRoom()
    await join(roomId)
    const room = (await hs.rooms.get(roomId))!
    const [root] = (await chain(room, () => draft({ body: 'root' }))).events as [PduEvent]
    const [answer] = (await chain(room, () => draft({ body: 'reply', ...relation('m.thread', root.eventId) }))).events

    await hs.acceptPdu(roomId, answer!)
    await hs.acceptPdu(roomId, root)

    const thread = (await bundled(alice, roomId, root.eventId))?.['m.thread']
    expect(thread?.latest_event.event_id).toBe(answer!.eventId)
    const restarted = await makeTestSyncing(db)
    const event = await restarted.device(alice).event(roomId, root.eventId)
    expect(relationsOf(event)?.['m.thread']?.count).toBe(1)
  })

  test('as older history is bundled, with what was there before and what comes with it', async () => {
    const roomId = await makeRoom()
    await join(roomId)
    const known = await say(roomId, alice, 'known')
    const room = (await hs.rooms.get(roomId))!
    const { events } = await chain(
      room,
      () => draft({ body: 'root' }),
      ([root]) => draft({ body: 'one', ...relation('m.thread', root!.eventId) }),
      () => draft({ body: 'of the known', ...relation('m.thread', known) }),
      ([root]) => draft({ body: 'two', ...relation('m.thread', root!.eventId) }),
    )
    const [root, , , news] = events as [PduEvent, PduEvent, PduEvent, PduEvent]
    await hs.acceptPdu(roomId, news, { stateBefore: await idsOf(hs.rooms, room) })
    expect(await bundled(alice, roomId, known)).toBeUndefined()

    const { origin } = (await hs.rooms.get(roomId))!.segments.at(-1)!
    await makeInsertHistory(hs.rooms, Date.now)(roomId, toldAs(origin, events.slice(0, 3)))

    expect((await bundled(alice, roomId, root.eventId))?.['m.thread']).toMatchObject({
      count: 2,
      latest_event: { event_id: news.eventId },
    })
    expect((await bundled(alice, roomId, known))?.['m.thread']?.count).toBe(1)
  })
})
