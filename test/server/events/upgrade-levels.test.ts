/** Levels of a room that replaces another one. */
import { describe, expect, test } from 'vitest'
import type { JsonObject, PduEvent } from '../../../server/events/pdu.js'
import { roomVersionRules } from '../../../server/events/room-versions.js'
import { levelsOfClosedRoom, levelsOfReplacement, levelsWhileMaking } from '../../../server/events/upgrade-levels.js'

const [ana, mod, zoe] = ['@ana:a.example', '@mod:a.example', '@zoe:b.example']
const rulesOf = (version: string) => roomVersionRules(version)!

const createOf = (content: JsonObject) =>
  ({ pdu: { type: 'm.room.create', sender: ana, content } }) as unknown as PduEvent

const replace = (
  from: string,
  to: string,
  content: JsonObject | undefined,
  creators = [ana],
  create: JsonObject = {},
) =>
  levelsOfReplacement(
    { content, create: createOf(create), rules: rulesOf(from) },
    { rules: rulesOf(to), creators },
  ) as { users: Record<string, number>; events: Record<string, number> } & Record<string, unknown>

describe('the levels of a replacement', () => {
  test('are those of the old room, also for who upgrades it', () => {
    const content = { users: { [ana]: 100, [mod]: 50 }, events: { 'm.room.tombstone': 50 }, ban: 60 }
    const levels = replace('10', '11', content, [mod])
    expect(levels).toMatchObject({ ...content, kick: 50, users_default: 0, state_default: 50, invite: 0 })
  })

  test('are whole numbers, however an old version spelt them', () => {
    const content = { users: { [ana]: '100', [mod]: 50.9, [zoe]: 'x' }, events: { 'm.room.name': ' 10 ' }, kick: '70' }
    expect(replace('5', '10', content)).toMatchObject({
      users: { [ana]: 100, [mod]: 50 },
      events: { 'm.room.name': 10 },
      kick: 70,
    })
  })

  test('name no creator from version 12, where creators are above them', () => {
    const content = { users: { [ana]: 100, [mod]: 50, [zoe]: 20 } }
    expect(replace('11', '12', content, [ana, mod]).users).toEqual({ [zoe]: 20 })
  })

  test('give creators a place below version 12, and those who are none any more within it', () => {
    const create = { additional_creators: [mod] }
    expect(replace('12', '11', { users: {} }, [ana], create).users).toEqual({ [ana]: 100, [mod]: 100 })
    expect(replace('12', '12', { users: {} }, [mod], create).users).toEqual({ [ana]: 100 })
    expect(replace('12', '11', { users: { [zoe]: 150 } }, [ana], create).users[zoe]).toBe(150)
  })

  test('keep a tombstone for the creators from version 12, unless the room had said otherwise', () => {
    const tombstone = (from: string, to: string, level?: number) =>
      replace(from, to, { events: level === undefined ? {} : { 'm.room.tombstone': level } }).events['m.room.tombstone']
    expect([tombstone('11', '12'), tombstone('11', '12', 100), tombstone('11', '12', 50)]).toEqual([150, 150, 50])
    expect([tombstone('12', '11', 150), tombstone('12', '11', 60), tombstone('10', '11')]).toEqual([100, 60, undefined])
  })

  test('of a room without levels are what it went by: its creator had 100', () => {
    expect(replace('11', '11', undefined)).toMatchObject({ users: { [ana]: 100 } })
  })
})

test('who makes the room stands above everything until it is made', () => {
  const levels = replace('10', '11', { users: { [ana]: 100, [mod]: 50 }, events: { 'm.room.name': 120 } })
  expect(levelsWhileMaking(levels, mod, rulesOf('11'))).toMatchObject({ users: { [mod]: 120, [ana]: 100 } })
  expect(levelsWhileMaking(replace('10', '11', { users: { [ana]: 100 } }), ana, rulesOf('11'))).toBeUndefined()
  expect(levelsWhileMaking(levels, mod, rulesOf('12'))).toBeUndefined()
})

test('in a closed room nobody speaks whom the default lets, whatever the default is', () => {
  const rules = rulesOf('11')
  expect(levelsOfClosedRoom({ users_default: 60 }, rules)).toMatchObject({ events_default: 61, invite: 61 })
  expect(levelsOfClosedRoom(undefined, rules)).toMatchObject({ events_default: 50, invite: 50 })
  const events = { 'm.room.message': 0, 'm.room.name': 10 }
  expect(levelsOfClosedRoom({ events, invite: 90 }, rules)).toMatchObject({
    events: { 'm.room.message': 50, 'm.room.name': 10 },
    invite: 90,
  })
})
