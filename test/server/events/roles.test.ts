/** Power levels as roles (S8), and what a role lets somebody do. */
import { describe, expect, test } from 'vitest'
import { readPowerLevels } from '../../../server/events/power-levels.js'
import { mayAct, type RoomAction, roleOf, storedLevel } from '../../../server/events/roles.js'
import { buildRoom } from '../../support/pdu-builder.js'

test.each([
  ['join', Number.POSITIVE_INFINITY, 'Owner'],
  ['join', 100, 'Owner'],
  ['join', 99, 'Editor'],
  ['join', 50, 'Editor'],
  ['join', 49, 'Viewer'],
  ['join', 0, 'Viewer'],
  ['join', -1, 'None'],
  ['invite', 100, 'None'],
  ['leave', 100, 'None'],
  ['ban', 100, 'None'],
  [undefined, 100, 'None'],
])('membership %s at level %d: %s', (membership, level, role) => {
  expect(roleOf(membership, level)).toBe(role)
})

test('a level above all levels is stored as the largest whole number', () => {
  expect([storedLevel(Number.POSITIVE_INFINITY), storedLevel(50)]).toEqual([Number.MAX_SAFE_INTEGER, 50])
})

describe('mayAct', () => {
  const { create, rules } = buildRoom({ version: '11' })
  const levels = readPowerLevels(
    { kick: 60, ban: 70, redact: 40, invite: 30, events: { 'm.room.topic': 20, 'm.room.message': 10 } },
    create,
    rules,
  )
  test.each<[RoomAction, number]>([
    ['take_part', 0],
    ['invite', 30],
    ['kick', 60],
    ['ban', 70],
    ['redact', 40],
    [{ send: 'm.room.message' }, 10],
    [{ send: 'm.sticker' }, 0],
    [{ sendState: 'm.room.topic' }, 20],
    [{ sendState: 'm.room.name' }, 50],
  ])('%j from level %d, in the room alone', (action, level) => {
    expect(mayAct(levels, 'join', level, action)).toBe(true)
    expect(mayAct(levels, 'join', level - 1, action)).toBe(false)
    expect(mayAct(levels, 'invite', level, action)).toBe(false)
  })

  test('reading does not depend on a level', () => {
    expect(mayAct(levels, 'join', -100, 'read')).toBe(true)
    expect(mayAct(levels, 'leave', 100, 'read')).toBe(false)
  })

  test('who has no role does nothing else, whatever the room allows', () => {
    const open = readPowerLevels({ invite: -50, events_default: -50 }, create, rules)
    expect(mayAct(open, 'join', -1, 'invite')).toBe(false)
    expect(mayAct(open, 'join', -1, { send: 'm.room.message' })).toBe(false)
  })
})
