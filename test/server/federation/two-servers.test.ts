/** Two homeservers over TLS: invite, join, talk both ways, leave, and the same again while one is away. */
import { describe, expect, test, vi } from 'vitest'
import { parseRoomAlias, type RoomId } from '../../../server/kernel/identifiers.js'
import { startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import { heldIds } from '../../support/views.js'

const patient = { timeout: 10_000, interval: 20 }

async function joinedRoom(a: FederationServer, b: FederationServer, roomVersion = '12'): Promise<RoomId> {
  const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'private_chat', roomVersion, name: 'Hall' })
  await a.ops.inviteUser({ roomId, sender: a.user('alice'), target: b.user('bob') })
  await b.ops.joinRoom({ roomId, sender: b.user('bob') })
  return roomId
}

describe.each(['10', '11', '12'])('two servers, room version %s', (roomVersion) => {
  test('invite, join, talk both ways, leave', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const alice = a.user('alice')
    const bob = b.user('bob')

    const roomId = await a.ops.createRoom({ creator: alice, preset: 'private_chat', roomVersion, name: 'Hall' })
    await a.sendText(roomId, alice, 'before')
    await a.ops.inviteUser({ roomId, sender: alice, target: bob })
    const invite = (await b.ops.rooms.membershipsOf(bob)).get(roomId)
    expect(invite).toMatchObject({ membership: 'invite', sender: alice })
    expect(invite?.stripped?.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['m.room.create', 'm.room.name', 'm.room.member']),
    )

    await b.ops.joinRoom({ roomId, sender: bob })
    expect(await b.membershipOf(roomId, bob)).toBe('join')
    expect(await a.membershipOf(roomId, bob)).toBe('join')

    await a.sendText(roomId, alice, 'hello bob')
    await vi.waitFor(async () => expect(await b.messages(roomId)).toEqual(['hello bob']), patient)
    await b.sendText(roomId, bob, 'hello alice')
    await vi.waitFor(
      async () => expect(await a.messages(roomId)).toEqual(['before', 'hello bob', 'hello alice']),
      patient,
    )

    await b.ops.leaveRoom({ roomId, sender: bob })
    await vi.waitFor(async () => expect(await a.membershipOf(roomId, bob)).toBe('leave'), patient)
    expect((await b.ops.rooms.membershipsOf(bob)).get(roomId)?.membership).toBe('leave')
  })
})

