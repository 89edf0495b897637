/** Routes, what is worth a notification, and the ranking of the jump list. */
import { describe, expect, test } from 'vitest'
import { rankByTerm } from '../../renderer/app/jump-targets.js'
import { describeNews } from '../../renderer/app/notifications.js'
import { linkPath, parseRoute, roomPath } from '../../renderer/app/route.js'
import { ana, bo, roomId, summaryRow } from './support/rows.js'

describe('routes', () => {
  test.each([
    ['', { section: 'chat', parts: [], via: [] }],
    ['#/home/live', { section: 'home', parts: ['live'], via: [] }],
    ['#/nothing/known', { section: 'chat', parts: [], via: [] }],
    [`#${roomPath('!a/b?c', '$e')}`, { section: 'chat', parts: ['!a/b?c', '$e'], via: [] }],
    [`#${linkPath('#g:x.org', ['a.org', 'b.org'])}`, { section: 'link', parts: ['#g:x.org'], via: ['a.org', 'b.org'] }],
    ['#/room/%', { section: 'chat', parts: ['%'], via: [] }],
  ])('%j', (path, route) => {
    expect(parseRoute(path)).toEqual(route)
  })
})

describe('a notification', () => {
  const message = (event_id: string, sender = bo) => ({
    event_id,
    sender,
    type: 'm.room.message',
    origin_server_ts: 1,
    preview: 'hello',
  })
  const before = summaryRow({ notification_count: 1, last_event: message('$1') })
  const after = summaryRow({ notification_count: 2, last_event: message('$2'), name: 'Garden' })

  test('is due for a new message that counts', () => {
    expect(describeNews(after, before, ana)).toEqual({ title: 'Garden', body: 'bo: hello' })
    expect(describeNews({ ...after, is_direct: true }, before, ana)?.body).toBe('hello')
  })

  test('is due for an invite, once', () => {
    const invite = summaryRow({ membership: 'invite', inviter: bo, name: 'Garden' })

    expect(describeNews(invite, undefined, ana)).toEqual({ title: 'Garden', body: 'bo invites you' })
    expect(describeNews(invite, invite, ana)).toBeUndefined()
  })

  test('is not due for what the push rules leave quiet, for own messages, or for a changed count alone', () => {
    expect(describeNews({ ...after, notification_count: 1 }, before, ana)).toBeUndefined()
    expect(describeNews({ ...after, last_event: message('$2', ana) }, before, ana)).toBeUndefined()
    expect(describeNews({ ...after, last_event: message('$1') }, before, ana)).toBeUndefined()
    expect(describeNews({ ...after, room_id: roomId, notification_count: 0 }, before, ana)).toBeUndefined()
  })
})

test('a jump prefers names that begin with the term, then words that do, then the rest', () => {
  const items = ['Old garden', 'Bogarde', 'Garden', 'Kitchen'].map((label) => ({ label }))

  expect(rankByTerm(items, 'gard').map(({ label }) => label)).toEqual(['Garden', 'Old garden', 'Bogarde'])
  expect(rankByTerm(items, '')).toHaveLength(4)
})
