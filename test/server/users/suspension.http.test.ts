/** A suspended user: may read, leave, redact what they said and log out; may not speak or change what others see. */
import { describe, expect, test } from 'vitest'
import { type Answer, startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

const suspend = (hs: TestHomeserver, user: TestClient, suspended: boolean) =>
  hs.as('root').put(`/_matrix/client/v1/admin/suspend/${encodeURIComponent(user.userId)}`, { suspended })
const lock = (hs: TestHomeserver, user: TestClient, locked: boolean) =>
  hs.as('root').put(`/_matrix/client/v1/admin/lock/${encodeURIComponent(user.userId)}`, { locked })
const refused = ({ status, body }: Answer) => [status, body.errcode]
const suspended = [403, 'M_USER_SUSPENDED']

/** Alice is in a room with bob, has said something, is invited to another room, and then is suspended. */
async function withSuspendedAlice() {
  const hs = await startHomeserver({ users: ['alice', 'bob', 'root'], admins: ['root'] })
  const [alice, bob] = [hs.as('alice'), hs.as('bob')]
  const roomId = await alice.createRoom({ preset: 'public_chat', power_level_content_override: { redact: 0 } })
  await bob.joinRoom(roomId)
  const own = await alice.say(roomId, 'said by alice')
  const other = await bob.say(roomId, 'said by bob')
  const invitedTo = await bob.createRoom({ invite: [alice.userId] })
  expect((await suspend(hs, alice, true)).status).toBe(200)
  const at = (rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`
  return { hs, alice, bob, roomId, own, other, invitedTo, at, [Symbol.asyncDispose]: () => hs.close() }
}

test('administrators are told that they can suspend and lock; others are told nothing', async () => {
  await using hs = await startHomeserver({ users: ['alice', 'root'], admins: ['root'] })
  const capabilitiesOf = async (user: string) => (await hs.as(user).get('/capabilities')).body.capabilities
  expect(await capabilitiesOf('root')).toMatchObject({ 'm.account_moderation': { suspend: true, lock: true } })
  expect(await capabilitiesOf('alice')).not.toHaveProperty(['m.account_moderation'])
})

describe('a suspended user', () => {
  test.each<[string, (at: Awaited<ReturnType<typeof withSuspendedAlice>>) => Promise<Answer>]>([
    ['send messages', ({ alice, at }) => alice.put(at('send/m.room.message/1'), { body: 'x' })],
    ['send state', ({ alice, at }) => alice.put(at('state/m.room.topic/'), { topic: 'x' })],
    ['make rooms', ({ alice }) => alice.post('/createRoom', {})],
    ['join rooms', ({ alice, invitedTo }) => alice.post(`/join/${encodeURIComponent(invitedTo)}`)],
    ['accept invites', ({ alice, invitedTo }) => alice.post(`/rooms/${encodeURIComponent(invitedTo)}/join`)],
    ['knock', ({ alice, invitedTo }) => alice.post(`/knock/${encodeURIComponent(invitedTo)}`)],
    ['invite', ({ alice, at }) => alice.post(at('invite'), { user_id: '@root:test' })],
    ['ban', ({ alice, bob, at }) => alice.post(at('ban'), { user_id: bob.userId })],
    ['change their name', ({ alice }) => alice.put(`/profile/${alice.userId}/displayname`, { displayname: 'x' })],
    ['upload files', ({ alice }) => alice.request('POST', '/_matrix/media/v3/upload', { body: 'x' })],
    ['redact others', ({ alice, other, at }) => alice.put(at(`redact/${encodeURIComponent(other)}/2`))],
    [
      'redact others by way of send',
      ({ alice, other, at }) => alice.put(at('send/m.room.redaction/3'), { redacts: other }),
    ],
    ['send redactions of nothing', ({ alice, at }) => alice.put(at('send/m.room.redaction/4'), {})],
  ])('may not %s', async (_, act) => {
    await using world = await withSuspendedAlice()

    expect(refused(await act(world))).toEqual(suspended)

    expect(await world.bob.timeline(world.roomId)).toEqual(['said by alice', 'said by bob'])
    expect((await world.alice.get('/joined_rooms')).body.joined_rooms).toEqual([world.roomId])
  })

  test('may read, redact what they said, leave, decline and log out', async () => {
    await using world = await withSuspendedAlice()
    const { hs, alice, bob, roomId, own, invitedTo, at } = world

    expect((await alice.get('/sync')).status).toBe(200)
    await bob.say(roomId, 'and more')
    expect(await alice.timeline(roomId)).toContain('and more')
    expect((await alice.put(at(`redact/${encodeURIComponent(own)}/5`))).status).toBe(200)
    expect(await bob.timeline(roomId)).not.toContain('said by alice')
    expect((await alice.post(`/rooms/${encodeURIComponent(invitedTo)}/leave`)).status).toBe(200)
    expect((await alice.post(at('leave'))).status).toBe(200)
    const second = await hs.logIn('alice')
    expect(refused(await second.post('/createRoom', {}))).toEqual(suspended)
    expect((await second.post('/logout')).status).toBe(200)
  })

  test('speaks again when the suspension ends', async () => {
    await using world = await withSuspendedAlice()
    await suspend(world.hs, world.alice, false)
    await world.alice.say(world.roomId, 'back')
    expect(await world.bob.timeline(world.roomId)).toContain('back')
  })

  test('is still suspended after having been locked and unlocked, and locked when only the suspension ends', async () => {
    await using world = await withSuspendedAlice()
    const { hs, alice } = world

    await lock(hs, alice, true)
    expect(refused(await alice.get('/joined_rooms'))).toEqual([401, 'M_USER_LOCKED'])
    await lock(hs, alice, false)
    expect(refused(await alice.post('/createRoom', {}))).toEqual(suspended)

    await lock(hs, alice, true)
    await suspend(hs, alice, false)
    expect(refused(await alice.get('/joined_rooms'))).toEqual([401, 'M_USER_LOCKED'])
    await lock(hs, alice, false)
    expect((await alice.post('/createRoom', {})).status).toBe(200)
  })
})
