/** Push rules as a table of cases, the specification's own among them (`test/fixtures/push-rules.json`). */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Pdu } from '../../../server/events/pdu.js'
import type { EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import {
  defaultPushRules,
  type PushAction,
  type PushCondition,
  type PushRule,
  type PushRuleset,
} from '../../../server/push/default-push-rules.js'
import { compilePushRules, evaluatePushRules, type PushContext, viewOf } from '../../../server/push/evaluate.js'
import { parsePropertyPath, readProperty } from '../../../server/push/property-path.js'

type SpecCase = { condition: PushCondition; event?: Event; memberCount?: number; matches: boolean }
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/push-rules.json', import.meta.url), 'utf8')) as {
  propertyPaths: { path: string; segments: string[] }[]
  conditions: SpecCase[]
  defaultRules: PushRuleset
}

const alice = '@alice:test' as UserId
const bob = '@bob:test' as UserId
const roomId = '!room:test' as RoomId
type Event = { type: string; sender?: string; state_key?: string; content: Record<string, unknown> } & Record<
  string,
  unknown
>

const viewOfEvent = ({ event_id, room_id, ...pdu }: Event) =>
  viewOf({
    eventId: (event_id ?? '$event') as EventId,
    roomId: (room_id ?? roomId) as RoomId,
    pdu: { sender: alice, origin_server_ts: 1, ...pdu } as unknown as Pdu,
  })

const contextOf = (given: Partial<PushContext> & { levels?: Record<string, number> } = {}): PushContext => ({
  userId: bob,
  memberCount: 3,
  displayName: undefined,
  powerLevels: {
    userLevel: (userId) => given.levels?.[userId] ?? 0,
    notificationLevel: (key) => given.levels?.[`notifications.${key}`] ?? 50,
  },
  ...given,
})

const empty: PushRuleset = { override: [], content: [], room: [], sender: [], underride: [] }
const rule = (rule_id: string, more: Partial<PushRule>): PushRule => ({
  rule_id,
  ...{ default: false, enabled: true, actions: ['notify'] },
  ...more,
})
const ask = (rules: PushRuleset, event: Event, context = contextOf()): readonly PushAction[] =>
  evaluatePushRules(compilePushRules(rules), viewOfEvent(event), context)
const holds = (condition: unknown, event: Event, context = contextOf()): boolean =>
  ask({ ...empty, override: [rule('r', { conditions: [condition as PushCondition] })] }, event, context).length > 0

const message = (body: unknown, more: Record<string, unknown> = {}): Event => ({
  type: 'm.room.message',
  content: { msgtype: 'm.text', body, ...more },
})
const highlight = { set_tweak: 'highlight' }
const sound = { set_tweak: 'sound', value: 'default' }

