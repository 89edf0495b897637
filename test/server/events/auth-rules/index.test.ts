/** The rules about the room as a whole, and those every ordinary event passes. */
import { describe, expect, test } from 'vitest'
import { checkAgainstState, checkAuthRules } from '../../../../server/events/auth-rules/index.js'
import { knownRoomVersions } from '../../../../server/events/room-versions.js'
import { buildRoom, type EventInput, RoomBuilder } from '../../../support/pdu-builder.js'

const alice = '@alice:a.example'
const bob = '@bob:b.example'
const carol = '@carol:c.example'

const allowed = { allowed: true }
const refused = (rule: string, reason?: RegExp) => ({
  allowed: false,
  rule,
  ...(reason ? { reason: expect.stringMatching(reason) } : {}),
})

function room(version = '11', createContent = {}): RoomBuilder {
  const built = buildRoom({ version, createContent })
  built.joinRule('public')
  built.member(bob, 'join')
  return built
}

const verdict = (built: RoomBuilder, input: Partial<EventInput> & { sender: string }) =>
  checkAgainstState(built.event({ type: 'm.room.message', ...input }), built.lookup(), built.rules)

test.each(knownRoomVersions)('version %s: every event of an honest room passes all rules', (version) => {
  const built = room(version)
  built.powerLevels({ users: version === '12' ? {} : { [alice]: 100 } })
  built.send({ type: 'm.room.name', sender: alice, stateKey: '', content: { name: 'x' } })
  built.send({ type: 'm.room.message', sender: bob, content: { body: 'x' } })
  built.member(carol, 'invite', { sender: alice })
  built.member(carol, 'join')
  built.member(carol, 'ban', { sender: alice })
  built.member(bob, 'leave')
  for (const event of built.events.values()) {
    const options = { createEvent: built.create }
    expect(checkAuthRules(event, built.authEventsOf(event), built.rules, options)).toEqual(allowed)
  }
})

describe('room-id', () => {
  test('a state without a create event allows nothing', () => {
    const built = room()
    const event = built.event({ type: 'm.room.message', sender: bob })
    expect(checkAgainstState(event, () => undefined, built.rules)).toMatchObject(refused('room-id'))
  })

  test('a rejected create event allows nothing', () => {
    const built = room('12')
    const event = built.event({ type: 'm.room.message', sender: bob })
    const verdict = checkAuthRules(event, built.authEventsOf(event), built.rules, {
      createEvent: { ...built.create, rejected: true },
    })
    expect(verdict).toMatchObject(refused('room-id', /accepted/))
  })

  test('in version 12 the create event must be the one that the room ID names, and the caller must give it', () => {
    const built = room('12')
    const event = built.event({ type: 'm.room.message', sender: bob })
    const other = new RoomBuilder({ version: '12', creator: carol })
    const authEvents = built.authEventsOf(event)
    expect(checkAuthRules(event, authEvents, built.rules, { createEvent: built.create })).toEqual(allowed)
    expect(checkAuthRules(event, authEvents, built.rules, { createEvent: other.create })).toMatchObject(
      refused('room-id', /not that of the create event/),
    )
    expect(checkAuthRules(event, authEvents, built.rules)).toMatchObject(refused('room-id'))
  })
})

describe('federate', () => {
  test('a room closed to other servers takes events of its own server only', () => {
    const built = room('11', { 'm.federate': false })
    built.member('@anna:a.example', 'join')
    expect(verdict(built, { sender: '@anna:a.example' })).toEqual(allowed)
    expect(verdict(built, { sender: bob })).toMatchObject(refused('federate'))
  })

  test('anything but false leaves the room open', () => {
    for (const value of [true, 'false', null, 0])
      expect(verdict(room('11', { 'm.federate': value }), { sender: bob })).toEqual(allowed)
  })
})

describe('aliases', () => {
  const aliases = (version: string, stateKey: string | undefined, sender = carol) =>
    verdict(room(version), { type: 'm.room.aliases', sender, ...(stateKey === undefined ? {} : { stateKey }) })

  test('up to version 5 a server may list its own aliases, whether its user is in the room or not', () => {
    expect(aliases('5', 'c.example')).toEqual(allowed)
    expect(aliases('5', 'a.example')).toMatchObject(refused('aliases'))
    expect(aliases('5', undefined)).toMatchObject(refused('aliases'))
  })

  test('from version 6 on it is an event like any other', () => {
    expect(aliases('6', 'c.example')).toMatchObject(refused('sender-joined'))
    expect(aliases('6', 'c.example', alice)).toEqual(allowed)
  })
})

describe('ordinary events', () => {
  test('only joined users can send', () => {
    const built = room()
    expect(verdict(built, { sender: bob })).toEqual(allowed)
    expect(verdict(built, { sender: carol })).toMatchObject(refused('sender-joined'))
    for (const membership of ['invite', 'leave', 'ban', 'knock']) {
      built.member(carol, membership)
      expect(verdict(built, { sender: carol })).toMatchObject(refused('sender-joined'))
    }
  })

  test('the type’s level is asked for: its own, else that of state or of messages', () => {
    const built = room()
    built.powerLevels({
      users: { [alice]: 100, [bob]: 20 },
      events: { 'm.room.topic': 20, locked: 21 },
      events_default: 10,
    })
    expect(verdict(built, { sender: bob })).toEqual(allowed)
    expect(verdict(built, { sender: bob, type: 'm.room.topic', stateKey: '' })).toEqual(allowed)
    expect(verdict(built, { sender: bob, type: 'm.room.name', stateKey: '' })).toMatchObject(refused('required-level'))
    expect(verdict(built, { sender: bob, type: 'locked' })).toMatchObject(refused('required-level', /21.*20/))
  })

  test('without power levels the creator sends state and others do not', () => {
    const built = room()
    expect(verdict(built, { sender: alice, type: 'm.room.name', stateKey: '' })).toEqual(allowed)
    expect(verdict(built, { sender: bob, type: 'm.room.name', stateKey: '' })).toMatchObject(refused('required-level'))
  })

  test('a state key that is another user’s ID is refused, one’s own is not', () => {
    const built = room()
    expect(verdict(built, { sender: alice, type: 'x', stateKey: alice })).toEqual(allowed)
    expect(verdict(built, { sender: alice, type: 'x', stateKey: bob })).toMatchObject(refused('state-key'))
    expect(verdict(built, { sender: alice, type: 'x', stateKey: '@' })).toMatchObject(refused('state-key'))
  })
})

describe('redaction', () => {
  const redact = (version: string, sender: string, redacts: string) =>
    verdict(room(version), { type: 'm.room.redaction', sender, members: { redacts, event_id: '$new:b.example' } })

  test('in versions 1 and 2 a user with the redact level may redact anything', () => {
    expect(redact('1', alice, '$x:z.example')).toEqual(allowed)
  })

  test('and others events of their own server only', () => {
    expect(redact('2', bob, '$x:b.example')).toEqual(allowed)
    expect(redact('2', bob, '$x:z.example')).toMatchObject(refused('redaction'))
    expect(redact('2', bob, '$nodomain')).toMatchObject(refused('redaction'))
  })

  test('from version 3 on the rules let any redaction pass', () => {
    const built = room('3')
    expect(verdict(built, { type: 'm.room.redaction', sender: bob, members: { redacts: '$x' } })).toEqual(allowed)
  })
})
