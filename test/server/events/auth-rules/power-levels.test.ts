/** Rule `power-levels`, one test per branch. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkAgainstState } from '../../../../server/events/auth-rules/index.js'
import type { JsonObject } from '../../../../server/events/pdu.js'
import { readPowerLevels, scalarLevels } from '../../../../server/events/power-levels.js'
import { buildRoom, type RoomBuilder } from '../../../support/pdu-builder.js'

const alice = '@alice:a.example'
const mod = '@mod:a.example'
const peer = '@peer:b.example'
const bob = '@bob:b.example'

const allowed = { allowed: true }
const refused = (reason: RegExp) => ({ allowed: false, rule: 'power-levels', reason: expect.stringMatching(reason) })

/** Old levels: Alice 100, moderator and peer 50, Bob 10; everybody may send the event itself. */
const base = { users: { [alice]: 100, [mod]: 50, [peer]: 50, [bob]: 10 }, events: { 'm.room.power_levels': 0 } }

function room(version = '11', old: JsonObject = base): RoomBuilder {
  const built = buildRoom({ version })
  built.powerLevels(old)
  built.joinRule('public')
  for (const userId of [mod, peer, bob]) built.member(userId, 'join')
  return built
}

const change = (content: JsonObject, { sender = mod, version = '11', old = base as JsonObject } = {}) => {
  const built = room(version, old)
  const event = built.event({ type: 'm.room.power_levels', sender, stateKey: '', content })
  return checkAgainstState(event, built.lookup(), built.rules)
}

describe('1: the values', () => {
  test('from version 10 on single levels must be integers', () => {
    for (const name of scalarLevels)
      for (const value of ['5', null, {}])
        expect(change({ ...base, [name]: value })).toMatchObject(refused(/not a level/))
  })

  test('events, notifications and users must be objects of integers', () => {
    for (const name of ['events', 'notifications', 'users']) {
      for (const value of ['x', null, []])
        expect(change({ ...base, [name]: value })).toMatchObject(refused(/not an object/))
      expect(change({ ...base, [name]: { [alice]: '5' } })).toMatchObject(refused(/not a level/))
    }
  })

  test('users must have user IDs as keys, in every version', () => {
    for (const version of ['1', '9', '11'])
      expect(change({ ...base, users: { ...base.users, mod: 1 } }, { version })).toMatchObject(refused(/not a user ID/))
  })

  test('up to version 9 strings are levels like numbers', () => {
    const strings = {
      ...base,
      users: { ...base.users, [bob]: ' +10 ' },
      ban: '50',
      events: { 'm.room.power_levels': '0' },
    }
    expect(change(strings, { version: '9' })).toEqual(allowed)
    expect(change({ ...strings, ban: 'ten' }, { version: '9' })).toMatchObject(refused(/not a level/))
    expect(change({ ...base, users: { [bob]: 'ten' } }, { version: '9' })).toMatchObject(refused(/not a level/))
  })

  test('up to version 5 floats are levels, and notifications may be anything', () => {
    const floats = { ...base, users: { ...base.users, [bob]: 10.9 }, notifications: { room: 'x' } }
    expect(change(floats, { version: '5' })).toEqual(allowed)
    expect(change(floats, { version: '6' })).toMatchObject(refused(/not a level/))
    expect(change({ ...base, notifications: { room: 'x' } }, { version: '6' })).toMatchObject(refused(/notifications/))
  })
})

describe('2: creators in version 12', () => {
  const verdict = (users: JsonObject) => {
    const built = buildRoom({ version: '12', createContent: { additional_creators: [mod] } })
    const event = built.event({ type: 'm.room.power_levels', sender: alice, stateKey: '', content: { users } })
    return checkAgainstState(event, built.lookup(), built.rules)
  }

  test('are not listed among the users, whatever level they would get', () => {
    expect(verdict({ [bob]: 50 })).toEqual(allowed)
    expect(verdict({ [alice]: 100 })).toMatchObject(refused(/creator/))
    expect(verdict({ [mod]: 0 })).toMatchObject(refused(/creator/))
  })
})

test('3: the first power levels event of a room may say anything', () => {
  const built = buildRoom()
  const content = { users: { [bob]: 1000 }, ban: 1000 }
  const event = built.event({ type: 'm.room.power_levels', sender: alice, stateKey: '', content })
  expect(checkAgainstState(event, built.lookup(), built.rules)).toEqual(allowed)
})