describe('conditions', () => {
  test('every case of the specification', () => {
    expect(fixture.conditions.length).toBeGreaterThan(20)
    for (const { condition, event = message('x'), memberCount, matches } of fixture.conditions) {
      const context = contextOf(memberCount === undefined ? {} : { memberCount })
      expect({ condition, event, matches: holds(condition, event, context) }).toEqual({ condition, event, matches })
    }
  })

  test('paths are split at dots that are not escaped', () => {
    for (const { path, segments } of fixture.propertyPaths) expect(parsePropertyPath(path)).toEqual(segments)
  })

  test('a path leads to own members of objects alone', () => {
    const root = { content: { list: ['a'], text: 'b', constructor: { name: 'mine' } } }
    expect(readProperty(root, ['content', 'constructor', 'name'])).toBe('mine')
    for (const path of [
      'constructor.name',
      'content.list.0',
      'content.list.length',
      'content.text.length',
      '__proto__',
    ])
      expect(readProperty(root, parsePropertyPath(path))).toBeUndefined()
  })

  const match = (key: unknown, pattern: unknown) => ({ kind: 'event_match', key, pattern })
  const named = { kind: 'contains_display_name' }
  const mayNotify = { kind: 'sender_notification_permission', key: 'room' }
  test.each<[string, unknown, Event, boolean, Parameters<typeof contextOf>[0]?]>([
    ['a whole value matches in any case', match('type', 'M.ROOM.message'), message('x'), true],
    ['a part of a value does not', match('type', 'm.room'), message('x'), false],
    ['a pattern matches the whole value', match('type', 'm.*.message'), message('x'), true],
    ['the room', match('room_id', roomId), message('x'), true],
    ['the event’s own ID', match('event_id', '$event'), message('x'), true],
    ['the sender', match('sender', '@ALICE:*'), message('x'), true],
    ['a dot in a name is escaped', match('content.m\\.x.y', 'z'), message('', { 'm.x': { y: 'z' } }), true],
    ['and not in a path', match('content.m.x.y', 'z'), message('', { 'm.x': { y: 'z' } }), false],
    ['what is no string matches no pattern', match('content.body', '*'), message(5), false],
    ['an absent state key is not an empty one', match('state_key', ''), message('x'), false],
    ['an empty state key is', match('state_key', ''), { type: 't', state_key: '', content: {} }, true],
    ['a pattern that is no string', match('content.body', 5), message('5'), false],
    ['a key that is no string', match(5, 'x'), message('x'), false],
    ['a value of null', { kind: 'event_property_is', key: 'content.n', value: null }, message('', { n: null }), true],
    ['null is not absent', { kind: 'event_property_is', key: 'content.n', value: null }, message(''), false],
    ['case counts', { kind: 'event_property_is', key: 'content.body', value: 'A' }, message('a'), false],
    ['no value', { kind: 'event_property_is', key: 'content.n' }, message(''), false],
    [
      'a list is not its text',
      { kind: 'event_property_is', key: 'content.n', value: 'a' },
      message('', { n: ['a'] }),
      false,
    ],
    [
      'within a list',
      { kind: 'event_property_contains', key: 'content.n', value: 1 },
      message('', { n: [2, 1] }),
      true,
    ],
    [
      'of its own type',
      { kind: 'event_property_contains', key: 'content.n', value: 1 },
      message('', { n: ['1'] }),
      false,
    ],
    ['count without a number', { kind: 'room_member_count', is: '==' }, message('x'), false],
    ['count that is a number', { kind: 'room_member_count', is: 3 }, message('x'), false],
    ['a strange operator', { kind: 'room_member_count', is: '!=2' }, message('x'), false],
    ['high enough to notify', mayNotify, message('x'), true, { levels: { [alice]: 50 } }],
    ['too low to notify', mayNotify, message('x'), false, { levels: { [alice]: 49 } }],
    ['the room’s own level', mayNotify, message('x'), true, { levels: { [alice]: 20, 'notifications.room': 20 } }],
    [
      'another way to notify',
      { ...mayNotify, key: 'bell' },
      message('x'),
      true,
      { levels: { 'notifications.bell': 0 } },
    ],
    ['no key', { kind: 'sender_notification_permission' }, message('x'), false, { levels: { [alice]: 100 } }],
    ['the display name', named, message('Hi BOB!'), true, { displayName: 'Bob' }],
    ['within a word', named, message('bobby'), false, { displayName: 'Bob' }],
    ['a name is no pattern', named, message('anything'), false, { displayName: '*' }],
    ['a star is a star', named, message('hi b*b'), true, { displayName: 'b*b' }],
    ['and not another letter', named, message('hi bob'), false, { displayName: 'b?b' }],
    ['an empty name', named, message('x'), false, { displayName: '' }],
    ['no name', named, message('x'), false],
    ['a kind nobody knows', { kind: 'org.example.moon' }, message('x'), false],
    ['no kind', {}, message('x'), false],
  ])('%s', (_, condition, event, is, given) => {
    expect(holds(condition, event, contextOf(given))).toBe(is)
  })

  test('a rule holds where all its conditions do, and without any', () => {
    const both = [match('type', 'm.room.message'), match('content.body', 'b')]
    const of = (conditions: PushCondition[]) => ({ ...empty, override: [rule('r', { conditions })] })

    expect(ask(of(both), message('a b'))).toEqual(['notify'])
    expect(ask(of(both), message('a'))).toEqual([])
    expect(ask(of([]), message('a'))).toEqual(['notify'])
  })
})

