/**
 * Invites and knocks of our users in rooms this server is not in, and who may end them: against a server that
 * says what it likes, in any order.
 */
import { describe, expect, test } from 'vitest'
import type { JsonObject, PduEvent } from '../../../server/events/pdu.js'
import { stateKeyOf } from '../../../server/events/pdu.js'
import { roomVersionRules } from '../../../server/events/room-versions.js'
import type { RoomId, UserId } from '../../../server/kernel/identifiers.js'
import { startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import { type PuppetRoom, type PuppetServer, startPuppet } from '../../support/puppet-server.js'

type World = AsyncDisposable & {
  a: FederationServer
  host: PuppetServer
  evil: PuppetServer
  room: PuppetRoom
  owner: UserId
  bob: UserId
}

/** A puppet with a room of its own, another puppet that is not in it, and our bob. */
async function makeWorld(version = '10'): Promise<World> {
  const federated = await startFederation(1)
  const [a] = federated.servers as [FederationServer]
  const host = await startPuppet('host.test', federated.ca, federated.ports)
  const evil = await startPuppet('evil.test', federated.ca, federated.ports)
  const owner = host.user('owner')
  const room = makeRoom(host, owner, version)
  return {
    ...{ a, host, evil, room, owner, bob: a.user('bob') },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]()
      await evil[Symbol.asyncDispose]()
      await federated[Symbol.asyncDispose]()
    },
  }
}

function makeRoom(host: PuppetServer, owner: UserId, version: string): PuppetRoom {
  const room: PuppetRoom = {
    roomId: '!room:host.test' as RoomId,
    rules: roomVersionRules(version)!,
    state: new Map(),
    tips: [],
  }
  const state = (type: string, stateKey: string, content: JsonObject) =>
    host.push(room, host.makeEvent(room, { type, sender: owner, stateKey, content }))
  state('m.room.create', '', { room_version: version, creator: owner })
  state('m.room.member', owner, { membership: 'join' })
  state('m.room.join_rules', '', { join_rule: 'knock' })
  return room
}

const memberOf = (by: PuppetServer, room: PuppetRoom, sender: UserId, target: UserId, membership: string): PduEvent =>
  by.push(room, by.makeEvent(room, { type: 'm.room.member', sender, stateKey: target, content: { membership } }))

async function sendInvite({ a, host, room, bob }: World, invite: PduEvent, state?: JsonObject[]): Promise<void> {
  const path = `/_matrix/federation/v2/invite/${encodeURIComponent(room.roomId)}/${encodeURIComponent(invite.eventId)}`
  const { status } = await host.ask(a.name, 'PUT', path, {
    room_version: room.rules.version,
    event: { ...invite.pdu },
    invite_room_state: state ?? [...room.state.values()].map(({ pdu }) => ({ ...pdu })),
  })
  expect(status).toBe(200)
  expect(await heldBy(a, room, bob)).toBe('invite')
}

const heldBy = async (a: FederationServer, { roomId }: PuppetRoom, user: UserId) =>
  (await a.ops.rooms.membershipsOf(user)).get(roomId)?.membership

describe('an invite', () => {
  test('is not taken away by a late withdrawal of an older one, and is by its own', async () => {
    await using world = await makeWorld()
    const { a, host, room, owner, bob } = world
    await sendInvite(world, memberOf(host, room, owner, bob, 'invite'))
    const lateKick = memberOf(host, room, owner, bob, 'leave')
    const again = memberOf(host, room, owner, bob, 'invite')
    await sendInvite(world, again)

    const { body } = await host.sendPdus(a.name, 'late', [lateKick.pdu])
    expect(body.pdus).toMatchObject({ [lateKick.eventId]: { error: expect.stringContaining('is held') } })
    expect(await heldBy(a, room, bob)).toBe('invite')

    room.state.set(stateKeyOf('m.room.member', bob), again)
    const kick = memberOf(host, room, owner, bob, 'leave')
    await host.sendPdus(a.name, 'now', [kick.pdu])
    expect(await heldBy(a, room, bob)).toBe('leave')
    expect((await a.ops.rooms.readEvent(kick.eventId))?.pdu.content).toEqual({ membership: 'leave' })
  })

  test('is withdrawn also where the state that came with it says nothing of the room', async () => {
    await using world = await makeWorld()
    const { a, host, room, owner, bob } = world
    await sendInvite(world, memberOf(host, room, owner, bob, 'invite'), [])
    await host.sendPdus(a.name, 'now', [memberOf(host, room, owner, bob, 'leave').pdu])
    expect(await heldBy(a, room, bob)).toBe('leave')
  })

  test('is not ended by a server that has nothing to do with it', async () => {
    await using world = await makeWorld()
    const { a, host, evil, room, owner, bob } = world
    await sendInvite(world, memberOf(host, room, owner, bob, 'invite'))
    await evil.sendPdus(a.name, 'now', [memberOf(evil, room, evil.user('mallory'), bob, 'leave').pdu])
    expect(await heldBy(a, room, bob)).toBe('invite')
  })

  test('what is not as expected when its turn comes stays as it is', async () => {
    await using world = await makeWorld()
    const { a, host, room, owner, bob } = world
    const invite = memberOf(host, room, owner, bob, 'invite')
    const { roomId } = room
    // A withdrawal of what was held, judged before the invite came and written after it.
    const row = { roomId, membership: 'leave' as const, eventId: invite.eventId, sender: owner }
    const [, wasWritten] = await Promise.all([
      a.ops.setOutsideMembership(bob, { ...row, membership: 'invite' }),
      a.ops.setOutsideMembership(bob, row, { isExpected: (held) => held === undefined }),
    ])
    expect(wasWritten).toBe(false)
    expect(await heldBy(a, room, bob)).toBe('invite')
  })
})