describe('4: single levels', () => {
  test.each(scalarLevels)('%s can be added, changed and removed up to the sender’s level and not above', (name) => {
    const at = (level: number) => ({ ...base, [name]: level })
    expect(change(at(50))).toEqual(allowed)
    expect(change(at(51))).toMatchObject(refused(new RegExp(`^${name}`)))
    expect(change(at(20), { old: at(50) })).toEqual(allowed)
    expect(change(at(20), { old: { ...at(51), events: { 'm.room.power_levels': 0 } } })).toMatchObject(refused(/above/))
    expect(change(base, { old: at(50) })).toEqual(allowed)
    expect(change(base, { old: at(51) })).toMatchObject(refused(/above/))
    expect(change(at(51), { old: at(51) })).toEqual(allowed)
  })
})

describe('5: levels of event types and notifications', () => {
  const events = (entries: JsonObject) => ({ ...base, events: { ...base.events, ...entries } })

  test('an entry can be added, changed and removed up to the sender’s level and not above', () => {
    expect(change(events({ x: 50 }))).toEqual(allowed)
    expect(change(events({ x: 51 }))).toMatchObject(refused(/events x/))
    expect(change(events({ x: 1 }), { old: events({ x: 51 }) })).toMatchObject(refused(/events x/))
    expect(change(events({}), { old: events({ x: 51 }) })).toMatchObject(refused(/events x/))
    expect(change(events({}), { old: events({ x: 50 }) })).toEqual(allowed)
    expect(change(events({ x: 51 }), { old: events({ x: 51 }) })).toEqual(allowed)
  })

  test('notifications are guarded alike from version 6 on', () => {
    const raised = { ...base, notifications: { room: 51 } }
    expect(change(raised)).toMatchObject(refused(/notifications room/))
    expect(change(raised, { version: '6' })).toMatchObject(refused(/notifications room/))
    expect(change(raised, { version: '5' })).toEqual(allowed)
    expect(change(base, { old: raised })).toMatchObject(refused(/notifications room/))
  })

  test('the same level as string and as number is no change', () => {
    expect(change(events({ x: 90 }), { version: '9', old: events({ x: '90' }) })).toEqual(allowed)
  })
})

describe('6: levels of users', () => {
  const users = (entries: JsonObject) => ({ ...base, users: { ...base.users, ...entries } })
  const without = (userId: string) => {
    const { [userId]: _gone, ...rest } = base.users as Record<string, number>
    return { ...base, users: rest }
  }

  test('a user below can be changed and removed, up to the sender’s own level', () => {
    expect(change(users({ [bob]: 50 }))).toEqual(allowed)
    expect(change(without(bob))).toEqual(allowed)
    expect(change(users({ [bob]: 51 }))).toMatchObject(refused(/more power/))
  })

  test('an equal or a superior cannot be changed or removed', () => {
    expect(change(users({ [peer]: 10 }))).toMatchObject(refused(/no less power/))
    expect(change(without(peer))).toMatchObject(refused(/no less power/))
    expect(change(users({ [alice]: 10 }))).toMatchObject(refused(/no less power/))
  })

  test('a sender can lower and remove themselves but not raise', () => {
    expect(change(users({ [mod]: 10 }))).toEqual(allowed)
    expect(change(without(mod))).toEqual(allowed)
    expect(change(users({ [mod]: 51 }))).toMatchObject(refused(/more power/))
  })

  test('a new user gets the sender’s level at most', () => {
    expect(change(users({ '@new:d.example': 50 }))).toEqual(allowed)
    expect(change(users({ '@new:d.example': 51 }))).toMatchObject(refused(/more power/))
  })
})

test('whatever is allowed, nobody comes out above the sender who was not there before', () => {
  const level = fc.integer({ min: -10, max: 120 })
  const content = fc.record(
    {
      users: fc.dictionary(fc.constantFrom(alice, mod, peer, bob, '@new:d.example'), level),
      events: fc.dictionary(fc.constantFrom('m.room.power_levels', 'x'), level),
      users_default: level,
      ban: level,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(content, content, fc.constantFrom(mod, bob), (old, next, sender) => {
      const built = room('11', old)
      const before = readPowerLevels(old, built.create, built.rules)
      const after = readPowerLevels(next, built.create, built.rules)
      const own = before.userLevel(sender)
      const event = built.event({ type: 'm.room.power_levels', sender, stateKey: '', content: next })
      if (!checkAgainstState(event, built.lookup(), built.rules).allowed) return
      for (const userId of Object.keys(next.users ?? {}))
        expect(after.userLevel(userId)).toBeLessThanOrEqual(Math.max(own, before.userLevel(userId)))
      expect(after.ban).toBeLessThanOrEqual(Math.max(own, before.ban, 50))
    }),
  )
})
