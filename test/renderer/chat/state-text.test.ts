/** State changes as sentences. */
import { describe, expect, test } from 'vitest'
import { describeStateChanges, membershipKind } from '../../../renderer/features/chat/timeline/state-text.js'
import { localpartOf } from '../../../renderer/platform/matrix/login-session.js'
import type { RoomEventRow } from '../../../server/api/live/rows.js'
import { ana, bo, cy, eventRow, memberEventRow } from '../support/rows.js'

const plain = (text: string) => text.replace(/[\u2068\u2069]/g, '')
const describeRows = (rows: RoomEventRow[], before: (Record<string, unknown> | undefined)[] = []) =>
  describeStateChanges(rows, before, localpartOf).map(plain)

describe('memberships', () => {
  test('of one kind are put together', () => {
    const rows = [ana, bo, cy].map((sender, index) => memberEventRow({ seq: index, sender, membership: 'join' }))

    expect(describeRows(rows)).toEqual(['ana, bo, and cy joined'])
  })

  test('of different kinds keep their order', () => {
    const rows = [
      memberEventRow({ seq: 1, sender: ana, membership: 'join' }),
      memberEventRow({ seq: 2, sender: bo, membership: 'leave' }),
    ]

    expect(describeRows(rows, [undefined, { membership: 'join' }])).toEqual(['ana joined', 'bo left'])
  })

  test.each([
    ['join', 'join', ana, 'profile'],
    ['join', 'invite', ana, 'joined'],
    ['leave', 'invite', ana, 'rejected'],
    ['leave', 'invite', bo, 'withdrew'],
    ['leave', 'join', bo, 'kicked'],
    ['leave', 'ban', bo, 'unbanned'],
    ['ban', 'join', bo, 'banned'],
    ['knock', 'leave', ana, 'knocked'],
  ])('%s after %s by %s is %s', (membership, was, sender, kind) => {
    const row = memberEventRow({ seq: 1, sender, stateKey: ana, membership })

    expect(membershipKind(row, { membership: was })).toBe(kind)
  })

  test('a crowd is shortened', () => {
    const rows = Array.from({ length: 50 }, (_, index) =>
      memberEventRow({ seq: index, sender: `@u${index}:test`, membership: 'join' }),
    )

    expect(describeRows(rows)).toEqual(['u0, u1, u2, u3, and +46 joined'])
  })
})

test('a name or topic is quoted, and its removal told', () => {
  const named = (content: Record<string, unknown>) => eventRow({ seq: 1, type: 'm.room.name', stateKey: '', content })

  expect(describeRows([named({ name: 'Garden' }), named({})])).toEqual([
    'ana named the room “Garden”',
    'ana removed the name of the room',
  ])
})

test('an unknown state event is told without machine words', () => {
  expect(describeRows([eventRow({ seq: 1, type: 'org.example.odd', stateKey: '' })])).toEqual([
    'ana changed a setting of the room',
  ])
})

test('a name with direction overrides cannot turn the sentence around', () => {
  const rows = [eventRow({ seq: 1, type: 'm.room.topic', stateKey: '', content: { topic: 'evil\u202egnp.exe' } })]
  expect(describeStateChanges(rows, [], () => '\u202enosaJ')).toEqual([
    '\u2068nosaJ\u2069 changed the topic to “\u2068evilgnp.exe\u2069”',
  ])
})
