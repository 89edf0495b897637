/** What an incoming event stands on and this server lacks: who is asked for it, and what becomes of the event. */
import { describe, expect, test, vi } from 'vitest'
import type { JsonObject, PduEvent } from '../../../server/events/pdu.js'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import { startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import {
  type Handler,
  PuppetRefusal,
  type PuppetRoom,
  type PuppetServer,
  startPuppet,
} from '../../support/puppet-server.js'

const patient = { timeout: 12_000, interval: 50 }
const text = (body: string): JsonObject => ({ msgtype: 'm.text', body })

type World = AsyncDisposable & {
  a: FederationServer
  peer: PuppetServer
  other: PuppetServer
  room: PuppetRoom
  roomId: RoomId
  say(body: string): PduEvent
}

/** A Hearth with a public room in which two more servers are; all events are of the first, `peer`. */
async function makeWorld(): Promise<World> {
  const federated = await startFederation(1)
  const [a] = federated.servers as [FederationServer]
  const peer = await startPuppet('peer.test', federated.ca, federated.ports)
  const other = await startPuppet('other.test', federated.ca, federated.ports)
  const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat', roomVersion: '11' })
  await other.join(a.name, roomId, other.user('otto'))
  const room = await peer.join(a.name, roomId, peer.user('zoe'))
  return {
    ...{ a, peer, other, room, roomId },
    say: (body) =>
      peer.push(room, peer.makeEvent(room, { type: 'm.room.message', sender: peer.user('zoe'), content: text(body) })),
    async [Symbol.asyncDispose]() {
      await peer[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
      await federated[Symbol.asyncDispose]()
    },
  }
}

const paths = {
  gap: '/_matrix/federation/v1/get_missing_events/',
  stateIds: '/_matrix/federation/v1/state_ids/',
  eventAuth: '/_matrix/federation/v1/event_auth/',
}
const gapOf =
  (...events: PduEvent[]): Handler =>
  () => ({ events: events.map(({ pdu }) => pdu) })
const stateOf = (room: PuppetRoom): Handler => {
  const ids = [...room.state.values()].map(({ eventId }) => eventId)
  return () => ({ pdu_ids: ids, auth_chain_ids: ids })
}
const refusing =
  (status: number): Handler =>
  () => {
    throw new PuppetRefusal(status)
  }

describe('what is missing', () => {
  test('is asked of the next server where the sender does not have it', async () => {
    await using world = await makeWorld()
    const { a, peer, other, roomId, say } = world
    const [missed, last] = [say('missed'), say('last')]
    peer.answers.set(paths.gap, refusing(404))
    other.answers.set(paths.gap, gapOf(missed))

    const { body } = await peer.sendPdus(a.name, 't1', [last.pdu])

    expect(body.pdus).toEqual({ [last.eventId]: {} })
    expect(await a.messages(roomId)).toEqual(['missed', 'last'])
  })

  test('is the state before the event where no server tells the gap, asked of the next server as well', async () => {
    await using world = await makeWorld()
    const { a, peer, other, roomId, room, say } = world
    const [, last] = [say('lost'), say('last')]
    for (const path of [paths.gap, paths.stateIds]) peer.answers.set(path, refusing(404))
    other.answers.set(paths.stateIds, stateOf(room))

    const { body } = await peer.sendPdus(a.name, 't1', [last.pdu])

    expect(body.pdus).toEqual({ [last.eventId]: {} })
    expect(await a.messages(roomId)).toEqual(['last'])
  })

  test('may come later: an event that was acknowledged is taken in once the servers answer again', async () => {
    await using world = await makeWorld()
    const { a, peer, other, roomId, room, say } = world
    const [, last] = [say('lost'), say('last')]
    for (const path of [paths.gap, paths.stateIds])
      for (const server of [peer, other]) server.answers.set(path, refusing(500))

    const { status, body } = await peer.sendPdus(a.name, 't1', [last.pdu])
    expect([status, body.pdus]).toEqual([200, { [last.eventId]: {} }])
    expect(await a.messages(roomId)).toEqual([])
    const unanswered = 'SELECT VALUE txn_id FROM federation_inbox WHERE answer = NONE'
    expect(await a.db.query(unanswered)).toEqual([['t1']]) // a restart would take it up

    other.answers.set(paths.stateIds, stateOf(room))
    other.answers.set(paths.gap, gapOf())
    await other.sendPdus(a.name, 'hello', []) // whoever shows itself is asked again

    await vi.waitFor(async () => expect(await a.messages(roomId)).toEqual(['last']), patient)
    await vi.waitFor(async () => expect(await a.db.query(unanswered)).toEqual([[]]), patient)
  })

  test('is the gap before the auth events, which may lie in it', async () => {
    await using world = await makeWorld()
    const { a, peer, roomId, room, say } = world
    const zoe = peer.user('zoe')
    const content = { membership: 'join', displayname: 'Zoe the second' }
    const renamed = peer.push(
      room,
      peer.makeEvent(room, { type: 'm.room.member', sender: zoe, stateKey: zoe, content }),
    )
    const last = say('under a new name')
    peer.answers.set(paths.gap, gapOf(renamed))
    peer.answers.set(paths.eventAuth, refusing(404))

    const { body } = await peer.sendPdus(a.name, 't1', [last.pdu])

    expect(body.pdus).toEqual({ [last.eventId]: {} })
    expect(await a.messages(roomId)).toEqual(['under a new name'])
    expect((await a.ops.rooms.readEvent(renamed.eventId))?.status).toBe('accepted')
  })

  test('may be rejected: what stands on a rejected auth event in the gap is rejected too', async () => {
    await using world = await makeWorld()
    const { a, peer, roomId, room } = world
    const zoe = peer.user('zoe')
    const seizure = peer.makeEvent(room, {
      type: 'm.room.power_levels',
      sender: zoe,
      stateKey: '',
      content: { users: { [zoe]: 100 } },
    })
    peer.push(room, seizure)
    const topic = peer.makeEvent(room, { type: 'm.room.topic', sender: zoe, stateKey: '', content: { topic: 'mine' } })
    peer.answers.set(paths.gap, gapOf(seizure))

    const { body } = await peer.sendPdus(a.name, 't1', [topic.pdu])

    expect(body.pdus).toMatchObject({ [topic.eventId]: { error: expect.any(String) } })
    expect((await a.ops.rooms.readEvent(seizure.eventId))?.status).toBe('rejected')
    expect((await a.ops.rooms.readEvent(topic.eventId))?.status).toBe('rejected')
    expect([...(await a.ops.rooms.get(roomId))!.state.values()].some(({ pdu }) => pdu.content.topic)).toBe(false)
  })

  test('may be an event that nobody can take: those after it are taken all the same', async () => {
    await using world = await makeWorld()
    const { a, peer, roomId, room, say } = world
    const before = say('before')
    const tooLarge = say('x'.repeat(70_000))
    const [after, last] = [say('after'), say('last')]
    peer.answers.set(paths.gap, gapOf(before, tooLarge, after))
    peer.answers.set(paths.stateIds, stateOf(room))

    const { body } = await peer.sendPdus(a.name, 't1', [last.pdu])

    expect(body.pdus).toEqual({ [last.eventId]: {} })
    expect(await a.messages(roomId)).toEqual(['before', 'after', 'last'])
  })
})
