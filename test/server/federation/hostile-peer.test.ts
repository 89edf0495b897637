/**
 * What a server that lies can do to us: nothing is stored of it, it is named in the log by IDs alone, and the
 * room goes on.
 */
import { Writable } from 'node:stream'
import pino from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { type JsonObject, stateKeyOf } from '../../../server/events/pdu.js'
import { hashAndSignPdu, signingKeyFromSeed } from '../../../server/events/signatures.js'
import type { EventId, RoomId } from '../../../server/kernel/identifiers.js'
import { type Federated, startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import { type PuppetRoom, type PuppetServer, startPuppet } from '../../support/puppet-server.js'
import { heldIds } from '../../support/views.js'

const patient = { timeout: 10_000, interval: 20 }
const text = (body: string): JsonObject => ({ msgtype: 'm.text', body })

type World = AsyncDisposable & {
  a: FederationServer
  evil: PuppetServer
  roomId: RoomId
  room: PuppetRoom
  log: string[]
}

/** A Hearth with a public room, and a puppet server whose user mallory has joined it. */
async function makeWorld(roomVersion = '12'): Promise<World> {
  const log: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk))
      done()
    },
  })
  const federated: Federated = await startFederation(1, { logger: pino({ level: 'info' }, sink) })
  const [a] = federated.servers as [FederationServer]
  const evil = await startPuppet('evil.test', federated.ca, federated.ports)
  const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat', roomVersion })
  const room = await evil.join(a.name, roomId, evil.user('mallory'))
  return {
    ...{ a, evil, roomId, room, log },
    async [Symbol.asyncDispose]() {
      await evil[Symbol.asyncDispose]()
      await federated[Symbol.asyncDispose]()
    },
  }
}

const isStored = async ({ a }: World, eventId: EventId) => (await a.ops.rooms.readEvent(eventId)) !== undefined

/** The server still takes good events of the same peer and sends its own. */
async function expectGoesOn({ a, evil, roomId, room }: World): Promise<void> {
  const good = evil.makeEvent(room, { type: 'm.room.message', sender: evil.user('mallory'), content: text('good') })
  const answer = await evil.sendPdus(a.name, `good${Math.random()}`, [good.pdu])
  expect(answer).toEqual({ status: 200, body: { pdus: { [good.eventId]: {} } } })
  await a.sendText(roomId, a.user('alice'), 'still here')
  expect((await a.messages(roomId)).slice(-2)).toEqual(['good', 'still here'])
}

