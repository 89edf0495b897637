/** What is taken of the EDUs of another server: its own users, who are where they say they are, and not without end. */
import { describe, expect, test } from 'vitest'
import { eduLimits, makeReceiveEdus } from '../../../server/federation/receive-edus.js'
import type { RoomId, ServerName, UserId } from '../../../server/kernel/identifiers.js'
import type { Room, Rooms } from '../../../server/rooms/room.js'
import { silentLogger } from '../../support/database.js'

const origin = 'peer.test' as ServerName
const here = '!here:us.test' as RoomId
const left = '!left:us.test' as RoomId

/** `here` has a user of ours, `left` has had one; users whose name begins with `friend` are in `here`, `gone` in `left`. */
function make() {
  const reads = { rooms: 0, memberships: 0 }
  const roomsOf = (userId: UserId) =>
    userId.startsWith('@friend') ? [here] : userId.startsWith('@gone') ? [left] : ([] as RoomId[])
  const rooms = {
    async get(roomId: RoomId) {
      reads.rooms += 1
      const membership = roomId === here ? 'join' : 'leave'
      return { roomId, state: new Map(), localMembers: new Map([['@ana:us.test', membership]]) } as unknown as Room
    },
    async readMember(room: Room, userId: UserId) {
      const isIn = roomsOf(userId).includes(room.roomId)
      return isIn ? { pdu: { content: { membership: 'join' } } } : undefined
    },
    async membershipsOf(userId: UserId) {
      reads.memberships += 1
      return new Map(roomsOf(userId).map((roomId) => [roomId, { roomId, membership: 'join' }]))
    },
  } as unknown as Pick<Rooms, 'get' | 'readMember' | 'membershipsOf'>
  const heard = { typing: [] as unknown[], receipts: [] as unknown[], presence: [] as { userId: string }[] }
  const receive = makeReceiveEdus({
    rooms,
    receiveTyping: (typing) => void heard.typing.push(typing),
    receiveReceipts: (receipts) => void heard.receipts.push(...receipts),
    receivePresence: (presence) => void heard.presence.push(...presence),
    log: silentLogger,
  })
  return { heard, reads, receive: (edus: unknown[]) => receive(origin, edus) }
}

const presence = (...names: string[]) => ({
  edu_type: 'm.presence',
  content: { push: names.map((name) => ({ user_id: `@${name}:peer.test`, presence: 'online' })) },
})
const numbered = (name: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `${name}${from + i}`)

describe('presence', () => {
  test('of users whom nobody here shares a room with is dropped', async () => {
    const { heard, receive } = make()
    await receive([presence('friend', 'stranger', 'gone')])
    expect(heard.presence).toMatchObject([{ userId: '@friend:peer.test', roomIds: [here] }])
  })

  test('of users of another server is dropped', async () => {
    const { heard, receive } = make()
    const other = { user_id: '@friend:other.test', presence: 'online' }
    await receive([{ edu_type: 'm.presence', content: { push: [other] } }])
    expect(heard.presence).toEqual([])
  })

  test('is bounded for a transaction, in what is taken and in what is looked up', async () => {
    const { heard, reads, receive } = make()
    const edus = Array.from({ length: 100 }, (_, i) => presence(...numbered('friend', 1_000, i * 1_000)))
    await receive(edus)
    expect(heard.presence).toHaveLength(eduLimits.presence)
    expect(reads.memberships).toBe(eduLimits.presence)
  })

  test('a user named again and again counts once, by the last word', async () => {
    const { heard, reads, receive } = make()
    const away = { user_id: '@friend:peer.test', presence: 'unavailable' }
    await receive([
      ...Array.from({ length: 50 }, () => presence('friend')),
      { edu_type: 'm.presence', content: { push: [away] } },
    ])
    expect(heard.presence).toMatchObject([{ presence: 'unavailable' }])
    expect(reads.memberships).toBe(1)
  })
})

describe('receipts and typing', () => {
  const receipts = (names: string[]) => ({
    edu_type: 'm.receipt',
    content: {
      [here]: {
        'm.read': Object.fromEntries(
          names.map((name) => [`@${name}:peer.test`, { data: { ts: 1 }, event_ids: ['$event'] }]),
        ),
      },
    },
  })

  test('count for those who are in the room', async () => {
    const { heard, receive } = make()
    const typing = (name: string) => ({
      edu_type: 'm.typing',
      content: { room_id: here, user_id: `@${name}:peer.test`, typing: true },
    })
    await receive([receipts(['friend', 'stranger']), typing('friend'), typing('stranger')])
    expect(heard.receipts).toMatchObject([{ userId: '@friend:peer.test' }])
    expect(heard.typing).toMatchObject([{ userId: '@friend:peer.test' }])
  })

  test('are bounded for a transaction', async () => {
    const { heard, reads, receive } = make()
    await receive(Array.from({ length: 100 }, (_, i) => receipts(numbered('friend', 900, i * 900))))
    expect(heard.receipts).toHaveLength(eduLimits.receipts)
    expect(reads.rooms).toBe(eduLimits.receipts)
  })
})
