/** Reading power levels in every room version. */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../server/events/pdu.js'
import { creatorOf, isCreator, readLevel, readPowerLevels } from '../../../server/events/power-levels.js'
import { buildRoom, rulesOf } from '../../support/pdu-builder.js'
import { readVectors } from '../../support/spec-data.js'

type LevelVectors = {
  strings: { input: string; value: number }[]
  derivedBadStrings: string[]
  floats: { input: string; value: number }[]
  defaults: Record<string, number>
}
const vectors = readVectors<LevelVectors>('powerLevelValues')
const alice = '@alice:a.example'
const bob = '@bob:b.example'

const levels = (content: JsonObject | undefined, version = '11', createContent: JsonObject = {}) => {
  const room = buildRoom({ version, createContent })
  return readPowerLevels(content, room.create, room.rules)
}

describe('readLevel', () => {
  test('strings are levels up to version 9 and nothing from version 10', () => {
    for (const { input, value } of vectors.strings) {
      for (const version of ['1', '6', '9']) expect(readLevel(input, rulesOf(version))).toBe(value)
      expect(readLevel(input, rulesOf('10'))).toBeUndefined()
    }
    for (const input of vectors.derivedBadStrings) expect(readLevel(input, rulesOf('1'))).toBeUndefined()
  })

  test('floats are cut up to version 5 and nothing from version 6', () => {
    for (const { input, value } of vectors.floats) {
      expect(readLevel(JSON.parse(input), rulesOf('5'))).toBe(value)
      if (!Number.isInteger(JSON.parse(input))) expect(readLevel(JSON.parse(input), rulesOf('6'))).toBeUndefined()
    }
    expect(readLevel(-1.9, rulesOf('1'))).toBe(-1)
  })

  test('infinities, NaN, huge strings and other types are never levels', () => {
    for (const value of [Number.POSITIVE_INFINITY, Number.NaN, '9'.repeat(30), null, true, [], {}, undefined])
      for (const version of ['1', '11']) expect(readLevel(value, rulesOf(version))).toBeUndefined()
  })
})

describe('readPowerLevels', () => {
  test('without an event the creator has 100 and everybody else 0', () => {
    const none = levels(undefined)
    expect(none.userLevel(alice)).toBe(100)
    expect(none.userLevel(bob)).toBe(0)
    expect(none.levelFor('m.room.name', true)).toBe(50)
    expect(none.levelFor('m.room.message', false)).toBe(0)
  })

  test('an empty event has the defaults, and gives the creator nothing', () => {
    const empty = levels({})
    const { defaults } = vectors
    expect(empty.userLevel(alice)).toBe(defaults.users_default)
    expect(empty.levelFor('x', true)).toBe(defaults.state_default)
    expect(empty.levelFor('x', false)).toBe(defaults.events_default)
    expect(empty.ban).toBe(defaults.ban)
    expect(empty.kick).toBe(defaults.kick)
    expect(empty.redact).toBe(defaults.redact)
    expect(empty.invite).toBe(defaults.invite)
    expect(empty.notificationLevel('room')).toBe(defaults['notifications.room'])
  })

  test('what the event says is used, for users, types and actions', () => {
    const given = levels({
      users: { [bob]: 75 },
      users_default: 1,
      events: { 'm.room.name': 60 },
      events_default: 2,
      state_default: 3,
      ban: 4,
      kick: 5,
      redact: 6,
      invite: 7,
      notifications: { room: 8 },
    })
    expect(given.userLevel(bob)).toBe(75)
    expect(given.userLevel(alice)).toBe(1)
    expect(given.levelFor('m.room.name', true)).toBe(60)
    expect([given.levelFor('x', false), given.levelFor('x', true)]).toEqual([2, 3])
    expect([given.ban, given.kick, given.redact, given.invite, given.notificationLevel('room')]).toEqual([
      4, 5, 6, 7, 8,
    ])
  })

  test('a type named like a member of Object has no level of its own', () => {
    expect(levels({ events: {} }).levelFor('constructor', false)).toBe(0)
  })

  test('values that are no levels count as absent', () => {
    const odd = levels({ users: { [bob]: 'ten' }, users_default: [], events: 1, ban: '60', state_default: 2.5 })
    expect(odd.userLevel(bob)).toBe(0)
    expect([odd.levelFor('x', true), odd.ban]).toEqual([50, 50])
  })

  test('creators of version 12 stand above every number, whatever the event says', () => {
    const createContent = { additional_creators: [bob] }
    for (const content of [undefined, {}, { users: { [alice]: 0 } }]) {
      const room = levels(content, '12', createContent)
      expect(room.userLevel(alice)).toBe(Number.POSITIVE_INFINITY)
      expect(room.userLevel(bob)).toBe(Number.POSITIVE_INFINITY)
      expect(room.userLevel('@carol:c.example')).toBe(0)
    }
    expect(levels({}, '11', createContent).userLevel(bob)).toBe(0)
  })

  test('the creator is content.creator up to version 10 and the sender from version 11', () => {
    const v10 = buildRoom({ version: '10', createContent: { creator: bob } })
    expect(creatorOf(v10.create, v10.rules)).toBe(bob)
    const v11 = buildRoom({ version: '11', createContent: { creator: bob } })
    expect(creatorOf(v11.create, v11.rules)).toBe(alice)
    expect(isCreator(bob, v11.create, v11.rules)).toBe(false)
  })
})