describe('a knock', () => {
  /** The host takes the knock; @returns it */
  async function knock(world: World): Promise<PduEvent> {
    const { a, host, room, bob } = world
    host.answers.set('/_matrix/federation/v1/make_knock/', () => {
      const { pdu } = host.makeEvent(room, {
        type: 'm.room.member',
        sender: bob,
        stateKey: bob,
        content: { membership: 'knock' },
      })
      return { room_version: room.rules.version, event: { ...pdu } }
    })
    host.answers.set('/_matrix/federation/v1/send_knock/', () => ({
      knock_room_state: [...room.state.values()].map(({ pdu }) => ({ ...pdu })),
    }))
    await a.ops.knockRoom({ roomId: room.roomId, sender: bob, via: [host.name] })
    const held = (await a.ops.rooms.membershipsOf(bob)).get(room.roomId)!
    const event = {
      eventId: held.eventId,
      roomId: room.roomId,
      pdu: {},
    } as unknown as PduEvent
    room.state.set(stateKeyOf('m.room.member', bob), event)
    return event
  }

  test('is ended by the server that was knocked at, and by no other of the network', async () => {
    await using world = await makeWorld()
    const { a, host, evil, room, owner, bob } = world
    const event = await knock(world)

    const leave = memberOf(evil, room, evil.user('mallory'), bob, 'leave')
    const { body } = await evil.sendPdus(a.name, 'now', [leave.pdu])
    expect(body.pdus).toMatchObject({ [leave.eventId]: { error: expect.stringContaining('no server that is known') } })
    expect(await heldBy(a, room, bob)).toBe('knock')

    room.state.set(stateKeyOf('m.room.member', bob), event)
    await host.sendPdus(a.name, 'now', [memberOf(host, room, owner, bob, 'leave').pdu])
    expect(await heldBy(a, room, bob)).toBe('leave')
  })

  test('is ended by a server whose user set what the knocker was shown of the room', async () => {
    await using world = await makeWorld()
    const { a, host, evil, room, bob } = world
    const mod = evil.user('moderator')
    host.push(room, evil.makeEvent(room, { type: 'm.room.name', sender: mod, stateKey: '', content: { name: 'Hall' } }))
    await knock(world)
    await evil.sendPdus(a.name, 'now', [memberOf(evil, room, mod, bob, 'leave').pdu])
    expect(await heldBy(a, room, bob)).toBe('leave')
  })

  test('that was answered by an invite before the other server had answered stays an invite', async () => {
    await using world = await makeWorld()
    const { a, host, room, owner, bob } = world
    host.answers.set('/_matrix/federation/v1/make_knock/', () => {
      const { pdu } = host.makeEvent(room, {
        type: 'm.room.member',
        sender: bob,
        stateKey: bob,
        content: { membership: 'knock' },
      })
      return { room_version: room.rules.version, event: { ...pdu } }
    })
    host.answers.set('/_matrix/federation/v1/send_knock/', async () => {
      await sendInvite(world, memberOf(host, room, owner, bob, 'invite'))
      return { knock_room_state: [] }
    })
    await a.ops.knockRoom({ roomId: room.roomId, sender: bob, via: [host.name] })
    expect(await heldBy(a, room, bob)).toBe('invite')
  })
})