describe('PDUs', () => {
  test('a forged signature is refused', async () => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    const unsigned = evil.makeEvent(room, {
      type: 'm.room.message',
      sender: evil.user('mallory'),
      content: text('forged'),
    })
    const stolen = signingKeyFromSeed(new Uint8Array(32).fill(99), evil.key.keyId)
    const forged = { ...hashAndSignPdu(unsigned.pdu, room.rules, evil.name, stolen) }
    const resigned = { ...forged, signatures: { [evil.name]: forged.signatures[evil.name] } }
    const { status, body } = await evil.sendPdus(a.name, 't1', [resigned])
    expect(status).toBe(200)
    expect(body.pdus).toMatchObject({ [unsigned.eventId]: { error: expect.stringContaining('signature') } })
    expect(await isStored(world, unsigned.eventId)).toBe(false)
    expect(world.log.join('')).toContain(unsigned.eventId)
    expect(world.log.join('')).not.toContain('forged"')
    await expectGoesOn(world)
  })

  test("an event in another server's name is refused", async () => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    const event = evil.makeEvent(room, { type: 'm.room.message', sender: a.user('alice'), content: text('I am alice') })
    const { body } = await evil.sendPdus(a.name, 't1', [event.pdu])
    expect(body.pdus).toMatchObject({ [event.eventId]: { error: expect.any(String) } })
    expect(await isStored(world, event.eventId)).toBe(false)
    await expectGoesOn(world)
  })

  test('an event without the right hash is kept redacted, its content never', async () => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    const event = evil.makeEvent(room, {
      type: 'm.room.message',
      sender: evil.user('mallory'),
      content: text('honest'),
    })
    const tampered = { ...event.pdu, content: text('tampered') }
    const { body } = await evil.sendPdus(a.name, 't1', [tampered])
    expect(body.pdus).toEqual({ [event.eventId]: {} })
    const stored = await a.ops.rooms.readEvent(event.eventId)
    expect(stored?.pdu.content).toEqual({})
    const [pdus] = await a.db.query<[string[]]>('SELECT VALUE pdu FROM timeline, event WHERE pdu != NONE')
    expect(pdus.length).toBeGreaterThan(1)
    expect(pdus.filter((pdu) => pdu.includes('tampered'))).toEqual([])
  })

  test('an event against the auth rules is rejected and changes nothing', async () => {
    await using world = await makeWorld()
    const { a, evil, room, roomId } = world
    const mallory = evil.user('mallory')
    const seizure = evil.makeEvent(room, {
      type: 'm.room.power_levels',
      sender: mallory,
      stateKey: '',
      content: { users: { [mallory]: 100 } },
    })
    const before = (await a.ops.rooms.get(roomId))!.node
    const { body } = await evil.sendPdus(a.name, 't1', [seizure.pdu])
    expect(body.pdus).toMatchObject({ [seizure.eventId]: { error: expect.any(String) } })
    expect((await a.ops.rooms.readEvent(seizure.eventId))?.status).toBe('rejected')
    expect((await a.ops.rooms.get(roomId))!.node).toBe(before)
    expect((await a.ops.rooms.get(roomId))!.extremities.map(({ eventId }) => eventId)).not.toContain(seizure.eventId)
    await expectGoesOn(world)
  })

  test('auth events chosen to be allowed by are not the ones that count', async () => {
    await using world = await makeWorld()
    const { a, evil, room, roomId } = world
    const mallory = evil.user('mallory')
    await a.ops.kickUser({ roomId, sender: a.user('alice'), target: mallory })
    const late = evil.makeEvent(room, { type: 'm.room.message', sender: mallory, content: text('after the kick') })
    await evil.sendPdus(a.name, 't1', [late.pdu])
    expect((await a.ops.rooms.readEvent(late.eventId))?.status).toBe('soft_failed')
    expect(await a.messages(roomId)).toEqual([])
  })

  test.each<[string, (event: JsonObject) => unknown]>([
    ['no object', () => 'x'],
    ['null', () => null],
    ['no type', ({ type: _t, ...rest }) => rest],
    ['a number too large', (event) => ({ ...event, content: { n: 2 ** 60 } })],
    ['a fraction', (event) => ({ ...event, content: { n: 0.5 } })],
    ['twenty-one prev events', (event) => ({ ...event, prev_events: Array(21).fill('$x') })],
    ['content over 64 KiB', (event) => ({ ...event, content: { body: 'x'.repeat(70_000) } })],
    ['a negative depth', (event) => ({ ...event, depth: -1 })],
    ['no signatures', ({ signatures: _s, ...rest }) => rest],
  ])('%s is dropped, the others of the transaction are not', async (_what, spoil) => {
    await using world = await makeWorld()
    const { a, evil, room, roomId } = world
    const mallory = evil.user('mallory')
    const good = evil.makeEvent(room, { type: 'm.room.message', sender: mallory, content: text('good') })
    const bad = evil.makeEvent(room, { type: 'm.room.message', sender: mallory, content: text('bad') })
    const { status } = await evil.sendPdus(a.name, 't1', [spoil({ ...bad.pdu }), good.pdu])
    expect(status).toBe(200)
    expect(await a.messages(roomId)).toEqual(['good'])
    expect(await isStored(world, bad.eventId)).toBe(false)
  })

  test('events of rooms that we are not in are dropped', async () => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    const elsewhere = { ...room, roomId: `!${'x'.repeat(43)}` as RoomId }
    const event = evil.makeEvent(elsewhere, {
      type: 'm.room.message',
      sender: evil.user('mallory'),
      content: text('x'),
    })
    expect(await evil.sendPdus(a.name, 't1', [event.pdu])).toMatchObject({ status: 200 })
    expect(await isStored(world, event.eventId)).toBe(false)
  })
})

