/** What a member may not do by another way than the usual one: over HTTP, on the real store. */
import { describe, expect, test } from 'vitest'
import { startHomeserver } from '../../support/homeserver.js'

const inRoom = (roomId: string, path: string) => `/rooms/${encodeURIComponent(roomId)}/${path}`

describe('authority', () => {
  test.each(['2', '10', '12'])(
    "in a room of version %s, a redaction sent as a plain event takes nobody else's words away",
    async (room_version) => {
      await using hs = await startHomeserver({ users: ['alice', 'bob'] })
      const [alice, bob] = [hs.as('alice'), hs.as('bob')]
      const roomId = await alice.createRoom({ preset: 'public_chat', room_version })
      await bob.joinRoom(roomId)
      const hers = await alice.say(roomId, 'hers')
      const his = await bob.say(roomId, 'his')

      const refused = await bob.put(inRoom(roomId, 'send/m.room.redaction/1'), { redacts: hers })
      const unknown = await bob.put(inRoom(roomId, 'send/m.room.redaction/2'), { redacts: '$not:here' })
      const own = await bob.put(inRoom(roomId, 'send/m.room.redaction/3'), { redacts: his })

      expect([refused.status, unknown.status, own.status]).toEqual([403, 403, 200])
      expect(await alice.timeline(roomId)).toEqual(['hers'])
    },
  )

  test('what was redacted is not told beside what replaced it, to who read it before either', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const roomId = await alice.createRoom()
    const rename = async (name: string) =>
      (await alice.put(inRoom(roomId, 'state/m.room.name'), { name })).body.event_id
    const target = await rename('a secret')
    const next = await rename('harmless')
    const read = async () => (await alice.get(inRoom(roomId, `event/${encodeURIComponent(next)}`))).body.unsigned
    expect((await read()).prev_content).toEqual({ name: 'a secret' })

    await alice.put(inRoom(roomId, `redact/${encodeURIComponent(target)}/1`))

    expect((await read()).prev_content).toEqual({})
    expect(JSON.stringify((await alice.get('/sync')).body)).not.toContain('a secret')
  })

  test('a room is not created with so many events that everybody waits for it', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const create = (count: number) =>
      hs.as('alice').post('/createRoom', { invite: Array.from({ length: count }, (_, i) => `@u${i}:test`) })
    const state = Array.from({ length: 251 }, (_, i) => ({ type: 'x', state_key: `${i}`, content: {} }))

    expect((await create(250)).status).toBe(200)
    expect((await create(251)).body.errcode).toBe('M_BAD_JSON')
    expect((await hs.as('alice').post('/createRoom', { initial_state: state })).body.errcode).toBe('M_BAD_JSON')
  })

  test('a room that is upgraded takes its addresses along', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const roomId = await alice.createRoom({ room_alias_name: 'hall', room_version: '11' })

    const { replacement_room } = (await alice.post(inRoom(roomId, 'upgrade'), { new_version: '12' })).body

    expect((await alice.get('/directory/room/%23hall:test')).body.room_id).toBe(replacement_room)
  })

  test('nobody lets themselves into a restricted room in the name of a member', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const [alice, bob] = [hs.as('alice'), hs.as('bob')]
    const space = await alice.createRoom({ preset: 'public_chat' })
    const rule = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space }] }
    const roomId = await alice.createRoom({ initial_state: [{ type: 'm.room.join_rules', content: rule }] })
    const own = inRoom(roomId, `state/m.room.member/${encodeURIComponent(bob.userId)}`)
    const content = { membership: 'join', join_authorised_via_users_server: alice.userId }

    expect((await bob.put(own, content)).status).toBe(403)
    await bob.joinRoom(space)
    await bob.joinRoom(roomId)

    expect((await bob.put(own, { ...content, displayname: 'Bobby' })).status).toBe(200)
    expect((await alice.get(own)).body).toEqual({ membership: 'join', displayname: 'Bobby' })
  })

  test('a guest comes into rooms that let guests in, and into no others', async () => {
    await using hs = await startHomeserver({
      users: ['alice'],
      config: (config) => {
        config.registration.guests = true
      },
    })
    const alice = hs.as('alice')
    const { access_token: token } = (await hs.request('POST', '/register?kind=guest', { body: {} })).body
    const join = (roomId: string) => hs.request('POST', inRoom(roomId, 'join'), { token, body: {} })
    const closed = await alice.createRoom({ preset: 'public_chat' })
    const open = await alice.createRoom({
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.guest_access', content: { guest_access: 'can_join' } }],
    })

    expect((await join(closed)).body.errcode).toBe('M_GUEST_ACCESS_FORBIDDEN')
    expect((await join('!elsewhere:other.test')).body.errcode).toBe('M_GUEST_ACCESS_FORBIDDEN')
    expect((await join(open)).status).toBe(200)
  })

  test('who joins again while forgetting is in the room', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const bob = hs.as('bob')
    const roomId = await hs.as('alice').createRoom({ preset: 'public_chat' })
    for (let laterMs = 0; laterMs < 15; laterMs++) {
      await bob.joinRoom(roomId)
      await bob.leaveRoom(roomId)

      const joined = bob.joinRoom(roomId)
      await new Promise((resolve) => setTimeout(resolve, laterMs))
      await Promise.all([joined, bob.post(inRoom(roomId, 'forget'))])

      expect((await bob.get('/joined_rooms')).body.joined_rooms).toEqual([roomId])
    }
  })
})
