/** Where an event comes to stand, and what of the room moves by it: a table, from snapshot to snapshot. */
import { describe, expect, test } from 'vitest'
import { type PduEvent, stateKeyOf } from '../../../server/events/pdu.js'
import type { EventId, ServerName, UserId } from '../../../server/kernel/identifiers.js'
import { type Aside, placeAside, placeOnTop } from '../../../server/rooms/place-event.js'
import type { Snapshot } from '../../../server/rooms/room.js'
import { type Census, makeEmptySnapshot, nobody, toExtremity } from '../../../server/rooms/snapshot.js'
import { noView, type View } from '../../../server/rooms/state-view.js'
import { buildRoom, type EventInput } from '../../support/pdu-builder.js'

const alice = '@alice:a.example' as UserId
const bob = '@bob:b.example' as UserId
const carol = '@carol:b.example' as UserId
const other = 'b.example' as ServerName
const origin = { isLocal: false, destinations: [] }
const memberKey = (userId: UserId) => stateKeyOf('m.room.member', userId)
const topicKey = stateKeyOf('m.room.topic', '')

/** Alice's room, with Bob of another server in it. */
function setUp() {
  const room = buildRoom({ version: '11', creator: alice })
  const alices = room.events.get(room.state.get(memberKey(alice))!)!
  room.joinRule('public')
  const bobs = room.member(bob, 'join')
  const topic = room.send({ type: 'm.room.topic', stateKey: '', sender: alice, content: { topic: 'bread' } })
  const snapshot: Snapshot = {
    ...makeEmptySnapshot(room.create, room.rules, 'a.example' as ServerName),
    extremities: [toExtremity(topic, 7, room.rules)],
    ...{ node: 7, nextNode: 8, nodeWeight: 20, stateSize: 5 },
    state: new Map([
      [stateKeyOf('m.room.create', ''), room.create],
      [topicKey, topic],
    ]),
    localMembers: new Map([[alice, 'join']]),
    ...{ joinedCount: 2, localJoinedCount: 1 },
  }
  const census = (...members: PduEvent[]): Census => ({
    members: new Map(members.map((event) => [event.pdu.state_key as UserId, event])),
    servers: new Map([[other, 1]]),
  })
  return { room, snapshot, topic, alices, bobs, census }
}

const member = (userId: UserId, membership: string, sender = userId): EventInput => ({
  ...{ type: 'm.room.member', stateKey: userId, sender, content: { membership } },
})

const onTop = (snapshot: Snapshot, event: PduEvent, census: Census = nobody) =>
  placeOnTop(snapshot, event, '{}', origin, census)

describe('on top of the room', () => {
  test('a message becomes the only end; the state stays, and its node', () => {
    const { room, snapshot } = setUp()
    const event = room.event({ type: 'm.room.message', sender: alice, content: {} })
    const { next, placed } = onTop(snapshot, event)
    expect(next.extremities.map(({ eventId, node }) => [eventId, node])).toEqual([[event.eventId, 7]])
    expect([next.node, next.nextNode, next.nodeWeight, next.state]).toEqual([7, 8, 20, snapshot.state])
    expect([placed.node, placed.nodes, placed.stateChanges.size]).toEqual([7, [], 0])
  })

  test('a state event takes the place of the one before, which its node and itself name', () => {
    const { room, snapshot, topic } = setUp()
    const event = room.event({ type: 'm.room.topic', stateKey: '', sender: alice, content: { topic: 'rye' } })
    const { next, placed } = onTop(snapshot, event)
    expect(next.state.get(topicKey)).toBe(event)
    expect(snapshot.state.get(topicKey)).toBe(topic)
    expect([next.node, next.nextNode, next.nodeWeight, next.stateSize]).toEqual([8, 9, 21, 5])
    expect(placed.replaces).toBe(topic.eventId)
    expect(placed.nodes).toEqual([{ n: 8, parent: 7, entries: { [topicKey]: [event.eventId, topic.eventId] } }])
  })

  test('a state event of a new key stands on nothing', () => {
    const { room, snapshot } = setUp()
    const event = room.event({ type: 'm.room.name', stateKey: '', sender: alice, content: { name: 'Bakers' } })
    const { next, placed } = onTop(snapshot, event)
    expect(next.stateSize).toBe(6)
    expect(placed.replaces).toBeUndefined()
    expect(placed.nodes[0]?.entries).toEqual({ [stateKeyOf('m.room.name', '')]: [event.eventId, null] })
  })

  test.for([
    ['a first join of another server', member(carol, 'join'), [], [3, 0, 1], [[other, 2]]],
    ['an invite', member(carol, 'invite', alice), [], [2, 1, 1], []],
    ['a leave of another server', member(bob, 'leave'), ['bobs'], [1, 0, 1], [[other, 0]]],
    ['a new name', member(bob, 'join'), ['bobs'], [2, 0, 1], []],
    ['a leave of one of ours', member(alice, 'leave'), ['alices'], [1, 0, 0], []],
  ] as [string, EventInput, ('bobs' | 'alices')[], number[], [ServerName, number][]][])(
    '%s moves the counts by what was before',
    ([, input, held, counts, servers]) => {
      const { room, snapshot, census, ...events } = setUp()
      const event = room.event(input)
      const { next, placed } = onTop(snapshot, event, census(...held.map((name) => events[name])))
      expect([next.joinedCount, next.invitedCount, next.localJoinedCount]).toEqual(counts)
      expect([...next.moved.servers]).toEqual(servers)
      expect(next.moved.members.get(event.pdu.state_key as UserId)).toBe(event)
      expect(next.state).toBe(snapshot.state)
      expect(placed.replaces).toBe(held[0] && events[held[0]].eventId)
    },
  )

  test('the members of one unit stand on each other', () => {
    const { room, snapshot, bobs, census } = setUp()
    const left = onTop(snapshot, room.event(member(bob, 'leave')), census(bobs))
    const back = onTop(left.next, room.event(member(bob, 'join')), census(bobs))
    expect([back.next.joinedCount, back.next.moved.servers.get(other)]).toEqual([2, 1])
    expect(back.placed.replaces).toBe(left.placed.event.eventId)
  })
})

