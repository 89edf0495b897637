/** What another server's events do to a room: real store, events signed by a second server, no network. */
import { describe, expect, test } from 'vitest'
import type { PduEvent } from '../../../server/events/pdu.js'
import type { EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import { makeReadVisibility } from '../../../server/live/projector/visibility.js'
import type { EventDraft } from '../../../server/rooms/build-event.js'
import type { Room } from '../../../server/rooms/room.js'
import { makeVisibility } from '../../../server/sync/visibility.js'
import { openTestDatabase } from '../../support/database.js'
import { makeGate } from '../../support/gate.js'
import { makeSigner, makeTestRooms, user } from '../../support/rooms.js'
import { buildOn, heldIds } from '../../support/views.js'

const alice = user('alice')
const bob = user('bob')
const zoe = user('zoe', 'other.test')
const remote = makeSigner('other.test', 2)

describe('events of another server', async () => {
  const db = await openTestDatabase()
  const hs = await makeTestRooms(db)

  /** A public room with Zoe of the other server in it. */
  async function sharedRoom(): Promise<RoomId> {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.acceptPdu(roomId, await remoteEvent(roomId, member(zoe, 'join')))
    return roomId
  }
  const member = (userId: UserId, membership: string): EventDraft => ({
    type: 'm.room.member',
    stateKey: userId,
    sender: userId,
    content: { membership },
  })
  const text = (body: string): EventDraft => ({ type: 'm.room.message', sender: zoe, content: { body } })
  /** Built on the room as it is now, or as it was. */
  async function remoteEvent(roomId: RoomId, draft: EventDraft, view?: Room): Promise<PduEvent> {
    const room = view ?? (await hs.rooms.get(roomId))
    if (!room) throw new Error('no such room')
    return buildOn(hs.rooms, room, draft, remote)
  }
  /** The room as the other server sees it until it hears more. */
  async function viewOf(roomId: RoomId): Promise<{ -readonly [K in keyof Room]: Room[K] }> {
    const room = await hs.rooms.get(roomId)
    if (!room) throw new Error('no such room')
    return { ...room }
  }
  const idsInTimeline = async (roomId: RoomId, { rooms } = hs): Promise<EventId[]> => {
    const room = await rooms.get(roomId)
    return (await rooms.readTimeline(roomId, 1, room?.maxSeq ?? 0)).map(({ eventId }) => eventId)
  }

  test('a join and a message are accepted and found after a restart', async () => {
    const roomId = await sharedRoom()
    const event = await remoteEvent(roomId, text('hello'))

    expect(await hs.acceptPdu(roomId, event)).toEqual({ status: 'accepted' })

    const { rooms } = await makeTestRooms(db)
    const fresh = await rooms.get(roomId)
    expect((await rooms.readMember(fresh!, zoe))?.pdu.content.membership).toBe('join')
    expect(fresh?.recent.at(-1)?.eventId).toBe(event.eventId)
  })

  test('the same event twice, also at the same time, is there once', async () => {
    const roomId = await sharedRoom()
    const event = await remoteEvent(roomId, text('once'))

    const outcomes = await Promise.all([1, 2, 3].map(() => hs.acceptPdu(roomId, event)))

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['accepted', 'known', 'known'])
    expect((await idsInTimeline(roomId)).filter((id) => id === event.eventId)).toHaveLength(1)
  })

  test('an event whose prev events are unknown is not stored; it says what is missing', async () => {
    const roomId = await sharedRoom()
    const view = await viewOf(roomId)
    const gap = await remoteEvent(roomId, text('never sent'), view)
    view.extremities = [{ eventId: gap.eventId, depth: gap.pdu.depth, node: 0, reference: gap.eventId }]
    const event = await remoteEvent(roomId, text('after the gap'), view)

    expect(await hs.acceptPdu(roomId, event)).toEqual({ status: 'missing', authEvents: [], prevEvents: [gap.eventId] })
    expect(await hs.rooms.readEvent(event.eventId)).toBeUndefined()
  })

  test('an event that breaks the auth rules is rejected, kept apart, and moves nothing', async () => {
    const roomId = await sharedRoom()
    const before = await viewOf(roomId)
    const event = await remoteEvent(roomId, {
      type: 'm.room.name',
      stateKey: '',
      sender: zoe,
      content: { name: 'mine' },
    })

    expect((await hs.acceptPdu(roomId, event)).status).toBe('rejected')

    const after = await hs.rooms.get(roomId)
    expect(after?.extremities).toEqual(before.extremities)
    expect(after?.state.has('m.room.name\u0000')).toBe(false)
    expect((await hs.rooms.readEvent(event.eventId))?.status).toBe('rejected')
  })

  test('who was banned meanwhile is soft-failed: stored, but not shown and not built on', async () => {
    const roomId = await sharedRoom()
    const view = await viewOf(roomId)
    await hs.banUser({ roomId, sender: alice, target: zoe })
    const event = await remoteEvent(roomId, text('from before the ban'), view)

    expect((await hs.acceptPdu(roomId, event)).status).toBe('soft_failed')

    expect(await idsInTimeline(roomId)).not.toContain(event.eventId)
    const next = await hs.sendText(roomId, alice, 'on we go')
    expect((await hs.rooms.readEvent(next))?.pdu.prev_events).not.toContain(event.eventId)
  })

  test('a fork is resolved, and the next event joins both ends', async () => {
    const roomId = await sharedRoom()
    await hs.sendEvent(roomId, {
      type: 'm.room.power_levels',
      stateKey: '',
      sender: alice,
      content: { users: { [zoe]: 50 }, events: { 'm.room.topic': 50 } },
    })
    const view = await viewOf(roomId)
    const ours = await hs.sendEvent(roomId, {
      type: 'm.room.name',
      stateKey: '',
      sender: alice,
      content: { name: 'ours' },
    })
    const theirs = await remoteEvent(
      roomId,
      { type: 'm.room.topic', stateKey: '', sender: zoe, content: { topic: 'theirs' } },
      view,
    )

    expect((await hs.acceptPdu(roomId, theirs)).status).toBe('accepted')

    const room = await hs.rooms.get(roomId)
    expect(room?.state.get('m.room.name\u0000')?.eventId).toBe(ours)
    expect(room?.state.get('m.room.topic\u0000')?.eventId).toBe(theirs.eventId)
    const next = await hs.sendText(roomId, alice, 'together again')
    const prev = (await hs.rooms.readEvent(next))?.pdu.prev_events ?? []
    expect([...prev].sort()).toEqual([ours, theirs.eventId].sort())
    const fresh = await (await makeTestRooms(db)).rooms.get(roomId)
    expect(fresh?.state.get('m.room.topic\u0000')?.eventId).toBe(theirs.eventId)
    expect(await hs.rooms.readStateNode(roomId, fresh?.node ?? -1)).toEqual(await heldIds(hs.rooms, fresh!))
  })

  test('an event whose acceptance breaks off in the middle leaves no trace and can come again', async () => {
    const roomId = await sharedRoom()
    const view = await viewOf(roomId)
    await hs.sendText(roomId, alice, 'ours')
    const theirs = await remoteEvent(roomId, text('theirs'), view)
    const before = (await hs.rooms.get(roomId))?.extremities
    const gate = makeGate(db)
    const tight = await makeTestRooms(gate.db)
    const read = gate.hold(({ sql }) => sql?.includes('absent_event') === true) // the last read before the room moves on

    const accepting = tight.acceptPdu(roomId, theirs)
    await read.reached
    read.fail(new Error('disk'))

    await expect(accepting).rejects.toThrow('disk')
    expect((await tight.rooms.get(roomId))?.extremities).toEqual(before)
    expect((await tight.acceptPdu(roomId, theirs)).status).toBe('accepted')
    expect(await idsInTimeline(roomId, tight)).toContain(theirs.eventId)
  })

  test('the state of a fork is found before it is durable, and after a commit that failed it is forgotten', async () => {
    const roomId = await sharedRoom()
    const levels = { users: { [zoe]: 50 }, events: { 'm.room.topic': 50 } }
    await hs.sendEvent(roomId, { type: 'm.room.power_levels', stateKey: '', sender: alice, content: levels })
    const view = await viewOf(roomId)
    const topic = (body: string) => ({ type: 'm.room.topic', stateKey: '', sender: zoe, content: { topic: body } })
    await hs.sendText(roomId, alice, 'ours')
    const { nextNode } = (await hs.rooms.get(roomId))!
    const { commit } = db
    Object.defineProperty(db, 'commit', { configurable: true, value: () => Promise.reject(new Error('disk full')) })
    await expect(hs.acceptPdu(roomId, await remoteEvent(roomId, topic('lost'), view))).rejects.toThrow('disk full')
    Object.defineProperty(db, 'commit', { configurable: true, value: commit })

    await expect(hs.rooms.readStateNode(roomId, nextNode)).rejects.toThrow(/no state node/)
    const kept = await remoteEvent(roomId, topic('kept'), view)
    const [, next] = await Promise.all([
      hs.acceptPdu(roomId, kept),
      hs.sendEvent(roomId, { type: 'm.room.name', stateKey: '', sender: alice, content: { name: 'ours' } }),
    ])

    const room = await hs.rooms.get(roomId)
    expect(room?.state.get('m.room.topic\u0000')?.eventId).toBe(kept.eventId)
    expect(room?.state.get('m.room.name\u0000')?.eventId).toBe(next)
    const fresh = await makeTestRooms(db)
    expect(await fresh.rooms.readStateNode(roomId, room?.node ?? -1)).toEqual(await heldIds(hs.rooms, room!))
  })

  test('events of a fork store what they change, not the whole state each', async () => {
    const roomId = await sharedRoom()
    const view = await viewOf(roomId)
    for (let i = 0; i < 5; i++) {
      await hs.sendEvent(roomId, { type: 'm.room.name', stateKey: '', sender: alice, content: { name: `ours ${i}` } })
      const theirs = await remoteEvent(roomId, text(`theirs ${i}`), view)
      expect((await hs.acceptPdu(roomId, theirs)).status).toBe('accepted')
      view.extremities = [{ ...view.extremities[0]!, eventId: theirs.eventId, reference: theirs.eventId }]
    }

    const [nodes] = await db.query<[{ n: number; entries: string }[]]>(
      'SELECT n, entries FROM state_node:[$room, $from]..[$room, ..]',
      { room: roomId, from: view.nextNode },
    )
    const entries = nodes.flatMap((node) => Object.keys(JSON.parse(node.entries)))
    expect(entries).toEqual(Array.from({ length: 5 }, () => 'm.room.name\u0000'))
  })

  test('a history visibility that came on a fork is the successor of the one that held', async () => {
    const roomId = await sharedRoom()
    const events = { 'm.room.history_visibility': 0 }
    await hs.sendEvent(roomId, { type: 'm.room.power_levels', stateKey: '', sender: alice, content: { events } })
    const visibility = (sender: UserId, value: string): EventDraft => ({
      ...{ type: 'm.room.history_visibility', stateKey: '', sender },
      content: { history_visibility: value },
    })
    await hs.sendEvent(roomId, visibility(alice, 'joined'))
    const secret = await hs.sendText(roomId, alice, 'for those who are here')
    const view = await viewOf(roomId)
    await hs.sendText(roomId, alice, 'meanwhile')
    const opened = await remoteEvent(roomId, visibility(zoe, 'shared'), view)
    expect((await hs.acceptPdu(roomId, opened)).status).toBe('accepted')
    await hs.joinRoom({ roomId, sender: bob })

    const room = (await hs.rooms.get(roomId))!
    const seen = await makeVisibility({ rooms: hs.rooms, isErased: () => false }).filterVisible(room, bob, room.recent)

    expect(room.state.get('m.room.history_visibility\u0000')?.eventId).toBe(opened.eventId)
    expect(seen.map(({ event }) => event.eventId)).toContain(opened.eventId)
    expect(seen.map(({ event }) => event.eventId)).not.toContain(secret)
    const live = makeReadVisibility(hs.rooms, () => false)
    const told = await Promise.all(
      room.recent
        .filter(({ eventId }) => eventId === secret)
        .map((event) => live(room, { ...event, status: 'accepted' })),
    )
    expect(told).toEqual(['joined'])
  })
})
