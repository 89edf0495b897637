/** Rules `create` and `auth-events`: what is judged before any state. */
import { describe, expect, test } from 'vitest'
import { authEventKeys, checkAuthEventsSelection, checkAuthRules } from '../../../../server/events/auth-rules/index.js'
import type { JsonObject, PduEvent } from '../../../../server/events/pdu.js'
import { knownRoomVersions } from '../../../../server/events/room-versions.js'
import { buildRoom, type EventInput, RoomBuilder, rulesOf, user } from '../../../support/pdu-builder.js'

const alice = '@alice:a.example'
const bob = '@bob:b.example'
const allowed = { allowed: true }
const refused = (rule: string, reason?: RegExp) => ({
  allowed: false,
  rule,
  ...(reason ? { reason: expect.stringMatching(reason) } : {}),
})

describe('create', () => {
  const create = (version: string, members: JsonObject = {}, content: JsonObject = {}) => {
    const { create: event, rules } = new RoomBuilder({ version, createContent: content })
    return checkAuthRules({ ...event, pdu: { ...event.pdu, ...members } }, [], rules)
  }

  test.each(knownRoomVersions)('version %s: the first event of a room is allowed', (version) => {
    expect(create(version)).toEqual(allowed)
  })

  test('one with prev events is refused', () => {
    expect(create('11', { prev_events: ['$x'] })).toMatchObject(refused('create', /prev events/))
  })

  test('one with a room ID of another server is refused up to version 11', () => {
    expect(create('11', { room_id: '!x:b.example' })).toMatchObject(refused('create', /server/))
  })

  test('one with any room ID is refused in version 12', () => {
    expect(create('12', { room_id: '!x:a.example' })).toMatchObject(refused('create', /room_id/))
  })

  test('one with a room version we do not know is refused, one without any is not', () => {
    for (const room_version of ['99', 11, null])
      expect(create('11', {}, { room_version })).toMatchObject(refused('create', /version/))
    const { create: event, rules } = new RoomBuilder({ version: '1' })
    const { room_version: _v, ...content } = event.pdu.content
    expect(checkAuthRules({ ...event, pdu: { ...event.pdu, content } }, [], rules)).toEqual(allowed)
  })

  test('one without content.creator is refused up to version 10', () => {
    expect(create('10', { content: { room_version: '10' } })).toMatchObject(refused('create', /creator/))
    expect(create('11', { content: { room_version: '11' } })).toEqual(allowed)
  })

  test('additional_creators must be a list of user IDs in version 12 and may be anything before', () => {
    expect(create('12', {}, { additional_creators: [bob] })).toEqual(allowed)
    for (const additional_creators of ['x', {}, [1], ['bob'], [bob, null]]) {
      expect(create('12', {}, { additional_creators })).toMatchObject(refused('create', /additional_creators/))
      expect(create('11', {}, { additional_creators })).toEqual(allowed)
    }
  })
})