describe('transactions', () => {
  test('a repeated one gets its first answer and does nothing', async () => {
    await using world = await makeWorld()
    const { a, evil, room, roomId } = world
    const event = evil.makeEvent(room, { type: 'm.room.message', sender: evil.user('mallory'), content: text('once') })
    const first = await evil.sendPdus(a.name, 't1', [event.pdu])
    const again = await Promise.all([evil.sendPdus(a.name, 't1', []), evil.sendPdus(a.name, 't1', [event.pdu])])
    expect(again).toEqual([first, first])
    expect(await a.messages(roomId)).toEqual(['once'])
  })

  test('it is kept under the name that the engine knows the origin by', async () => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    const event = evil.makeEvent(room, { type: 'm.room.message', sender: evil.user('mallory'), content: text('x') })
    await evil.sendPdus(a.name, 't1', [event.pdu])
    const [rows] = await a.db.query<[{ origin: string; txn_id: string }[]]>(
      'SELECT origin, txn_id, answer FROM federation_inbox',
    )
    expect(rows).toMatchObject([{ origin: 'evil.test', txn_id: 't1', answer: expect.any(String) }])
  })

  test('fifty-one PDUs, ten megabytes, JSON 2,000 deep, and no JSON are refused before anything is kept', async () => {
    await using world = await makeWorld()
    const { a, evil } = world
    const uri = '/_matrix/federation/v1/send/t1'
    expect(await evil.sendPdus(a.name, 't1', Array(51).fill({}))).toMatchObject({ status: 400 })
    expect(await evil.sendPdus(a.name, 't1', [], Array(101).fill({}))).toMatchObject({ status: 400 })
    const big = { pdus: [{ x: 'x'.repeat(10 * 1024 * 1024) }] }
    const refused = await evil.ask(a.name, 'PUT', uri, big).catch((error: { code: string }) => error)
    // The connection may be gone before all of it is sent.
    expect([{ status: 413, errcode: 'M_TOO_LARGE' }, 'cut']).toContainEqual(
      'status' in refused ? { status: refused.status, errcode: refused.body.errcode } : 'cut',
    )
    const deep = `{"pdus":${'['.repeat(2000)}${']'.repeat(2000)}}`
    expect(await evil.ask(a.name, 'PUT', uri, {}, { rawBody: deep })).toMatchObject({
      status: 400,
      body: { errcode: 'M_BAD_JSON' },
    })
    expect(await evil.ask(a.name, 'PUT', uri, {}, { rawBody: '{' })).toMatchObject({
      status: 400,
      body: { errcode: 'M_NOT_JSON' },
    })
    const [rows] = await a.db.query<[unknown[]]>('SELECT * FROM federation_inbox')
    expect(rows).toEqual([])
    await expectGoesOn(world)
  })

  test('an unsigned one, and one for another server, are 401', async () => {
    await using world = await makeWorld()
    const { a, evil } = world
    const uri = '/_matrix/federation/v1/send/t1'
    for (const authorization of ['', 'X-Matrix origin="evil.test",destination="a.test",key="ed25519:p",sig="AAAA"'])
      expect(await evil.ask(a.name, 'PUT', uri, {}, { authorization })).toMatchObject({ status: 401 })
  })

  test('what was received before a crash is worked off after it', async () => {
    await using world = await makeWorld()
    const { a, evil, room, roomId } = world
    const event = evil.makeEvent(room, {
      type: 'm.room.message',
      sender: evil.user('mallory'),
      content: text('survivor'),
    })
    const row = {
      id: 'x',
      origin: 'evil.test',
      txn_id: 't9',
      received_at: 1,
      body: JSON.stringify({ pdus: [event.pdu], edus: [] }),
    }
    await a.db.query(
      "INSERT INTO federation_inbox { id: ['evil.test', 't9'], origin: $row.origin, txn_id: $row.txn_id, received_at: 1, body: $row.body }",
      { row },
    )
    await a.federation.start()
    await vi.waitFor(async () => expect(await a.messages(roomId)).toEqual(['survivor']), patient)
    expect(await evil.sendPdus(a.name, 't9', [])).toEqual({ status: 200, body: { pdus: { [event.eventId]: {} } } })
  })
})