describe('aside of the room', () => {
  /** A topic of Bob's on a fork, with a state that has only his topic besides what both have. */
  function fork(change: (view: View, snapshot: Snapshot) => Partial<Aside>) {
    const setup = setUp()
    const { room, snapshot, topic } = setup
    const event = room.event({ type: 'm.room.topic', stateKey: '', sender: bob, content: { topic: 'cake' } })
    const view: View = new Map([[topicKey, [event.eventId, topic.eventId]]])
    const own = { view, node: { n: 8, row: { n: 8, parent: 7, entries: {} } } }
    const aside: Aside = {
      ...{ status: 'accepted', own, isNamed: false, merged: undefined },
      ground: { taken: new Set<EventId>(), absent: [] },
      extremities: [...snapshot.extremities, toExtremity(event, 8, room.rules)],
      ...change(view, snapshot),
    }
    return { ...setup, event, ...placeAside(snapshot, event, '{}', aside, origin, nobody) }
  }

  test('a fork whose topic wins moves the state to its own node, and no other is written', () => {
    const { event, topic, next, placed } = fork((ownView) => ({
      merged: { view: ownView, events: new Map(), parents: [] },
    }))
    expect([next.node, next.nextNode, next.state.get(topicKey)]).toEqual([8, 9, event])
    expect(placed.nodes.map(({ n }) => n)).toEqual([8])
    expect([[...placed.stateChanges], placed.replaces]).toEqual([[[topicKey, event]], topic.eventId])
  })

  test('a fork whose topic loses leaves the state where it is', () => {
    const { topic, next, placed } = fork(() => ({ merged: { view: noView, events: new Map(), parents: [] } }))
    expect([next.node, next.nextNode, next.state.get(topicKey)]).toEqual([7, 9, topic])
    expect([placed.stateChanges.size, placed.replaces, placed.node]).toEqual([0, undefined, 8])
    expect(next.extremities).toHaveLength(2)
  })

  test('a soft-failed event keeps what it stands on, goes to nobody, and is no end', () => {
    const behind = '$behind' as EventId
    const { snapshot, next, placed } = fork((_, at) => ({
      ...{ status: 'soft_failed', reason: 'banned by now', extremities: at.extremities },
      ground: { taken: new Set([behind]), absent: ['$gone' as EventId] },
    }))
    expect(next.extremities).toBe(snapshot.extremities)
    expect(placed).toMatchObject({ status: 'soft_failed', reason: 'banned by now', behind: [behind], destinations: [] })
    expect(placed.absent).toBeUndefined()
  })

  test('an accepted event says what it stands on that is not here', () => {
    const { placed } = fork(() => ({ ground: { taken: new Set(), absent: ['$gone' as EventId] } }))
    expect([placed.absent, placed.behind]).toEqual([['$gone'], undefined])
  })
})
