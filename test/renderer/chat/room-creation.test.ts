/** What is asked for a new room, a space, and a room in a space. */
import { describe, expect, test } from 'vitest'
import { addressFrom, creationOf, isAddress } from '../../../renderer/features/chat/dialogs/room-creation.js'

const wishes = {
  ...{ kind: 'room' as const, name: ' Kitchen ', topic: '', alias: undefined, serverName: 'home.example' },
  isEncrypted: false,
}
const within = { spaceId: '!farm', isOpenToMembers: true }
const joinRule = (creation: ReturnType<typeof creationOf>) =>
  creation.initial_state?.find(({ type }) => type === 'm.room.join_rules')?.content

describe('a new room', () => {
  test('is private, and public with an address', () => {
    expect(creationOf(wishes)).toEqual({ name: 'Kitchen', preset: 'private_chat', visibility: 'private' })
    expect(creationOf({ ...wishes, alias: 'kitchen' })).toEqual({
      ...{ name: 'Kitchen', preset: 'public_chat', visibility: 'public', room_alias_name: 'kitchen' },
    })
  })

  test('is encrypted where that is wished, but for one that anybody may join, and spaces', () => {
    const isEncrypted = (creation: ReturnType<typeof creationOf>) =>
      creation.initial_state?.some(({ type }) => type === 'm.room.encryption') ?? false
    const wished = { ...wishes, isEncrypted: true }

    expect(isEncrypted(creationOf(wished))).toBe(true)
    expect(isEncrypted(creationOf({ ...wished, alias: 'kitchen' }))).toBe(false)
    expect(isEncrypted(creationOf({ ...wished, kind: 'space' }))).toBe(false)
  })

  test('in a space names it, and lets its members in where that is wanted', () => {
    const parent = {
      ...{ type: 'm.space.parent', state_key: '!farm', content: { via: ['home.example'], canonical: true } },
    }
    const open = creationOf({ ...wishes, within })

    expect(open.initial_state).toContainEqual(parent)
    expect(joinRule(open)).toEqual({
      join_rule: 'restricted',
      allow: [{ type: 'm.room_membership', room_id: '!farm' }],
    })
    const closed = creationOf({ ...wishes, within: { ...within, isOpenToMembers: false } })
    expect(closed.initial_state).toEqual([parent])
    expect(joinRule(creationOf({ ...wishes, alias: 'kitchen', within }))).toBeUndefined() // public as it is
  })
})

test('a space is of its kind, and nobody writes in it', () => {
  expect(creationOf({ ...wishes, kind: 'space' })).toMatchObject({
    creation_content: { type: 'm.space' },
    power_level_content_override: { events_default: 100 },
  })
})

test('an address is made of what is left of a name', () => {
  expect(addressFrom('  Garden & Tööls  ')).toBe('garden-tools')
  expect([isAddress('garden-tools'), isAddress(''), isAddress('a b')]).toEqual([true, false, false])
})