describe('missing events', () => {
  test('a gap is fetched and filled in order', async () => {
    await using world = await makeWorld()
    const { a, evil, room, roomId } = world
    const mallory = evil.user('mallory')
    const chain = Array.from({ length: 15 }, (_, i) =>
      evil.push(room, evil.makeEvent(room, { type: 'm.room.message', sender: mallory, content: text(`g${i}`) })),
    )
    evil.answers.set('/_matrix/federation/v1/get_missing_events/', () => ({
      events: chain.slice(0, -1).map(({ pdu }) => pdu),
    }))
    const last = chain.at(-1)!
    expect(await evil.sendPdus(a.name, 't1', [last.pdu])).toMatchObject({ body: { pdus: { [last.eventId]: {} } } })
    expect(await a.messages(roomId)).toEqual(chain.map((_, i) => `g${i}`))
  })

  test('a gap too large is bridged by the state before the event', async () => {
    await using world = await makeWorld()
    const { a, evil, room, roomId } = world
    const mallory = evil.user('mallory')
    const lost = evil.push(
      room,
      evil.makeEvent(room, { type: 'm.room.message', sender: mallory, content: text('lost') }),
    )
    const state = [...room.state.values()]
    evil.answers.set('/_matrix/federation/v1/get_missing_events/', () => ({ events: [] }))
    evil.answers.set('/_matrix/federation/v1/state_ids/', () => ({
      pdu_ids: state.map(({ eventId }) => eventId),
      auth_chain_ids: state.map(({ eventId }) => eventId),
    }))
    const event = evil.makeEvent(room, { type: 'm.room.message', sender: mallory, content: text('after the gap') })
    expect(await evil.sendPdus(a.name, 't1', [event.pdu])).toMatchObject({ body: { pdus: { [event.eventId]: {} } } })
    expect(await a.messages(roomId)).toEqual(['after the gap'])
    expect(await isStored(world, lost.eventId)).toBe(false)
  })

  test.each<[string, JsonObject]>([
    ['nothing', { events: [] }],
    ['rubbish', { events: [1, null, 'x', {}, { type: 'm.room.message' }] }],
    ['no list', { events: 'x' }],
  ])('a peer that answers with %s costs its own event only', async (_what, answer) => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    evil.answers.set('/_matrix/federation/v1/get_missing_events/', () => answer)
    const prevEvents = ['$doesnotexist_____________________________0123']
    const event = evil.makeEvent(room, {
      type: 'm.room.message',
      sender: evil.user('mallory'),
      content: text('x'),
      prevEvents,
    })
    const { body } = await evil.sendPdus(a.name, 't1', [event.pdu])
    expect(body.pdus).toMatchObject({ [event.eventId]: { error: expect.any(String) } })
    expect(await isStored(world, event.eventId)).toBe(false)
    await expectGoesOn(world)
  })

  test('a peer that invents ever more missing events is asked a few times, then no more', async () => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    const mallory = evil.user('mallory')
    let made = 0
    const bottomless = () =>
      evil.makeEvent(room, {
        type: 'm.room.message',
        sender: mallory,
        content: text(`d${made}`),
        prevEvents: [`$${String(made++).padStart(43, '0')}`],
      })
    evil.answers.set('/_matrix/federation/v1/get_missing_events/', () => ({
      events: Array.from({ length: 20 }, () => bottomless().pdu),
    }))
    const event = bottomless()
    await evil.sendPdus(a.name, 't1', [event.pdu])
    const questions = evil.asked.filter((path) => path.includes('/get_missing_events/') || path.includes('/state'))
    expect(questions.length).toBeLessThan(20)
    await expectGoesOn(world)
  })

  test('a room whose peer hangs does not hold up another room', { timeout: 40_000 }, async () => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    const mallory = evil.user('mallory')
    let letGo = () => {}
    const hanging = new Promise<void>((resolve) => {
      letGo = resolve
    })
    evil.answers.set('/_matrix/federation/v1/get_missing_events/', async () => {
      await hanging
      return { events: [] }
    })
    const other = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat' })
    const otherRoom = await evil.join(a.name, other, mallory)
    const stuck = evil.makeEvent(room, {
      type: 'm.room.message',
      sender: mallory,
      content: text('x'),
      prevEvents: ['$gone______________________________________0123'],
    })
    const good = evil.makeEvent(otherRoom, { type: 'm.room.message', sender: mallory, content: text('elsewhere') })
    const sending = evil.sendPdus(a.name, 't1', [stuck.pdu, good.pdu])
    await vi.waitFor(async () => expect(await a.messages(other)).toEqual(['elsewhere']), patient)
    letGo()
    expect((await sending).status).toBe(200)
  })
})