describe('two servers', () => {
  test('fifty messages from both sides at once arrive on both, each once, and the states agree', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await joinedRoom(a, b)
    const sent = Array.from({ length: 50 }, (_, i) => i)
    await Promise.all([
      ...sent.map((i) => a.sendText(roomId, a.user('alice'), `a${i}`)),
      ...sent.map((i) => b.sendText(roomId, b.user('bob'), `b${i}`)),
    ])
    const expected = [...sent.map((i) => `a${i}`), ...sent.map((i) => `b${i}`)].sort()
    for (const server of [a, b])
      await vi.waitFor(async () => expect((await server.messages(roomId)).sort()).toEqual(expected), patient)
    const stateOf = async (server: FederationServer) =>
      [...(await heldIds(server.ops.rooms, (await server.ops.rooms.get(roomId))!))]
        .map((entry) => entry.join(' '))
        .sort()
    expect(await stateOf(a)).toEqual(await stateOf(b))
  })

  test('a server that was away gets everything it missed, once and in order', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await joinedRoom(a, b)
    await b.closeListener()
    const missed = Array.from({ length: 70 }, (_, i) => `m${i}`)
    for (const body of missed) await a.sendText(roomId, a.user('alice'), body)
    await vi.waitFor(
      () => expect(a.federation.sender.destinations()[0]).toMatchObject({ state: 'backing_off' }),
      patient,
    )
    await b.openListener()
    // Its first word shows that it is back: nobody has to wait for a timer.
    await b.sendText(roomId, b.user('bob'), 'back')
    await vi.waitFor(
      async () => expect((await b.messages(roomId)).filter((body) => body !== 'back')).toEqual(missed),
      patient,
    )
    await vi.waitFor(async () => expect(await a.messages(roomId)).toContain('back'), patient)
  })

  test('an invite can be rejected, and withdrawn', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const [alice, bob, carol] = [a.user('alice'), b.user('bob'), b.user('carol')]
    const roomId = await a.ops.createRoom({ creator: alice, preset: 'private_chat', invite: [bob, carol] })
    await b.ops.leaveRoom({ roomId, sender: bob })
    expect(await b.membershipOf(roomId, bob)).toBe('leave')
    expect(await a.membershipOf(roomId, bob)).toBe('leave')

    await a.ops.kickUser({ roomId, sender: alice, target: carol })
    await vi.waitFor(async () => expect(await b.membershipOf(roomId, carol)).toBe('leave'), patient)
  })

  test('an invite can be rejected after the inviting server is gone', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'private_chat', invite: [b.user('bob')] })
    await a.closeListener()
    await b.ops.leaveRoom({ roomId, sender: b.user('bob') })
    expect(await b.membershipOf(roomId, b.user('bob'))).toBe('leave')
  })

  test('a public room is joined by its alias, and its past is fetched backwards to the beginning', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const alice = a.user('alice')
    const roomId = await a.ops.createRoom({ creator: alice, preset: 'public_chat', aliasLocalpart: 'hall' })
    const past = Array.from({ length: 130 }, (_, i) => `p${i}`)
    for (const body of past) await a.sendText(roomId, alice, body)

    const { roomId: found, servers } = await b.ops.resolveAlias(parseRoomAlias('#hall:a.test')!)
    expect(found).toBe(roomId)
    await b.ops.joinRoom({ roomId: found, sender: b.user('bob'), via: servers })
    expect(await b.messages(roomId)).toEqual([])
    let pages = 0
    const hole = async () => (await b.ops.rooms.get(roomId))!.segments.find(({ below }) => below === 'unknown')
    for (let open = await hole(); open && pages < 10; open = await hole()) {
      expect(await b.federation.remote.backfillRoom(roomId, open.origin, 50)).toBe(true)
      pages++
    }
    expect(pages).toBeGreaterThan(2)
    expect(await b.messages(roomId)).toEqual(past)
    expect((await b.ops.rooms.get(roomId))!.historyComplete).toBe(true)
  })

  test('a second user of the same server joins without asking anybody, and is seen', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat' })
    const via = [a.name]
    await Promise.all(['bob', 'carol', 'dan'].map((each) => b.ops.joinRoom({ roomId, sender: b.user(each), via })))
    for (const each of ['bob', 'carol', 'dan'])
      await vi.waitFor(async () => expect(await a.membershipOf(roomId, b.user(each))).toBe('join'), patient)
  })

  test('a room whose rules let nobody in is not joined, and nothing of it is kept', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'private_chat' })
    const joining = b.ops.joinRoom({ roomId, sender: b.user('bob'), via: [a.name] })
    await expect(joining).rejects.toMatchObject({ status: 403, errcode: 'M_FORBIDDEN' })
    expect(await b.ops.rooms.get(roomId)).toBeUndefined()
  })

  test('an unknown user cannot be invited, and the room does not say otherwise', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'private_chat' })
    const inviting = a.ops.inviteUser({ roomId, sender: a.user('alice'), target: b.user('nobody') })
    await expect(inviting).rejects.toMatchObject({ status: 403 })
    expect(await a.membershipOf(roomId, b.user('nobody'))).toBeUndefined()
  })

  test('somebody knocks, is invited and joins', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const [alice, bob] = [a.user('alice'), b.user('bob')]
    const initialState = [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }]
    const roomId = await a.ops.createRoom({ creator: alice, preset: 'private_chat', name: 'Hall', initialState })
    await b.ops.knockRoom({ roomId, sender: bob, via: [a.name] })
    expect(await a.membershipOf(roomId, bob)).toBe('knock')
    expect((await b.ops.rooms.membershipsOf(bob)).get(roomId)?.stripped?.map(({ type }) => type)).toContain(
      'm.room.name',
    )
    await a.ops.inviteUser({ roomId, sender: alice, target: bob })
    await b.ops.joinRoom({ roomId, sender: bob })
    expect(await a.membershipOf(roomId, bob)).toBe('join')
  })

  test('a restricted room lets in who is in the other room, with the signature of a server that may', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const [alice, bob, carol] = [a.user('alice'), b.user('bob'), b.user('carol')]
    const space = await joinedRoom(a, b)
    const allow = [{ type: 'm.room_membership', room_id: space }]
    const initialState = [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }]
    const roomId = await a.ops.createRoom({ creator: alice, preset: 'private_chat', initialState })
    await b.ops.joinRoom({ roomId, sender: bob, via: [a.name] })
    expect(await a.membershipOf(roomId, bob)).toBe('join')
    const joining = b.ops.joinRoom({ roomId, sender: carol, via: [a.name] })
    await expect(joining).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
  })

  test('profiles and directories are asked across servers', async () => {
    await using federated = await startFederation(2, { config: { 'federation.allow_public_rooms': 'true' } })
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    expect(await a.federation.remote.queryProfile(b.user('bob'))).toEqual({ displayname: 'bob' })
    await expect(a.federation.remote.queryProfile(b.user('nobody'))).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' })
    await b.ops.createRoom({ creator: b.user('bob'), preset: 'public_chat', visibility: 'public', name: 'Market' })
    const creationContent = { 'm.federate': false }
    const own = { creator: b.user('bob'), preset: 'public_chat', visibility: 'public', name: 'Own' } as const
    await b.ops.createRoom({ ...own, creationContent })
    const { chunk } = await a.federation.remote.queryPublicRooms(b.name, { limit: 10 })
    expect(chunk).toMatchObject([{ name: 'Market', num_joined_members: 1 }])
  })

  test('typing and receipts cross over', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await joinedRoom(a, b)
    const content = { room_id: roomId, user_id: a.user('alice'), typing: true }
    a.federation.sender.sendEdu([b.name], { edu_type: 'm.typing', content })
    // Words about somebody else's user are dropped.
    a.federation.sender.sendEdu([b.name], { edu_type: 'm.typing', content: { ...content, user_id: b.user('bob') } })
    await vi.waitFor(
      () => expect(b.heard.typing).toEqual([{ roomId, userId: a.user('alice'), isTyping: true }]),
      patient,
    )
  })
})
