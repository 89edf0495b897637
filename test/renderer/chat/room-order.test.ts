/** The order of the room list, and who is in it. */
import { describe, expect, test } from 'vitest'
import { listInvites, listRooms, orderedRoomIds } from '../../../renderer/features/chat/room-order.js'
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { noon, summaryRow } from '../support/rows.js'

const roomsOf = (...rooms: (Partial<RoomSummaryRow> & { room_id: string })[]) =>
  new Map(rooms.map((room) => [room.room_id, summaryRow(room)]))

describe('order', () => {
  test('a mention comes before a message, a message before quiet, however old', () => {
    const rooms = roomsOf(
      { room_id: '!quiet', last_activity_ts: noon + 3 },
      { room_id: '!unread', notification_count: 9, last_activity_ts: noon + 2 },
      { room_id: '!mention', notification_count: 1, highlight_count: 1, last_activity_ts: noon },
    )

    expect(orderedRoomIds(rooms)).toEqual(['!mention', '!unread', '!quiet'])
  })

  test('of equal importance the latest comes first', () => {
    const rooms = roomsOf({ room_id: '!a', last_activity_ts: noon }, { room_id: '!b', last_activity_ts: noon + 1 })

    expect(orderedRoomIds(rooms)).toEqual(['!b', '!a'])
  })

  test('a room moved to the end stays there, unless it mentions the user', () => {
    const low = { tags: ['m.lowpriority'], last_activity_ts: noon + 9, notification_count: 5 }

    expect(orderedRoomIds(roomsOf({ room_id: '!a' }, { room_id: '!low', ...low }))).toEqual(['!a', '!low'])
    expect(orderedRoomIds(roomsOf({ room_id: '!a' }, { room_id: '!low', ...low, highlight_count: 1 }))).toEqual([
      '!low',
      '!a',
    ])
  })

  test('equal rooms keep one order, whatever order they arrived in', () => {
    const a = { room_id: '!a' }
    const b = { room_id: '!b' }

    expect(orderedRoomIds(roomsOf(a, b))).toEqual(orderedRoomIds(roomsOf(b, a)))
  })
})

describe('what is listed', () => {
  const rooms = roomsOf(
    { room_id: '!dm', is_direct: true, name: 'Bo', heroes: ['@bo:test'] },
    { room_id: '!garden', name: 'Garden', canonical_alias: '#garden:test', tags: ['m.favourite'] },
    { room_id: '!unread', name: 'Noise', notification_count: 1 },
    { room_id: '!invite', membership: 'invite', last_activity_ts: noon + 1 },
    { room_id: '!knock', membership: 'knock' },
    { room_id: '!left', membership: 'leave' },
    { room_id: '!space', room_type: 'm.space' },
  )
  const ids = (list: RoomSummaryRow[]) => list.map((room) => room.room_id).sort()

  test('rooms the user is in; not spaces, invites or rooms that were left', () => {
    expect(ids(listRooms(rooms))).toEqual(['!dm', '!garden', '!unread'])
  })

  test.each([
    ['people', ['!dm']],
    ['rooms', ['!garden', '!unread']],
    ['unread', ['!unread']],
    ['favourites', ['!garden']],
    ['invites', []],
  ] as const)('filter %s', (filter, expected) => {
    expect(ids(listRooms(rooms, filter))).toEqual(expected)
  })

  test('search finds names, addresses and people, in any case', () => {
    expect(ids(listRooms(rooms, 'all', 'GARD'))).toEqual(['!garden'])
    expect(ids(listRooms(rooms, 'all', '#garden:'))).toEqual(['!garden'])
    expect(ids(listRooms(rooms, 'all', '@bo'))).toEqual(['!dm'])
    expect(listRooms(rooms, 'all', 'nothing')).toEqual([])
  })

  test('invites and knocks are apart, newest first', () => {
    expect(listInvites(rooms).map((room) => room.room_id)).toEqual(['!invite', '!knock'])
  })
})