describe('closing', () => {
  test('waits for no peer that hangs, and leaves what was not finished for the next start', async () => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    evil.answers.set('/_matrix/federation/v1/get_missing_events/', () => new Promise<JsonObject>(() => {}))
    const prevEvents = ['$gone______________________________________0123']
    const sender = evil.user('mallory')
    const stuck = evil.makeEvent(room, { type: 'm.room.message', sender, content: text('x'), prevEvents })
    const sending = evil.sendPdus(a.name, 't1', [stuck.pdu])
    await vi.waitFor(() => expect(evil.asked.some((path) => path.includes('get_missing_events'))).toBe(true), patient)
    const startedAt = performance.now()
    await a.federation.close()
    expect(performance.now() - startedAt).toBeLessThan(2000)
    await sending
    const [rows] = await a.db.query<[{ answer?: string }[]]>('SELECT answer, txn_id FROM federation_inbox')
    expect(rows).toMatchObject([{ txn_id: 't1' }])
    expect(rows[0]!.answer).toBeUndefined()
  })
})

describe('a single event that is handed in', () => {
  test('unsigned: 403; with a number that is none in this version: 400 M_BAD_JSON', async () => {
    await using world = await makeWorld()
    const { a, evil, room } = world
    const mallory = evil.user('mallory')
    const invite = (members: JsonObject) => {
      const draft = {
        type: 'm.room.member',
        sender: mallory,
        stateKey: a.user('bob'),
        content: { membership: 'invite' },
      }
      const { eventId, pdu } = evil.makeEvent({ ...room, roomId: '!other:evil.test' as RoomId }, draft)
      const path = `/_matrix/federation/v2/invite/${encodeURIComponent('!other:evil.test')}/${encodeURIComponent(eventId)}`
      const event = { ...pdu, ...members }
      return evil.ask(a.name, 'PUT', path, { room_version: '11', event, invite_room_state: [] })
    }
    expect(await invite({ signatures: {} })).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    const content = { membership: 'invite', half: 0.5 }
    expect(await invite({ content })).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  })
})

