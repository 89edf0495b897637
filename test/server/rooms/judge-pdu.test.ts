/** What a received event is judged to be, by its auth events, the state before it and the current state: a table. */
import { describe, expect, test } from 'vitest'
import { type PduEvent, stateKeyOf } from '../../../server/events/pdu.js'
import { judgePdu } from '../../../server/rooms/judge-pdu.js'
import type { Entries, Snapshot } from '../../../server/rooms/room.js'
import { buildRoom, type EventInput, type RoomBuilder } from '../../support/pdu-builder.js'

const bob = '@bob:b.example'
const message: EventInput = { type: 'm.room.message', sender: bob, content: { body: 'hello' } }
const topic: EventInput = { type: 'm.room.topic', stateKey: '', sender: bob, content: { topic: 'bread' } }

/** A state of the room: what happens on the way to it. */
const states = {
  inside: () => undefined,
  outside: (room: RoomBuilder) => room.member(bob, 'leave'),
  banned: (room: RoomBuilder) => room.member(bob, 'ban', { sender: room.creator }),
  moderator: (room: RoomBuilder) => room.powerLevels({ users: { [room.creator]: 100, [bob]: 50 } }),
} as const
type State = keyof typeof states

function entriesOf(room: RoomBuilder): Entries {
  const { state } = room
  return { get: (key) => room.events.get(state.get(key)!) }
}

function judge(input: EventInput, named: State, before: State, current: State | 'before') {
  const room = buildRoom({ version: '10' })
  room.joinRule('public')
  room.member(bob, 'join')
  const start = room.state
  const at = (state: State) => {
    room.state = new Map(start)
    states[state](room)
    return entriesOf(room)
  }
  const beforeEntries = at(before)
  const currentEntries = current === 'before' ? beforeEntries : at(current)
  at(named)
  const event = room.event(input)
  const snapshot = { rules: room.rules, createEvent: room.create } as unknown as Snapshot
  return judgePdu(snapshot, event, {
    authEvents: room.authEventsOf(event),
    before: beforeEntries,
    current: currentEntries,
  })
}

const accepted = { status: 'accepted' }
const rejected = { status: 'rejected', reason: expect.any(String) }
const softFailed = { status: 'soft_failed', reason: expect.any(String) }

describe('an event is', () => {
  test.for([
    ['accepted where all three allow it', message, 'inside', 'inside', 'inside', accepted],
    [
      'accepted on top of the room, where the state before is the current one',
      message,
      'inside',
      'inside',
      'before',
      accepted,
    ],
    ['rejected by its own auth events, whatever the states say', message, 'outside', 'inside', 'inside', rejected],
    ['rejected by the state before it', message, 'inside', 'outside', 'inside', rejected],
    ['rejected by the state before it on top of the room too', message, 'inside', 'banned', 'before', rejected],
    ['rejected, not soft-failed, where both states refuse it', message, 'inside', 'banned', 'banned', rejected],
    ['soft-failed where only the current state refuses it', message, 'inside', 'inside', 'banned', softFailed],
    ['soft-failed for who has left since', message, 'inside', 'inside', 'outside', softFailed],
    ['rejected where its sender has the level only now', topic, 'moderator', 'inside', 'moderator', rejected],
    ['rejected where its sender says to have had a level', topic, 'inside', 'moderator', 'moderator', rejected],
    ['soft-failed where its sender has lost the level', topic, 'moderator', 'moderator', 'inside', softFailed],
    ['accepted where its sender had the level and has it', topic, 'moderator', 'moderator', 'moderator', accepted],
  ] as [string, EventInput, State, State, State | 'before', object][])(
    '%s',
    ([, input, named, before, current, verdict]) => {
      expect(judge(input, named, before, current)).toEqual(verdict)
    },
  )

  test('rejected where it names an auth event that was rejected', () => {
    const room = buildRoom({ version: '10' })
    room.joinRule('public')
    const join: PduEvent = { ...room.member(bob, 'join'), rejected: true }
    const event = room.event(message)
    const authEvents = room.authEventsOf(event).map((each) => (each.eventId === join.eventId ? join : each))
    const entries = entriesOf(room)
    const snapshot = { rules: room.rules, createEvent: room.create } as unknown as Snapshot
    expect(entries.get(stateKeyOf('m.room.member', bob))).toBeDefined()
    expect(judgePdu(snapshot, event, { authEvents, before: entries, current: entries })).toEqual(rejected)
  })
})
