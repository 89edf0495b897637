/** Side effects ask one check (S8): who may type, read, publish, name, invite, kick and ban, as the room is now. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

let hs: TestHomeserver
let alice: TestClient
let bob: TestClient
let carol: TestClient
beforeAll(async () => {
  hs = await startHomeserver({
    users: ['alice', 'bob', 'carol'],
    config: (config) => {
      config.room_directory.anyone_may_publish = true
    },
  })
  ;[alice, bob, carol] = [hs.as('alice'), hs.as('bob'), hs.as('carol')]
})
afterAll(() => hs.close())

const at = (roomId: string, path: string) => `/rooms/${encodeURIComponent(roomId)}/${path}`

async function room() {
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' })
  await bob.joinRoom(roomId)
  const eventId = await alice.say(roomId, 'hello')
  return { roomId, eventId }
}
const setLevels = (roomId: string, bobs: number, more = {}) =>
  alice.put(at(roomId, 'state/m.room.power_levels/'), {
    users: { [alice.userId]: 100, [bob.userId]: bobs },
    ...more,
  })

let aliases = 0
const actions = (roomId: string, eventId: string): Record<string, () => Promise<{ status: number }>> => ({
  receipt: () => bob.post(at(roomId, `receipt/m.read/${eventId}`)),
  marker: () => bob.post(at(roomId, 'read_markers'), { 'm.fully_read': eventId }),
  aliases: () => bob.get(at(roomId, 'aliases')),
  typing: () => bob.put(at(roomId, `typing/${bob.userId}`), { typing: true, timeout: 1_000 }),
  alias: () => bob.put(`/directory/room/${encodeURIComponent(`#a${aliases++}:test`)}`, { room_id: roomId }),
  publish: () => bob.put(`/directory/list/room/${encodeURIComponent(roomId)}`, { visibility: 'public' }),
})
const outcome = async (of: ReturnType<typeof actions>) => {
  const found: Record<string, number> = {}
  for (const [name, act] of Object.entries(of)) found[name] = (await act()).status
  return found
}

describe('what a user may do', () => {
  const reading = { receipt: 200, marker: 200, aliases: 200 }

  test('a member reads and takes part, one whose level falls below zero only reads, one who left neither', async () => {
    const { roomId, eventId } = await room()
    const of = actions(roomId, eventId)
    expect(await outcome(of)).toEqual({ ...reading, typing: 200, alias: 200, publish: 200 })

    await setLevels(roomId, -1)
    expect(await outcome(of)).toEqual({ ...reading, typing: 403, alias: 403, publish: 403 })
    await setLevels(roomId, 0)
    expect(await outcome(of)).toEqual({ ...reading, typing: 200, alias: 200, publish: 200 })

    await bob.leaveRoom(roomId)
    expect(await outcome(of)).toEqual({
      receipt: 403,
      marker: 403,
      aliases: 403,
      typing: 403,
      alias: 403,
      publish: 403,
    })
  })

  test.each([
    ['kick', 50],
    ['ban', 50],
    ['unban', 50],
    ['invite', 50],
  ])('%s from the level that the room asks for', async (action, level) => {
    const { roomId } = await room()
    await setLevels(roomId, level - 1, { invite: 50 })
    if (action === 'kick') await carol.joinRoom(roomId)
    if (action === 'unban') await alice.post(at(roomId, 'ban'), { user_id: carol.userId })
    const act = () => bob.post(at(roomId, action), { user_id: carol.userId })

    expect((await act()).status).toBe(403)
    await setLevels(roomId, level, { invite: 50 })
    expect((await act()).status).toBe(200)
  })

  test('somebody without a role cannot invite, though everybody else may', async () => {
    const { roomId } = await room()
    await setLevels(roomId, -5, { invite: -10 })

    expect((await bob.post(at(roomId, 'invite'), { user_id: carol.userId })).status).toBe(403)
  })
})
