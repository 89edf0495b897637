/** Power levels and push rules as a room's settings read and write them. */
import { describe, expect, test } from 'vitest'
import {
  levelFor,
  levelOf,
  type PowerLevels,
  permissions,
  withLevel,
  withUser,
} from '../../../renderer/features/chat/dialogs/room-settings/power-levels.js'
import { loudnesses, loudnessOf, ruleFor } from '../../../renderer/features/chat/dialogs/room-settings/room-rules.js'

const permission = (key: string) => permissions.find((each) => each.key === key)!

describe('power levels', () => {
  test('what is not said is as the specification has it', () => {
    const asked = Object.fromEntries(permissions.map((each) => [each.key, levelOf({}, each)]))
    expect(asked).toEqual({
      ...{ send: 0, invite: 0, kick: 50, ban: 50, redact: 50 },
      ...{ name: 50, topic: 50, avatar: 50, pins: 50, powers: 50 },
    })
  })

  test('what is said counts, as text of an old room too; nonsense does not', () => {
    const levels: PowerLevels = { events: { 'm.room.name': '25' }, state_default: 75, kick: Number.NaN, ban: 'x' }
    expect(levelFor(levels, 'm.room.name')).toBe(25)
    expect(levelFor(levels, 'm.room.topic')).toBe(75)
    expect(levelOf(levels, permission('kick'))).toBe(50)
    expect(levelOf(levels, permission('ban'))).toBe(50)
  })

  test('a change leaves everything else as it was', () => {
    const levels: PowerLevels = {
      events: { 'm.room.topic': 10 },
      users: { '@a:x': 100 },
      'org.example': { kept: true },
    }
    expect(withLevel(levels, permission('name'), 0)).toEqual({
      ...levels,
      events: { 'm.room.topic': 10, 'm.room.name': 0 },
    })
    expect(withLevel(levels, permission('ban'), 100)).toEqual({ ...levels, ban: 100 })
    expect(withUser(levels, '@b:x', 50)).toEqual({ ...levels, users: { '@a:x': 100, '@b:x': 50 } })
    expect(withUser({ ...levels, users_default: 5 }, '@a:x', 5).users).toEqual({})
  })
})

describe('what one hears of a room', () => {
  const content = (kind: string, rule: object) => ({
    global: { [kind]: [{ rule_id: '!room', enabled: true, ...rule }] },
  })

  test.each(loudnesses)('%s is read back from the rule that says so', (loudness) => {
    const wanted = ruleFor(loudness, '!room')
    expect(loudnessOf(wanted && content(wanted.kind, wanted.rule), '!room')).toBe(loudness)
  })

  test('rules of other rooms, rules that are off and rules of no shape say nothing', () => {
    expect(loudnessOf(content('room', { rule_id: '!other', actions: [] }), '!room')).toBe('usual')
    expect(loudnessOf(content('override', { enabled: false, actions: [] }), '!room')).toBe('usual')
    expect(loudnessOf({ global: 'x' }, '!room')).toBe('usual')
    expect(loudnessOf(undefined, '!room')).toBe('usual')
  })
})
