/** `room_roles` (S8): what whom may see of the roles in a room, read and told. */
import { expect, test } from 'vitest'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { MemoryChannel } from '../../support/memory-channel.js'
import { user } from '../../support/rooms.js'

const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]
type Role = { user_id: string; role: string }

async function watch(hs: LiveServer, name: string, roomId: RoomId) {
  const channel = new MemoryChannel()
  hs.bridge.openLiveChannel(channel)
  await channel.call('authenticate', [await hs.token(name)])
  await channel.query('LIVE SELECT * FROM room_roles WHERE room_id = $room', { room: roomId })
  return {
    async roles(): Promise<Record<string, string>> {
      await hs.settled()
      const [rows] = await channel.query<[Role[]]>('SELECT * FROM room_roles:[$room, NONE]..[$room, ..]', {
        room: roomId,
      })
      return Object.fromEntries((rows as unknown as Role[]).map(({ user_id, role }) => [user_id, role]))
    },
    told: () => channel.notes.map(({ result }) => `${result.user_id} ${result.role}`),
  }
}

test('members with a role see the roles of all, who has none sees their own, strangers see nothing', async () => {
  await using hs = await startLiveServer({ users: ['alice', 'bob', 'carol'] })
  const roomId = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
  await hs.settled()
  const [a, b, c] = [await watch(hs, 'alice', roomId), await watch(hs, 'bob', roomId), await watch(hs, 'carol', roomId)]
  const setLevels = (users: Record<string, number>) =>
    hs.rooms.sendEvent(roomId, {
      ...{ type: 'm.room.power_levels', sender: alice, stateKey: '' },
      content: { users: { [alice]: 100, ...users } },
    })

  await hs.rooms.joinRoom({ roomId, sender: bob })
  const joined = { [alice]: 'Owner', [bob]: 'Viewer' }
  expect([await a.roles(), await b.roles(), await c.roles()]).toEqual([joined, joined, {}])
  await expect.poll(a.told).toEqual([`${bob} Viewer`])
  await expect.poll(b.told).toEqual([`${bob} Viewer`])

  await setLevels({ [bob]: 50 })
  const promoted = { [alice]: 'Owner', [bob]: 'Editor' }
  expect([await a.roles(), await b.roles(), await c.roles()]).toEqual([promoted, promoted, {}])
  await expect.poll(a.told).toEqual([`${bob} Viewer`, `${bob} Editor`])

  await setLevels({ [bob]: -1 })
  expect(await a.roles()).toEqual({ [alice]: 'Owner', [bob]: 'None' })
  expect(await b.roles()).toEqual({ [bob]: 'None' })
  await expect.poll(b.told).toEqual([`${bob} Viewer`, `${bob} Editor`, `${bob} None`])

  await hs.rooms.joinRoom({ roomId, sender: carol })
  await hs.rooms.leaveRoom({ roomId, sender: carol })
  await hs.rooms.joinRoom({ roomId, sender: carol })
  expect(await c.roles()).toEqual({ [alice]: 'Owner', [bob]: 'None', [carol]: 'Viewer' })
  expect(b.told()).toHaveLength(3) // what becomes of others is not for one without a role
})