describe('the order of rules', () => {
  const all = (actions: PushAction[]) => rule('all', { conditions: [], actions })

  test('override, content, room, sender, underride', () => {
    const rules: PushRuleset = {
      override: [rule('o', { conditions: [{ kind: 'event_match', key: 'content.o', pattern: '*' }], actions: ['o'] })],
      content: [rule('c', { pattern: 'word', actions: ['c'] })],
      room: [rule(roomId, { actions: ['r'] })],
      sender: [rule(alice, { actions: ['s'] })],
      underride: [all(['u'])],
    }
    const elsewhere = { room_id: '!other:test' }

    expect(ask(rules, message('a word', { o: 'x' }))).toEqual(['o'])
    expect(ask(rules, message('a word'))).toEqual(['c'])
    expect(ask(rules, message('words'))).toEqual(['r'])
    expect(ask(rules, { ...message('words'), ...elsewhere })).toEqual(['s'])
    expect(ask(rules, { ...message('words'), ...elsewhere, sender: '@carol:test' })).toEqual(['u'])
  })

  test('the first of a kind that is on', () => {
    const rules = { ...empty, override: [{ ...all(['off']), enabled: false }, all(['first']), all(['second'])] }

    expect(ask(rules, message('x'))).toEqual(['first'])
  })

  test('one’s own events never notify', () => {
    expect(ask({ ...empty, override: [all(['notify'])] }, { ...message('x'), sender: bob })).toEqual([])
  })
})

describe('the server’s own rules', () => {
  const rules = defaultPushRules(bob)
  const member = (state_key: string, membership: string): Event => ({
    type: 'm.room.member',
    state_key,
    content: { membership },
  })
  const mention = (mentions: unknown) => message('x', { 'm.mentions': mentions })

  test('are those of the specification', () => {
    const text = JSON.stringify(fixture.defaultRules).replaceAll("[the user's Matrix ID]", bob)
    expect(rules).toEqual(JSON.parse(text))
  })

  test.each<[string, Event, readonly PushAction[], Parameters<typeof contextOf>[0]?]>([
    ['a message', message('x'), ['notify']],
    ['a message of two', message('x'), ['notify', sound], { memberCount: 2 }],
    ['an encrypted message', { type: 'm.room.encrypted', content: {} }, ['notify']],
    ['an encrypted message of two', { type: 'm.room.encrypted', content: {} }, ['notify', sound], { memberCount: 2 }],
    ['a notice', message('x', { msgtype: 'm.notice' }), []],
    ['an invite of oneself', member(bob, 'invite'), ['notify', sound]],
    ['an invite of another', member('@carol:test', 'invite'), []],
    ['a join', member('@carol:test', 'join'), []],
    ['a mention', mention({ user_ids: ['@carol:test', bob] }), ['notify', sound, highlight]],
    ['a mention of another', mention({ user_ids: ['@carol:test'] }), ['notify']],
    ['mentions that are none', mention({ user_ids: bob }), ['notify']],
    ['one’s name in the text alone', message('bob!'), ['notify'], { displayName: 'bob' }],
    ['the room, by who may', mention({ room: true }), ['notify', highlight], { levels: { [alice]: 50 } }],
    ['the room, by who may not', mention({ room: true }), ['notify']],
    ['the room, said otherwise', mention({ room: 'true' }), ['notify'], { levels: { [alice]: 50 } }],
    ['@room in the text alone', message('@room'), ['notify'], { levels: { [alice]: 100 } }],
    ['a tombstone', { type: 'm.room.tombstone', state_key: '', content: {} }, ['notify', highlight]],
    ['a tombstone that is no state', { type: 'm.room.tombstone', content: {} }, []],
    ['a reaction', { type: 'm.reaction', content: {} }, []],
    ['a server ACL', { type: 'm.room.server_acl', state_key: '', content: {} }, []],
    ['an edit', message('x', { 'm.relates_to': { rel_type: 'm.replace', event_id: '$x' } }), []],
    ['a reply in a thread', message('x', { 'm.relates_to': { rel_type: 'm.thread', event_id: '$x' } }), ['notify']],
    ['a call', { type: 'm.call.invite', content: {} }, ['notify', { set_tweak: 'sound', value: 'ring' }]],
    ['a topic', { type: 'm.room.topic', state_key: '', content: { topic: 'x' } }, []],
  ])('%s', (_, event, actions, given) => {
    expect(ask(rules, event, contextOf(given))).toEqual(actions)
  })

  test('an edit that mentions somebody still does', () => {
    const edit = message('x', { 'm.relates_to': { rel_type: 'm.replace' }, 'm.mentions': { user_ids: [bob] } })
    expect(ask(rules, edit)).toEqual(['notify', sound, highlight])
  })

  test('the master rule silences everything, also what the user’s own rules would tell', () => {
    const off = rules.override.map((each) => (each.rule_id === '.m.rule.master' ? { ...each, enabled: true } : each))
    expect(ask({ ...rules, override: off }, mention({ user_ids: [bob] }))).toEqual([])
  })
})

