/** Servers that are older than we are, or say no: what a user of ours gets of it. */
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../../server/events/canonical-json.js'
import type { JsonObject, UnsignedPdu } from '../../../server/events/pdu.js'
import { roomVersionRules } from '../../../server/events/room-versions.js'
import { hashAndSignPdu, signingKeyFromSeed, signJson } from '../../../server/events/signatures.js'
import { parseRoomId } from '../../../server/kernel/identifiers.js'
import { parseSpelled } from '../../../server/kernel/spelled-numbers.js'
import { readEventRows } from '../../../server/store/event-store.js'
import { startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import { PuppetRefusal, type PuppetServer, startPuppet } from '../../support/puppet-server.js'
import { makeTestRooms } from '../../support/rooms.js'

async function makeWorld(): Promise<AsyncDisposable & { a: FederationServer; other: PuppetServer }> {
  const federated = await startFederation(1)
  const other = await startPuppet('other.test', federated.ca, federated.ports)
  return {
    a: federated.servers[0]!,
    other,
    async [Symbol.asyncDispose]() {
      await other[Symbol.asyncDispose]()
      await federated[Symbol.asyncDispose]()
    },
  }
}

test('a server that knows only the first form of invites is asked in that form', async () => {
  await using world = await makeWorld()
  const { a, other } = world
  const rules = roomVersionRules('1')!
  other.answers.set('/_matrix/federation/v1/invite/', ({ body }) => {
    const { unsigned: _state, ...pdu } = body
    const event = hashAndSignPdu(pdu as unknown as UnsignedPdu, rules, other.name, other.key)
    return [200, { event }] as unknown as JsonObject
  })
  const alice = a.user('alice')
  const roomId = await a.ops.createRoom({ creator: alice, preset: 'private_chat', roomVersion: '1' })
  await a.ops.inviteUser({ roomId, sender: alice, target: other.user('olga') })
  expect(await a.membershipOf(roomId, other.user('olga'))).toBe('invite')
  expect(other.asked.filter((path) => path.includes('/invite/'))).toHaveLength(2)
})

describe('what another server says to a join', () => {
  const roomId = parseRoomId('!room:other.test')!
  const join = async ({ a, other }: { a: FederationServer; other: PuppetServer }, refusal: PuppetRefusal) => {
    other.answers.set('/_matrix/federation/v1/make_join/', () => {
      throw refusal
    })
    const joining = a.ops.joinRoom({ roomId, sender: a.user('bob'), via: [other.name] })
    return joining.then(
      () => undefined,
      ({ status, errcode }) => ({ status, errcode }),
    )
  }

  test.each([
    [400, 'M_BAD_STATE'],
    [400, 'M_UNABLE_TO_GRANT_JOIN'],
    [403, 'M_FORBIDDEN'],
    [404, 'M_NOT_FOUND'],
    [413, 'M_TOO_LARGE'],
  ])('%i %s is passed on', async (status, errcode) => {
    await using world = await makeWorld()
    expect(await join(world, new PuppetRefusal(status, errcode))).toEqual({ status, errcode })
  })

  test.each([
    [401, 'M_UNKNOWN_TOKEN'],
    [401, 'M_FORBIDDEN'],
    [400, 'M_MISSING_TOKEN'],
    [400, 'ORG.EXAMPLE.ODD'],
    [500, 'M_UNKNOWN'],
  ])('%i %s is not: it speaks of the two servers, and could sign the user out', async (status, errcode) => {
    await using world = await makeWorld()
    expect(await join(world, new PuppetRefusal(status, errcode))).toEqual({ status: 502, errcode: 'M_UNKNOWN' })
  })
})

test('an event of an old room with numbers as only other languages write them is taken, and so is what comes with it', async () => {
  await using world = await makeWorld()
  const { a, other } = world
  const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat', roomVersion: '5' })
  const room = await other.join(a.name, roomId, other.user('olga'))
  const content = parseSpelled('{"body":"odd","level":1.0,"big":9007199254740993}') as JsonObject
  const odd = other.push(room, other.makeEvent(room, { type: 'm.room.message', sender: other.user('olga'), content }))
  const plain = { body: 'plain' }
  const next = other.push(
    room,
    other.makeEvent(room, { type: 'm.room.message', sender: other.user('olga'), content: plain }),
  )

  const { status, body } = await other.sendPdus(a.name, 'odd', [odd.pdu, next.pdu])

  expect([status, body.pdus]).toEqual([200, { [odd.eventId]: {}, [next.eventId]: {} }])
  await expect.poll(() => a.messages(roomId)).toEqual(['odd', 'plain'])
  const [row] = await readEventRows(a.db, [odd.eventId])
  expect(row?.pdu).toContain('"big":9007199254740993,"body":"odd","level":1.0')
})

test('such an event is passed on as it was signed: to a server that joins, and to one that fills in history', async () => {
  await using federated = await startFederation(2)
  const [a, b] = federated.servers as [FederationServer, FederationServer]
  await using other = await startPuppet('other.test', federated.ca, federated.ports)
  const olga = other.user('olga')
  const roomId = await a.ops.createRoom({
    ...{ creator: a.user('alice'), preset: 'public_chat' as const, roomVersion: '5' },
    powerLevelContentOverride: { events: { 'test.state': 0 } },
  })
  const room = await other.join(a.name, roomId, olga)
  const content = parseSpelled('{"body":"odd","level":1.0,"list":[9007199254740993]}') as JsonObject
  const odd = other.push(room, other.makeEvent(room, { type: 'm.room.message', sender: olga, content }))
  const state = other.push(room, other.makeEvent(room, { type: 'test.state', stateKey: '', sender: olga, content }))
  expect((await other.sendPdus(a.name, 'odd', [odd.pdu, state.pdu])).body.pdus).toEqual({
    [odd.eventId]: {},
    [state.eventId]: {},
  })

  await b.ops.joinRoom({ roomId, sender: b.user('bob'), via: [a.name] })
  const [segment] = (await b.ops.rooms.get(roomId))!.segments
  await b.federation.remote.backfillRoom(roomId, segment!.origin, 50)

  for (const { db } of [a, b]) {
    const { rooms } = await makeTestRooms(db) // which has read nothing yet
    for (const { eventId } of [odd, state]) {
      const event = await rooms.readEvent(eventId)
      expect(canonicalJson(event?.pdu, { strict: false })).toContain('"level":1.0,"list":[9007199254740993]')
    }
    const held = (await rooms.get(roomId))!.state.get('test.state\0')
    expect(canonicalJson(held?.pdu.content, { strict: false })).toContain('"level":1.0')
  }
})

describe('an invite to an address', () => {
  const identity = signingKeyFromSeed(new Uint8Array(32).fill(9), 'ed25519:0')
  const rules = roomVersionRules('11')!

  async function setUp() {
    const world = await makeWorld()
    const { a, other } = world
    other.answers.set('/_matrix/federation/v2/invite/', ({ body }) => ({
      event: { ...hashAndSignPdu(body.event as UnsignedPdu, rules, other.name, other.key) },
    }))
    const [alice, olga] = [a.user('alice'), other.user('olga')]
    const roomId = await a.ops.createRoom({ creator: alice, preset: 'private_chat', roomVersion: '11' })
    await a.ops.sendEvent(roomId, {
      ...{ type: 'm.room.third_party_invite', stateKey: 'token', sender: alice },
      content: { display_name: 'o...@example.org', public_key: identity.publicKeyBase64 },
    })
    const exchange = async (over: JsonObject = {}, key = identity, target = olga) => {
      const signed = signJson({ mxid: target, token: 'token', sender: alice }, 'id.example', key)
      const uri = `/_matrix/federation/v1/exchange_third_party_invite/${encodeURIComponent(roomId)}`
      const third_party_invite = { display_name: 'o...@example.org', signed }
      const { status } = await other.ask(a.name, 'PUT', uri, {
        ...{ type: 'm.room.member', room_id: roomId, sender: alice, state_key: target },
        content: { membership: 'invite', third_party_invite },
        ...over,
      })
      return status
    }
    return { ...world, alice, olga, roomId, exchange, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
  }

  test('becomes one to the user whose address it is, elsewhere and here', async () => {
    await using world = await setUp()
    const { a, alice, olga, roomId, exchange } = world
    expect(await exchange()).toBe(200)
    expect(await exchange({}, identity, a.user('carol'))).toBe(200)
    const room = (await a.ops.rooms.get(roomId))!
    for (const user of [olga, a.user('carol')]) {
      const { pdu } = (await a.ops.rooms.readMember(room, user))!
      expect([pdu.sender, pdu.content.membership]).toEqual([alice, 'invite'])
      expect(pdu.content.third_party_invite).toMatchObject({ display_name: 'o...@example.org', signed: { mxid: user } })
    }
  })

  test('becomes none where nobody vouches, nobody gave it, or it is for somebody else', async () => {
    await using world = await setUp()
    const { a, other, olga, roomId, exchange } = world
    expect(await exchange({}, signingKeyFromSeed(new Uint8Array(32).fill(8), 'ed25519:0'))).toBe(403)
    expect(await exchange({ sender: a.user('carol') })).toBe(403)
    expect(await exchange({ sender: other.user('x') })).toBe(400)
    expect(await exchange({ state_key: other.user('x') })).toBe(400)
    expect(await exchange({ room_id: '!other:a.test' })).toBe(400)
    expect(other.asked.filter((path) => path.includes('/invite/'))).toEqual([])
    expect(await a.membershipOf(roomId, olga)).toBeUndefined()
  })
})