describe('authEventKeys', () => {
  const keys = (input: { type?: string; stateKey?: string; content?: JsonObject; version?: string }) =>
    authEventKeys(
      {
        type: input.type ?? 'm.room.member',
        sender: user(alice),
        content: input.content ?? {},
        ...(input.stateKey === undefined ? {} : { state_key: input.stateKey }),
      },
      rulesOf(input.version ?? '11'),
    ).map(([type, stateKey]) => `${type.replace('m.room.', '')} ${stateKey}`.trim())

  test('a create event has none', () => {
    expect(keys({ type: 'm.room.create', stateKey: '' })).toEqual([])
  })

  test('an ordinary event takes create event, power levels and its sender’s membership', () => {
    expect(keys({ type: 'm.room.message' })).toEqual(['create', 'power_levels', `member ${alice}`])
    expect(keys({ type: 'm.room.message', version: '12' })).toEqual(['power_levels', `member ${alice}`])
  })

  test('a member event takes its target’s membership too, once', () => {
    expect(keys({ stateKey: bob, content: { membership: 'leave' } })).toContain(`member ${bob}`)
    expect(keys({ stateKey: alice, content: { membership: 'leave' } })).toHaveLength(3)
  })

  test('join, invite and knock take the join rules, leave and ban do not', () => {
    for (const membership of ['join', 'invite', 'knock'])
      expect(keys({ stateKey: bob, content: { membership } })).toContain('join_rules')
    for (const membership of ['leave', 'ban', 'x'])
      expect(keys({ stateKey: bob, content: { membership } })).not.toContain('join_rules')
    expect(keys({ stateKey: alice, content: { membership: 'knock' }, version: '6' })).not.toContain('join_rules')
  })

  test('an invite made from a third-party invite takes that one', () => {
    const content = { membership: 'invite', third_party_invite: { signed: { token: 'abc' } } }
    expect(keys({ stateKey: bob, content })).toContain('third_party_invite abc')
    expect(keys({ stateKey: bob, content: { ...content, membership: 'join' } })).not.toContain('third_party_invite abc')
    expect(keys({ stateKey: bob, content: { ...content, third_party_invite: { signed: {} } } })).toHaveLength(5)
  })

  test('a join authorised by somebody takes their membership from version 8 on', () => {
    const content = { membership: 'join', join_authorised_via_users_server: bob }
    expect(keys({ stateKey: alice, content })).toContain(`member ${bob}`)
    expect(keys({ stateKey: alice, content, version: '7' })).not.toContain(`member ${bob}`)
    expect(keys({ stateKey: alice, content: { ...content, membership: 'invite' } })).not.toContain(`member ${bob}`)
    expect(keys({ stateKey: alice, content: { ...content, join_authorised_via_users_server: alice } })).toHaveLength(4)
  })
})

describe('auth-events', () => {
  const topic: EventInput = { type: 'm.room.topic', sender: alice, stateKey: '' }

  /** A room with power levels, and the verdict on a topic with these auth events. */
  const verdict = (choose: (room: RoomBuilder, chosen: PduEvent[]) => PduEvent[], version = '11') => {
    const room = buildRoom({ version })
    room.powerLevels({ users: version === '12' ? {} : { [alice]: 100 } })
    room.joinRule('public')
    const chosen = room.authEventsOf(room.event(topic))
    const authEvents = choose(room, chosen)
    return checkAuthEventsSelection(room.event({ ...topic, authEvents }), authEvents, room.rules)
  }

  test.each(knownRoomVersions)('version %s: the chosen ones are right', (version) => {
    expect(verdict((_, chosen) => chosen, version)).toEqual(allowed)
  })

  test('two for one type and state key are refused', () => {
    const twice = verdict((room, chosen) => [...chosen, room.member(alice, 'join', { content: { displayname: 'A' } })])
    expect(twice).toMatchObject(refused('auth-events', /two/))
  })

  test('one that the selection would not pick is refused', () => {
    const joinRules = (room: RoomBuilder) => room.lookup()('m.room.join_rules', '')!
    expect(verdict((room, chosen) => [...chosen, joinRules(room)])).toMatchObject(
      refused('auth-events', /no auth event/),
    )
  })

  test('a message among them is refused', () => {
    const message = (room: RoomBuilder) => room.event({ type: 'm.room.member', sender: alice })
    expect(verdict((room, chosen) => [...chosen, message(room)])).toMatchObject(refused('auth-events', /no auth event/))
  })

  test('one that was rejected is refused', () => {
    const rejected = verdict((_, chosen) => chosen.map((event, i) => (i === 1 ? { ...event, rejected: true } : event)))
    expect(rejected).toMatchObject(refused('auth-events', /rejected/))
  })

  test('without the create event it is refused up to version 11; with it in version 12', () => {
    expect(verdict((_, [, ...rest]) => rest)).toMatchObject(refused('auth-events', /create/))
    const withCreate = verdict((room, chosen) => [room.create, ...chosen], '12')
    expect(withCreate).toMatchObject(refused('auth-events', /m.room.create is no auth event/))
  })

  test('one of another room is refused', () => {
    const foreign = (event: PduEvent): PduEvent => ({ ...event, roomId: '!y:a.example' as PduEvent['roomId'] })
    expect(verdict((_, [first, ...rest]) => [foreign(first!), ...rest])).toMatchObject(
      refused('auth-events', /another room/),
    )
  })

  test('the refusal comes before any rule about state', () => {
    const room = buildRoom()
    const event = room.event({ ...topic, sender: bob, authEvents: [] })
    expect(checkAuthRules(event, [], room.rules)).toMatchObject(refused('auth-events'))
  })
})
