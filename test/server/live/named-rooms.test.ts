/** What a screened query is about, as far as rows are made or told for it. */
import { BoundExcluded, BoundIncluded, RecordId, RecordIdRange } from 'surrealdb'
import { describe, expect, test } from 'vitest'
import { rangesIn, roomOfLive, roomsIn } from '../../../server/live/named-rooms.js'

const bindings = { room_id: '!a:x', other: '!b:x', from: 3, to: 9, user_id: '@me:x' }

describe('a live query is bound to a room', () => {
  test.each([
    ['LIVE SELECT * FROM room_events WHERE room_id = $room_id', '!a:x'],
    ["LIVE SELECT * FROM room_events WHERE room_id = '!c:x'", '!c:x'],
    ['LIVE SELECT * FROM room_events WHERE room_id = $room_id AND (sender != $user_id OR event_type IN [1])', '!a:x'],
    ['LIVE SELECT * FROM room_events WHERE room_id == $room_id AND seq > 3', '!a:x'],
  ])('%s', (sql, room) => expect(roomOfLive(sql, bindings)).toBe(room))
})

describe('a live query is about any room', () => {
  test.each([
    'LIVE SELECT * FROM room_events',
    'LIVE SELECT * FROM room_events WHERE sender = $user_id',
    'LIVE SELECT * FROM room_events WHERE room_id = $room_id OR sender = $user_id',
    'LIVE SELECT * FROM room_events WHERE room_id = $room_id || sender = $user_id',
    'LIVE SELECT * FROM room_events WHERE room_id != $room_id',
    'LIVE SELECT * FROM room_events WHERE room_id = $missing',
    'LIVE SELECT * FROM room_events WHERE room_id IN $rooms',
    'LIVE SELECT * FROM room_events WHERE !(room_id = $room_id)',
    'LIVE SELECT * FROM room_events WHERE seq > 3 AND room_id = $room_id',
    'LIVE SELECT * FROM room_events WHERE room_id = $room_id ?? sender',
  ])('%s', (sql) => expect(roomOfLive(sql, bindings)).toBeUndefined())
})

test('rooms are found among the values and in the text', () => {
  expect(roomsIn('SELECT * FROM room_members:[$room_id, NONE]..[$room_id, ..]', { room_id: '!a:x' })).toEqual(['!a:x'])
  expect(roomsIn("SELECT * FROM room_members:['!c:x', NONE]..['!c:x', ..]", {})).toEqual(['!c:x'])
  const ids = [new RecordId('room_members', ['!d:x', '@a:x'])]
  expect(roomsIn('SELECT * FROM $ids', { ids })).toEqual(['!d:x'])
  expect(roomsIn('SELECT * FROM room_summaries', { user_id: '@me:x' })).toEqual([])
})

test('ranges of events are found in the text and among the values', () => {
  const range = { roomId: '!a:x', from: 3, to: 9 }
  expect(rangesIn('SELECT * FROM room_events:[$room_id, $from]..=[$room_id, $to]', bindings)).toEqual([range])
  expect(rangesIn("SELECT * FROM room_events:['!a:x', 3]..['!a:x', 9]", {})).toEqual([range])
  const value = new RecordIdRange('room_events', new BoundIncluded(['!a:x', 3]), new BoundExcluded(['!a:x', 9]))
  expect(rangesIn('SELECT * FROM $range', { value })).toEqual([range])
  expect(rangesIn('SELECT * FROM $ids', { ids: [new RecordId('room_events', ['!a:x', 7])] })).toEqual([
    { roomId: '!a:x', from: 7, to: 7 },
  ])
  expect(rangesIn('SELECT * FROM room_events:[$room_id, NONE]..[$room_id, ..]', bindings)).toEqual([])
})
