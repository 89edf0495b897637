/** History that this server was not there for: told as a hole, and paged to from the servers that have it. */
import { describe, expect, test, vi } from 'vitest'
import { type JsonObject, type PduEvent, prevEventIds } from '../../../server/events/pdu.js'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import { startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import { startPuppet } from '../../support/puppet-server.js'
import { bodies, makeTestSyncing, only } from '../../support/syncing.js'

const patient = { timeout: 30_000, interval: 100 }
const text = (body: string): JsonObject => ({ msgtype: 'm.text', body })
const numbered = (count: number, name = 'm') => Array.from({ length: count }, (_, i) => `${name}${i}`)

/** What clients of the server read. */
const readingOf = ({ db, ops, federation }: FederationServer) =>
  makeTestSyncing(db, {
    rooms: ops.rooms,
    backfill: federation.remote.backfillRoom,
    queryEventByTime: federation.remote.queryEventByTime,
  })

type Device = ReturnType<Awaited<ReturnType<typeof readingOf>>['device']>

/** All messages, oldest first, as a client pages back to them. */
async function pageBack(device: Device, roomId: RoomId, limit: number, from?: string) {
  const seen: unknown[] = []
  let pages = 0
  for (let token = from; pages < 60; pages++) {
    const { chunk, end } = await device.messages(roomId, { limit, ...(token ? { from: token } : {}) })
    seen.push(...bodies(chunk))
    if (!end || end === token) break
    token = end
  }
  return { messages: seen.reverse(), pages }
}

async function sendAll(server: FederationServer, roomId: RoomId, sentBodies: string[]) {
  for (let start = 0; start < sentBodies.length; start += 50)
    await Promise.all(
      sentBodies.slice(start, start + 50).map((body) => server.sendText(roomId, server.user('alice'), body)),
    )
}

describe('what was said while a server was away', () => {
  test('more than its peers keep for it: all of it can be paged to, found by its time, and /sync says that there is a gap', {
    timeout: 120_000,
  }, async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat' })
    await b.ops.joinRoom({ roomId, sender: b.user('bob'), via: [a.name] })
    await a.sendText(roomId, a.user('alice'), 'before')
    await vi.waitFor(async () => expect(await b.messages(roomId)).toEqual(['before']), patient)
    const reading = await readingOf(b)
    const device = reading.device(b.user('bob'))
    const { next_batch: since } = await device.sync()

    await b.closeListener()
    const missed = numbered(1_100)
    await sendAll(a, roomId, missed)
    const order = await a.messages(roomId)
    await b.openListener()
    await b.sendText(roomId, b.user('bob'), 'back')
    await vi.waitFor(async () => expect(await b.messages(roomId)).toContain(order.at(-1)), patient)
    await vi.waitFor(async () => expect(await a.messages(roomId)).toContain('back'), patient)

    const { timeline } = only(await device.sync({ since }))
    expect(timeline.limited).toBe(true)
    const [one] = await a.ops.rooms.readTimeline(roomId, 700, 700)
    const ts = one!.pdu.origin_server_ts
    for (const direction of ['b', 'f'] as const) {
      const found = await reading.operations.readEventByTime({ userId: b.user('bob'), roomId, ts, direction })
      expect(found.pdu.origin_server_ts).toBe(ts)
      expect((await device.context(roomId, found.eventId)).event.event_id).toBe(found.eventId)
    }
    const { messages } = await pageBack(device, roomId, 100)
    expect(messages.filter((body) => body !== 'back')).toEqual(order.filter((body) => body !== 'back'))
    expect(messages).toContain('back')
  })

  test('by a server that tells of its newest event alone', { timeout: 60_000 }, async () => {
    await using federated = await startFederation(1)
    const [a] = federated.servers as [FederationServer]
    await using peer = await startPuppet('peer.test', federated.ca, federated.ports)
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat', roomVersion: '11' })
    const room = await peer.join(a.name, roomId, peer.user('zoe'))
    const device = (await readingOf(a)).device(a.user('alice'))
    const { next_batch: since } = await device.sync()
    const say = (body: string) =>
      peer.push(room, peer.makeEvent(room, { type: 'm.room.message', sender: peer.user('zoe'), content: text(body) }))
    const byId = new Map<string, PduEvent>()
    for (const body of numbered(300)) {
      const event = say(body)
      byId.set(event.eventId, event)
    }
    const last = say('newest')
    const back = (from: readonly string[], limit: number, stop: ReadonlySet<string>) => {
      const found: PduEvent[] = []
      for (let level: readonly string[] = from; level.length > 0 && found.length < limit; ) {
        const events = level.flatMap((id) => (stop.has(id) ? [] : (byId.get(id) ?? []))).slice(0, limit - found.length)
        found.push(...events)
        level = events.flatMap(({ pdu }) => prevEventIds(pdu))
      }
      return found.map(({ pdu }) => pdu)
    }
    peer.answers.set('/_matrix/federation/v1/get_missing_events/', ({ body }) => {
      const latest = body.latest_events as string[]
      const starts = latest.flatMap((id) => prevEventIds((id === last.eventId ? last : byId.get(id)!).pdu))
      return { events: back(starts, Number(body.limit), new Set(body.earliest_events as string[])).reverse() }
    })
    const stateIds = [...room.state.values()].map(({ eventId }) => eventId)
    peer.answers.set('/_matrix/federation/v1/state_ids/', () => ({ pdu_ids: stateIds, auth_chain_ids: stateIds }))
    peer.answers.set('/_matrix/federation/v1/backfill/', ({ query }) => ({
      pdus: back(query.getAll('v'), Number(query.get('limit')), new Set()),
    }))

    await peer.sendPdus(a.name, 't1', [last.pdu])

    const { timeline } = only(await device.sync({ since, filter: { room: { timeline: { limit: 200 } } } }))
    expect(bodies(timeline.events)).toEqual([...numbered(300).slice(-100), 'newest'])
    expect(timeline.limited).toBe(true)
    const { messages } = await pageBack(device, roomId, 50, timeline.prev_batch)
    expect(messages).toEqual(numbered(300).slice(0, 200))
  })
})