describe('what servers may ask', () => {
  test('a server that is not in the room gets 403 for everything of it', async () => {
    await using world = await makeWorld()
    const { a, evil } = world
    const secret = await a.ops.createRoom({ creator: a.user('alice'), preset: 'private_chat' })
    const eventId = (await a.ops.rooms.get(secret))!.extremities[0]!.eventId
    const [r, e] = [encodeURIComponent(secret), encodeURIComponent(eventId)]
    const v1 = '/_matrix/federation/v1'
    for (const uri of [
      `${v1}/event/${e}`,
      `${v1}/state/${r}?event_id=${e}`,
      `${v1}/state_ids/${r}?event_id=${e}`,
      `${v1}/event_auth/${r}/${e}`,
      `${v1}/backfill/${r}?v=${e}&limit=10`,
      `${v1}/timestamp_to_event/${r}?ts=0&dir=f`,
      `${v1}/make_join/${r}/${encodeURIComponent(evil.user('mallory'))}?ver=12`,
      `${v1}/make_knock/${r}/${encodeURIComponent(evil.user('mallory'))}?ver=12`,
    ])
      expect((await evil.ask(a.name, 'GET', uri)).status, uri).toBe(403)
    const gap = { earliest_events: [], latest_events: [eventId], limit: 10 }
    expect((await evil.ask(a.name, 'POST', `${v1}/get_missing_events/${r}`, gap)).status).toBe(403)
  })

  test('a server in the room reads its history, state and auth chain', async () => {
    await using world = await makeWorld()
    const { a, evil, roomId } = world
    const eventId = (await a.sendText(roomId, a.user('alice'), 'hello')) as EventId
    const [r, e] = [encodeURIComponent(roomId), encodeURIComponent(eventId)]
    const v1 = '/_matrix/federation/v1'
    const get = async (uri: string) => (await evil.ask(a.name, 'GET', uri)).body
    expect((await get(`${v1}/event/${e}`)).pdus).toMatchObject([{ content: text('hello') }])
    const { pdu_ids: ids, auth_chain_ids: chain } = await get(`${v1}/state_ids/${r}?event_id=${e}`)
    const { pdus } = await get(`${v1}/state/${r}?event_id=${e}`)
    const state = await heldIds(a.ops.rooms, (await a.ops.rooms.get(roomId))!)
    expect(new Set(ids as string[])).toEqual(new Set(state.values()))
    expect((pdus as unknown[]).length).toBe(state.size)
    expect((chain as unknown[]).length).toBeGreaterThan(2)
    const auth = (await get(`${v1}/event_auth/${r}/${e}`)).auth_chain as JsonObject[]
    expect(auth.map(({ type }) => type).sort()).toEqual(['m.room.member', 'm.room.power_levels'])
    const page = (await get(`${v1}/backfill/${r}?v=${e}&limit=3`)).pdus as JsonObject[]
    expect(page.map(({ type }) => type)).toEqual(['m.room.message', 'm.room.member', expect.any(String)])
    expect(await get(`${v1}/timestamp_to_event/${r}?ts=${Date.now()}&dir=b`)).toMatchObject({ event_id: eventId })
  })

  test('what was said before a server came in, in a room of visibility "joined", reaches it redacted', async () => {
    await using world = await makeWorld()
    const { a, evil } = world
    const initialState = [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }]
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat', initialState })
    const before = await a.sendText(roomId, a.user('alice'), 'among us')
    await evil.join(a.name, roomId, evil.user('mallory'))
    const after = await a.sendText(roomId, a.user('alice'), 'to all')
    const v1 = '/_matrix/federation/v1'
    const read = async (eventId: string) =>
      (await evil.ask(a.name, 'GET', `${v1}/event/${encodeURIComponent(eventId)}`)).body.pdus
    expect(await read(before)).toMatchObject([{ content: {} }])
    expect(JSON.stringify(await read(before))).not.toContain('among us')
    expect(await read(after)).toMatchObject([{ content: text('to all') }])
  })

  test('a server ACL shuts a server out: requests, PDUs and typing', async () => {
    await using world = await makeWorld()
    const { a, evil, room, roomId } = world
    const alice = a.user('alice')
    await a.ops.sendEvent(roomId, {
      type: 'm.room.server_acl',
      stateKey: '',
      sender: alice,
      content: { allow: ['*'], deny: ['evil.test'] },
    })
    const event = evil.makeEvent(room, { type: 'm.room.message', sender: evil.user('mallory'), content: text('x') })
    const typing = { edu_type: 'm.typing', content: { room_id: roomId, user_id: evil.user('mallory'), typing: true } }
    const { body } = await evil.sendPdus(a.name, 't1', [event.pdu], [typing])
    expect(body.pdus).toMatchObject({ [event.eventId]: { error: expect.stringContaining('excluded') } })
    expect(await isStored(world, event.eventId)).toBe(false)
    expect(a.heard.typing).toEqual([])
    const uri = `/_matrix/federation/v1/backfill/${encodeURIComponent(roomId)}?v=${encodeURIComponent(event.eventId)}&limit=1`
    expect((await evil.ask(a.name, 'GET', uri)).status).toBe(403)
  })

  test('joins in the name of somebody else, of another membership or changed on the way are refused', async () => {
    await using world = await makeWorld()
    const { a, evil, room, roomId } = world
    const trent = evil.user('trent')
    const put = (event: { eventId: string; pdu: object }) => {
      const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(event.eventId)}`
      return evil.ask(a.name, 'PUT', uri, { ...event.pdu })
    }
    const member = (sender: typeof trent, stateKey: string, membership: string) =>
      evil.makeEvent(room, { type: 'm.room.member', sender, stateKey, content: { membership } })
    const good = member(trent, trent, 'join')
    expect((await put(member(trent, evil.user('other'), 'join'))).status).toBe(400)
    expect((await put(member(trent, trent, 'leave'))).status).toBe(400)
    expect((await put(member(a.user('carol'), a.user('carol'), 'join'))).status).toBe(403)
    expect((await put({ eventId: '$wrong', pdu: good.pdu })).status).toBe(400)
    expect(
      (await put({ ...good, pdu: { ...good.pdu, content: { membership: 'join', displayname: 'x' } } })).status,
    ).toBe(400)
    expect(await a.membershipOf(roomId, trent)).toBeUndefined()
    expect((await put(good)).status).toBe(200)
    expect(await a.membershipOf(roomId, trent)).toBe('join')
  })
})

describe('a join through a lying server', () => {
  /** The puppet plays the resident server of its own room; `spoil` changes its answer to send_join. */
  async function joinThrough(spoil: (answer: { state: JsonObject[]; auth_chain: JsonObject[] }) => JsonObject) {
    const world = await makeWorld('11')
    const { a, evil, room, roomId } = world
    // A copy of a real room under another name would not verify: the puppet makes one of its own.
    const mallory = evil.user('mallory')
    const own: PuppetRoom = { roomId: '!lies:evil.test' as RoomId, rules: room.rules, state: new Map(), tips: [] }
    const add = (type: string, stateKey: string, content: JsonObject) =>
      evil.push(own, evil.makeEvent(own, { type, sender: mallory, stateKey, content }))
    add('m.room.create', '', { room_version: '11' })
    add('m.room.member', mallory, { membership: 'join' })
    add('m.room.power_levels', '', { users: { [mallory]: 100 } })
    add('m.room.join_rules', '', { join_rule: 'public' })
    const bob = a.user('bob')
    evil.answers.set('/_matrix/federation/v1/make_join/', () => {
      const template = evil.makeEvent(own, {
        type: 'm.room.member',
        sender: bob,
        stateKey: bob,
        content: { membership: 'join' },
      })
      return { event: { ...template.pdu }, room_version: '11' }
    })
    evil.answers.set('/_matrix/federation/v2/send_join/', ({ body }) => {
      const pdus = [...own.state.values()].map(({ pdu }) => ({ ...pdu }))
      return spoil({ origin: evil.name, state: pdus, auth_chain: pdus, event: body } as never)
    })
    const joining = a.ops.joinRoom({ roomId: own.roomId, sender: bob, via: [evil.name] })
    const outcome = await joining.then(
      () => 'joined',
      () => 'refused',
    )
    const room2 = await a.ops.rooms.get(own.roomId)
    const messagesStill = await a.sendText(roomId, a.user('alice'), 'still here').then(() => true)
    return { world, own, outcome, room: room2, messagesStill, add }
  }
  const create = (events: readonly JsonObject[]) => events.find(({ type }) => type === 'm.room.create')

  test('an honest answer is taken', async () => {
    const { world, outcome, room } = await joinThrough((answer) => answer)
    await using _ = world
    expect(outcome).toBe('joined')
    expect(room?.joinedCount).toBe(2)
  })

  test.each<[string, (answer: { state: JsonObject[]; auth_chain: JsonObject[] }) => JsonObject]>([
    ['no state', ({ auth_chain }) => ({ auth_chain })],
    [
      'no create event',
      ({ state, auth_chain, ...rest }) => ({
        ...rest,
        state: state.filter((e) => e !== create(state)),
        auth_chain: auth_chain.filter((e) => e !== create(auth_chain)),
      }),
    ],
    [
      'a create event of another version',
      ({ state, ...rest }) => ({
        ...rest,
        auth_chain: [],
        state: state.map((e) => (e === create(state) ? { ...e, content: { room_version: '10' } } : e)),
      }),
    ],
    [
      'join rules left out',
      ({ state, auth_chain }) => ({
        auth_chain: auth_chain.filter((e) => e.type !== 'm.room.join_rules'),
        state: state.filter((e) => e.type !== 'm.room.join_rules'),
      }),
    ],
    [
      'events without signatures',
      ({ state }) => ({ auth_chain: [], state: state.map((e) => ({ ...e, signatures: {} })) }),
    ],
    ['fifty thousand times rubbish', () => ({ auth_chain: [], state: Array(50_000).fill({ type: 'x' }) })],
  ])('%s: refused, nothing of the room is known, the server goes on', { timeout: 30_000 }, async (_what, spoil) => {
    const { world, outcome, room, messagesStill } = await joinThrough(spoil)
    await using _ = world
    expect(outcome).toBe('refused')
    expect(room).toBeUndefined()
    expect(messagesStill).toBe(true)
  })

  test('state that its auth events do not allow is left out of the room', async () => {
    const { world, outcome, room } = await joinThrough(({ state, auth_chain }) => {
      const joinRules = state.find(({ type }) => type === 'm.room.join_rules')!
      // A stray topic, signed by nobody who may: same sender server, but a user who never joined.
      return { state: [...state, { ...joinRules, type: 'm.room.topic', content: { topic: 'lie' } }], auth_chain }
    })
    await using _ = world
    expect(outcome).toBe('joined')
    expect(room?.state.has(stateKeyOf('m.room.topic', ''))).toBe(false)
  })
})