describe('what a rule set feels', () => {
  test('a number of members only where a condition turns', () => {
    const { feelsMemberCount } = compilePushRules(defaultPushRules(bob))
    expect([feelsMemberCount(1, 2), feelsMemberCount(2, 3), feelsMemberCount(3, 300)]).toEqual([true, true, false])
    expect(compilePushRules(empty).feelsMemberCount(2, 3)).toBe(false)
  })

  test('a display name only where a rule that is on asks for it', () => {
    const of = (enabled: boolean) =>
      compilePushRules({
        ...empty,
        override: [rule('n', { enabled, conditions: [{ kind: 'contains_display_name' }] })],
      })
    expect([of(true).feelsDisplayName, of(false).feelsDisplayName]).toEqual([true, false])
  })
})

describe('hostile rules and events', () => {
  test('any rules and any event have an answer', () => {
    const conditions = fc.array(
      fc.record(
        {
          kind: fc.oneof(
            fc.constantFrom('event_match', 'event_property_is', 'event_property_contains', 'room_member_count'),
            fc.constantFrom('sender_notification_permission', 'contains_display_name'),
            fc.string(),
          ),
          key: fc.oneof(fc.constantFrom('content.body', 'content.a\\.b', 'type', '..', '\\'), fc.jsonValue()),
          pattern: fc.oneof(fc.string(), fc.jsonValue()),
          value: fc.jsonValue(),
          is: fc.oneof(fc.string(), fc.jsonValue()),
        },
        { requiredKeys: [] },
      ),
      { maxLength: 3 },
    )
    fc.assert(
      fc.property(conditions, fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (given, content, body) => {
        const rules = { ...empty, override: [rule('r', { conditions: given as unknown as PushCondition[] })] }
        const found = ask(rules, { type: 'm.room.message', content: { ...content, body } })
        const alone = given.every((each) =>
          holds(each as unknown as PushCondition, { type: 'm.room.message', content: { ...content, body } }),
        )
        expect(found.length > 0).toBe(alone)
      }),
    )
  })

  test('a thousand patterns made to be slow take no longer than a moment', () => {
    const pattern = `${'a'.repeat(250)}?b`
    const content = Array.from({ length: 1_000 }, (_, n) => rule(`k${n}`, { pattern }))
    const compiled = compilePushRules({ ...empty, content })
    const view = viewOfEvent(message('a'.repeat(60_000)))

    const start = performance.now()
    const actions = evaluatePushRules(compiled, view, contextOf())
    expect(performance.now() - start).toBeLessThan(500)
    expect(actions).toEqual([])
  })
})
