/** Which events the lane of pushes looks at: none where nobody who would hear of it has a pusher. */
import { expect, test } from 'vitest'
import type { RoomId, UserId } from '../../../server/kernel/identifiers.js'
import type { Work } from '../../../server/live/projector/work.js'
import { pushLane } from '../../../server/push/push-lane.js'

const [alice, bob] = ['@alice:x' as UserId, '@bob:x' as UserId]
const [known, unknown] = ['!known:x' as RoomId, '!unknown:x' as RoomId]
const message = (roomId: RoomId, historical = false) =>
  ({ kind: 'event', roomId, eventId: '$e', seq: 1, type: 'm.room.message', historical }) as unknown as Work
const invite = (userId: UserId) => ({ kind: 'membership', roomId: unknown, userId }) as unknown as Work

function laneFor(users: UserId[]) {
  let looks = 0
  const lane = pushLane({
    users: new Set(users),
    rooms: {
      peek(roomId: RoomId) {
        looks++
        return roomId === known ? { localMembers: new Map([[alice, 'join']]) } : undefined
      },
    },
  } as unknown as Parameters<typeof pushLane>[0])
  return { takes: lane.takes, looks: () => looks }
}

test('while nobody has a pusher no room is even looked at', () => {
  const { takes, looks } = laneFor([])
  expect([takes(message(known)), takes(message(unknown)), takes(invite(alice)), looks()]).toEqual([
    false,
    false,
    false,
    0,
  ])
})

test('an event is taken for those in its room alone, and where that is not in memory', () => {
  const { takes } = laneFor([bob])
  expect([takes(message(known)), takes(message(unknown)), takes(invite(bob)), takes(invite(alice))]).toEqual([
    ...[false, true, true, false],
  ])
  expect(laneFor([alice, bob]).takes(message(known))).toBe(true)
})

test('history that is filled in is told to nobody', () => {
  expect(laneFor([alice]).takes(message(known, true))).toBe(false)
})
