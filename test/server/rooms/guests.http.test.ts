/** Guests: what they may do in a room, when they have to go, and how one becomes a user. */
import { describe, expect, test, vi } from 'vitest'
import { startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'
import { readVectors } from '../../support/spec-data.js'

const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`
const openTo = (guest_access: string) => [{ type: 'm.room.guest_access', content: { guest_access } }]

const withGuests = (dataDir?: string) =>
  startHomeserver({
    users: ['alice'],
    ...(dataDir && { dataDir }),
    config: (config) => {
      config.registration.guests = true
    },
  })

async function becomeGuest(hs: TestHomeserver) {
  const { body } = await hs.request('POST', '/register?kind=guest', { body: {} })
  const token: string = body.access_token
  return {
    userId: body.user_id as string,
    token,
    get: (url: string) => hs.request('GET', url, { token }),
    put: (url: string, content: object) => hs.request('PUT', url, { token, body: content }),
    post: (url: string, content: object = {}) => hs.request('POST', url, { token, body: content }),
  }
}

describe('a guest', () => {
  test('sets state where the room lets it, says what it has read, leaves and forgets', async () => {
    await using hs = await withGuests()
    const alice = hs.as('alice')
    const guest = await becomeGuest(hs)
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      initial_state: openTo('can_join'),
      power_level_content_override: { events: { 'org.example.mood': 0 } },
    })
    expect(await guest.post(path(roomId, 'join'))).toMatchObject({ status: 200 })
    expect(await guest.put(path(roomId, 'state/org.example.mood/'), { mood: 'good' })).toMatchObject({ status: 200 })
    const eventId = await alice.say(roomId, 'hello')
    const receipt = path(roomId, `receipt/m.read/${encodeURIComponent(eventId)}`)
    expect(await guest.post(receipt)).toMatchObject({ status: 200 })
    expect(await guest.post(path(roomId, 'leave'))).toMatchObject({ status: 200 })
    expect(await guest.post(path(roomId, 'forget'))).toMatchObject({ status: 200 })
    expect((await guest.post('/createRoom')).body.errcode).toBe('M_GUEST_ACCESS_FORBIDDEN')
  })

  test('may ask for all that the specification lets guests ask for, and not for what it does not name', async () => {
    await using hs = await withGuests()
    const guest = await becomeGuest(hs)
    const roomId = await hs.as('alice').createRoom({ preset: 'public_chat', initial_state: openTo('can_join') })
    const { allowed } = readVectors<{ allowed: string[] }>('guestAccess')
    const named = allowed.filter((operation) => !operation.includes('/media/')) // these want no token
    expect(named.length).toBeGreaterThan(20)
    for (const operation of named) {
      const [method, path] = operation.split(' ') as [string, string]
      const url = path
        .replace('{roomId}', encodeURIComponent(roomId))
        .replace('{userId}', guest.userId)
        .replace('{deviceId}', 'NONE')
        .replace('{stateKey}', '')
        .replace(/\{(\w+)\}/g, 'x')
        .replace(/^\/events$/, '/events?timeout=0')
      const body = method === 'GET' ? {} : { body: {} }
      const { body: answer } = await hs.request(method, url, { token: guest.token, ...body })
      expect(answer.errcode, operation).not.toBe('M_GUEST_ACCESS_FORBIDDEN')
      expect(answer.errcode, operation).not.toBe('M_UNRECOGNIZED')
    }
    for (const path of ['/createRoom', '/user_directory/search', '/publicRooms'])
      expect((await guest.post(path, {})).body.errcode === 'M_GUEST_ACCESS_FORBIDDEN', path).toBe(
        path !== '/publicRooms',
      )
  })

  test('is taken out of a room that stops letting guests in; users stay', async () => {
    await using hs = await withGuests()
    const alice = hs.as('alice')
    const guest = await becomeGuest(hs)
    const [closing, redacted] = [
      await alice.createRoom({ preset: 'public_chat', initial_state: openTo('can_join') }),
      await alice.createRoom({ preset: 'public_chat', initial_state: openTo('can_join') }),
    ]
    for (const roomId of [closing, redacted]) await guest.post(path(roomId, 'join'))
    await alice.put(path(closing, 'state/m.room.guest_access/'), { guest_access: 'forbidden' })
    const { body: state } = await alice.get(path(redacted, 'state'))
    const { event_id } = state.find(({ type }: { type: string }) => type === 'm.room.guest_access')
    await alice.put(path(redacted, `redact/${encodeURIComponent(event_id)}/r1`), {})
    await vi.waitFor(async () => expect((await guest.get('/joined_rooms')).body.joined_rooms).toEqual([]))
    expect((await alice.get('/joined_rooms')).body.joined_rooms).toHaveLength(2)
    const member = path(closing, `state/m.room.member/${encodeURIComponent(guest.userId)}`)
    expect((await alice.get(member)).body).toMatchObject({ membership: 'leave' })
  })

  test('may not come in by a member event either where the room does not let guests in', async () => {
    await using hs = await withGuests()
    const alice = hs.as('alice')
    const guest = await becomeGuest(hs)
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const member = path(roomId, `state/m.room.member/${encodeURIComponent(guest.userId)}`)

    expect((await guest.put(member, { membership: 'join' })).body.errcode).toBe('M_GUEST_ACCESS_FORBIDDEN')
    expect((await guest.post(path(roomId, 'join'))).body.errcode).toBe('M_GUEST_ACCESS_FORBIDDEN')
  })

  test('who joins while access is withdrawn is out in the end', async () => {
    await using hs = await withGuests()
    const alice = hs.as('alice')
    const guests = await Promise.all(Array.from({ length: 4 }, () => becomeGuest(hs)))
    const roomId = await alice.createRoom({ preset: 'public_chat', initial_state: openTo('can_join') })

    await Promise.all([
      ...guests.slice(0, 2).map((guest) => guest.post(path(roomId, 'join'))),
      alice.put(path(roomId, 'state/m.room.guest_access/'), { guest_access: 'forbidden' }),
      ...guests.slice(2).map((guest) => guest.post(path(roomId, 'join'))),
    ])

    await vi.waitFor(async () => {
      const { body } = await alice.get(path(roomId, 'joined_members'))
      expect(Object.keys(body.joined)).toEqual([alice.userId])
    })
  })

  test('becomes a user with the token it has: the name and the rooms stay', async () => {
    await using hs = await withGuests()
    const alice = hs.as('alice')
    const guest = await becomeGuest(hs)
    const roomId = await alice.createRoom({ preset: 'public_chat', initial_state: openTo('can_join') })
    await guest.post(path(roomId, 'join'))
    const username = guest.userId.slice(1).split(':')[0]
    const register = (more: object) => {
      const auth = { type: 'm.login.dummy' }
      const body = { auth, username, password: 'a good long password', guest_access_token: guest.token, ...more }
      return hs.request('POST', '/register', { body })
    }
    expect(await register({ guest_access_token: 'nonsense' })).toMatchObject({ status: 401 })
    expect(await register({ guest_access_token: alice.token })).toMatchObject({ status: 403 })
    expect(await register({ username: 'somebody' })).toMatchObject({ status: 403 })
    expect(await register({})).toMatchObject({ status: 200, body: { user_id: guest.userId } })

    expect((await guest.get('/account/whoami')).body.is_guest).toBe(false)
    expect(await guest.post('/createRoom')).toMatchObject({ status: 200 })
    await alice.put(path(roomId, 'state/m.room.guest_access/'), { guest_access: 'forbidden' })
    await alice.say(roomId, 'users only')
    expect((await guest.get('/joined_rooms')).body.joined_rooms).toContain(roomId)
    const password = 'a good long password'
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: username }, password }
    expect(await hs.request('POST', '/login', { body: login })).toMatchObject({ status: 200 })
  })
})

describe('a guest and a room of another server', () => {
  const invited = async (guestAccess: string) => {
    const federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const [alice, guest] = [a.user('alice'), b.user('4711')]
    const initialState = [{ type: 'm.room.guest_access', content: { guest_access: guestAccess } }]
    const roomId = await a.ops.createRoom({ creator: alice, preset: 'private_chat', initialState })
    const join = () => b.ops.joinRoom({ roomId, sender: guest, via: [a.name], isGuest: true })
    return { federated, a, b, alice, guest, roomId, join }
  }

  test('an invited one comes in where the room lets guests in; one who was not asked does not', async () => {
    const { federated, a, alice, guest, roomId, join } = await invited('can_join')
    await using _ = federated
    await expect(join()).rejects.toMatchObject({ errcode: 'M_GUEST_ACCESS_FORBIDDEN' })

    await a.ops.inviteUser({ roomId, sender: alice, target: guest })
    await join()

    expect(await a.membershipOf(roomId, guest)).toBe('join')
  })

  test('an invited one is out again where the room does not', async () => {
    const { federated, a, alice, guest, roomId, join } = await invited('forbidden')
    await using _ = federated
    await a.ops.inviteUser({ roomId, sender: alice, target: guest })

    await expect(join()).rejects.toMatchObject({ errcode: 'M_GUEST_ACCESS_FORBIDDEN' })

    await vi.waitFor(async () => expect(await a.membershipOf(roomId, guest)).toBe('leave'))
  })
})
