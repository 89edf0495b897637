/** Filters, property paths and tokens: pure functions. */
import { describe, expect, test } from 'vitest'
import type { StreamPosition } from '../../../server/store/writes.js'
import { parsePropertyPath, pickFields } from '../../../server/sync/event-fields.js'
import { readRoomEventFilter, readSyncFilter } from '../../../server/sync/filter.js'
import { formatSyncToken, parseSyncToken, readSince } from '../../../server/sync/sync-token.js'
import { readVectors } from '../../support/spec-data.js'

const message = { type: 'm.room.message', sender: '@a:test', roomId: '!r:test', content: { url: 'mxc://a/b' } }

describe('a room event filter', () => {
  test.each([
    [{}, true],
    [{ types: ['m.room.message'] }, true],
    [{ types: ['m.room.*'] }, true],
    [{ types: ['*message'] }, true],
    [{ types: ['m.*.*'] }, true],
    [{ types: ['m.room.message*x'] }, false],
    [{ types: ['m*room.message.more'] }, false],
    [{ types: [] }, false],
    [{ not_types: ['m.room.*'] }, false],
    [{ types: ['m.room.message'], not_types: ['m.room.message'] }, false],
    [{ senders: ['@b:test'] }, false],
    [{ not_senders: ['@a:test'] }, false],
    [{ rooms: ['!r:test'] }, true],
    [{ not_rooms: ['!r:test'] }, false],
    [{ contains_url: true }, true],
    [{ contains_url: false }, false],
  ])('%j lets a message through: %s', (filter, expected) => {
    expect(readRoomEventFilter(filter).matches(message)).toBe(expected)
  })

  test.each([
    { types: 'm.room.message' },
    { senders: [1] },
    { limit: -1 },
    { limit: 1.5 },
    { contains_url: 'yes' },
    [],
  ])('%j is refused', (filter) => {
    expect(() => readRoomEventFilter(filter)).toThrow(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
  })

  test('a pattern of many stars takes no longer than a plain one', () => {
    const filter = readRoomEventFilter({ types: [`${'*a'.repeat(5_000)}b`] })
    const start = performance.now()

    expect(filter.matches({ type: 'a'.repeat(250) })).toBe(false)
    expect(performance.now() - start).toBeLessThan(50)
  })
})

test('a sync filter chooses rooms before anything else', () => {
  const filter = readSyncFilter({ room: { rooms: ['!a:test', '!b:test'], not_rooms: ['!b:test'] } })

  expect(['!a:test', '!b:test', '!c:test'].map(filter.matchesRoom)).toEqual([true, false, false])
})

describe('event fields', () => {
  const { examples = [] } = readVectors<{ examples?: { path: string; segments: string[] }[] }>('propertyPaths')

  test.each(examples)('$path is read as the spec says', ({ path, segments }) => {
    expect(parsePropertyPath(path)).toEqual(segments)
  })

  test('a backslash takes a dot or a backslash as it is', () => {
    expect(parsePropertyPath('content.m\\.relates_to.a\\\\b')).toEqual(['content', 'm.relates_to', 'a\\b'])
  })

  test('only what was named is left', () => {
    const event = { type: 't', content: { body: 'b', info: { w: 1, h: 2 } }, sender: 's' }

    const picked = pickFields(
      event,
      ['type', 'content.info.w', 'content.body', 'none.of', 'type.x'].map(parsePropertyPath),
    )

    expect(picked).toEqual({ type: 't', content: { info: { w: 1 }, body: 'b' } })
  })
})

describe('a sync token', () => {
  const token = { position: 12 as StreamPosition, boot: 'abcDEF12', serial: 3 }

  test('is read as it was written', () => {
    expect(parseSyncToken(formatSyncToken(token))).toEqual(token)
  })

  test.each([
    '',
    's1',
    's1_1_x',
    's1_-1_x_0',
    's1_1_x_0 ',
    's2_1_x_0',
    's1_1_x y_0',
    't1_5',
    's1_99999999999999999_x_0',
  ])('%j is none', (text) => {
    expect(parseSyncToken(text)).toBeUndefined()
  })

  test('of a position never reached is refused', () => {
    expect(() => readSince(formatSyncToken(token), 11 as StreamPosition)).toThrow(
      expect.objectContaining({ status: 400, errcode: 'M_UNKNOWN_POS' }),
    )
  })
})