describe('a room that is joined', () => {
  test('has all of its past at once where so much is asked for', { timeout: 60_000 }, async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat' })
    await sendAll(a, roomId, numbered(300))
    const order = await a.messages(roomId)
    await b.ops.joinRoom({ roomId, sender: b.user('bob'), via: [a.name] })
    const device = (await readingOf(b)).device(b.user('bob'))

    const first = await device.messages(roomId, { limit: 200 })
    expect(first.chunk).toHaveLength(200)
    expect(first.end).toBeDefined()
    const { messages } = await pageBack(device, roomId, 200)
    expect(messages).toEqual(order)
    expect((await b.ops.rooms.get(roomId))!.historyComplete).toBe(true)
  })

  test.each([20, 120])(
    'again after an absence of %i messages has them between the leaving and the coming back',
    async (count) => {
      await using federated = await startFederation(2)
      const [a, b] = federated.servers as [FederationServer, FederationServer]
      const bob = b.user('bob')
      const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat' })
      await b.ops.joinRoom({ roomId, sender: bob, via: [a.name] })
      await b.sendText(roomId, bob, 'goodbye')
      await vi.waitFor(async () => expect(await a.messages(roomId)).toEqual(['goodbye']), patient)
      await b.ops.leaveRoom({ roomId, sender: bob })
      await vi.waitFor(async () => expect(await a.membershipOf(roomId, bob)).toBe('leave'), patient)
      await sendAll(a, roomId, numbered(count))
      const order = await a.messages(roomId)
      await b.ops.joinRoom({ roomId, sender: bob, via: [a.name] })
      await b.sendText(roomId, bob, 'back')
      const device = (await readingOf(b)).device(bob)

      const { timeline } = only(await device.sync())
      expect(bodies(timeline.events)).toEqual(['back'])
      expect(timeline.limited).toBe(true)
      const { messages } = await pageBack(device, roomId, 30)
      expect(messages).toEqual([...order, 'back'])
      const { chunk } = await device.messages(roomId, { limit: 500 })
      const own = chunk.filter(({ type, state_key }) => type === 'm.room.member' && state_key === bob)
      expect(own.map(({ content }) => content.membership)).toEqual(['join', 'leave', 'join'])
    },
  )

  test('again where nobody said anything has no hole', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const bob = b.user('bob')
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat' })
    await b.ops.joinRoom({ roomId, sender: bob, via: [a.name] })
    await b.ops.leaveRoom({ roomId, sender: bob })
    await vi.waitFor(async () => expect(await a.membershipOf(roomId, bob)).toBe('leave'), patient)
    await b.ops.joinRoom({ roomId, sender: bob, via: [a.name] })
    expect((await b.ops.rooms.get(roomId))!.segments).toHaveLength(1)
  })

  test('while its server is down keeps an end to go on from, and goes on at once when somebody asks again', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat' })
    await sendAll(a, roomId, numbered(5))
    const order = await a.messages(roomId)
    await b.ops.joinRoom({ roomId, sender: b.user('bob'), via: [a.name] })
    await a.closeListener()
    const device = (await readingOf(b)).device(b.user('bob'))
    const { chunk, end } = await device.messages(roomId, { limit: 20 })
    expect(bodies(chunk)).toEqual([])
    expect(end).toBeDefined()
    await a.openListener()
    const tooSoon = await device.messages(roomId, { limit: 20, from: end! })
    expect(bodies(tooSoon.chunk)).toEqual([])
    const again = async () =>
      bodies((await device.messages(roomId, { limit: 20, from: end!, isAskedAgain: true })).chunk).reverse()
    await expect.poll(again, { timeout: 15_000, interval: 500 }).toEqual(order)
  })

  test('is judged by the visibility that its past had, not by that of the day it was joined', async () => {
    await using federated = await startFederation(2)
    const [a, b] = federated.servers as [FederationServer, FederationServer]
    const [alice, bob] = [a.user('alice'), b.user('bob')]
    const setVisibility = (history_visibility: string) =>
      a.ops.sendEvent(roomId, {
        type: 'm.room.history_visibility',
        sender: alice,
        stateKey: '',
        content: { history_visibility },
      })
    const roomId = await a.ops.createRoom({ creator: alice, preset: 'public_chat' })
    await a.sendText(roomId, alice, 'shared')
    await setVisibility('joined')
    await sendAll(a, roomId, numbered(30, 'hidden'))
    await setVisibility('shared')
    await a.sendText(roomId, alice, 'shared again')
    await b.ops.joinRoom({ roomId, sender: bob, via: [a.name] })

    const { messages } = await pageBack((await readingOf(b)).device(bob), roomId, 10)

    expect(messages).toEqual(['shared', 'shared again'])
  })
})
