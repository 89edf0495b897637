/** The operations of several domains as one object. */
import { describe, expect, test } from 'vitest'
import { together } from '../../../server/kernel/together.js'

describe('domains put together', () => {
  test('give the operations of each by their names', () => {
    const all = together({ rooms: { join: () => 'joined' }, users: { register: () => 'registered' } })

    expect([all.join(), all.register()]).toEqual(['joined', 'registered'])
  })

  test('do not compile where one name stands for two things, and do not start', () => {
    const rooms = { leave: () => 'a room' }
    const users = { leave: () => 'for good' }

    // @ts-expect-error `leave` belongs to both
    expect(() => together({ rooms, users })).toThrow('leave is named by rooms and by users')
  })

  test('do not start where the types hide such a name', () => {
    const users: { register(): string } = Object.assign({ register: () => 'registered' }, { leave: () => 'for good' })

    expect(() => together({ rooms: { leave: () => 'a room' }, users })).toThrow('leave is named by rooms and by users')
  })
})
