/**
 * Random requests that another server signed, at every operation of federation: whatever comes, no answer is a 5xx,
 * and rooms go on.
 */
import { Writable } from 'node:stream'
import pino from 'pino'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../../server/events/canonical-json.js'
import type { JsonObject } from '../../../server/events/pdu.js'
import { readOperations } from '../../conformance/operations.js'
import { startFederation } from '../../support/federation.js'
import { hostileRequests } from '../../support/hostile-requests.js'
import type { Plausible } from '../../support/hostile-values.js'
import { type Answer, startPuppet } from '../../support/puppet-server.js'
import { readEndpoints } from '../../support/spec-data.js'

const runs = Number(process.env.FUZZ_RUNS ?? 600)
const seed = Number(process.env.FUZZ_SEED ?? 1_719)

const routed = new Set(
  Object.values(readOperations().federation).flatMap((module) =>
    Object.entries(module).flatMap(([id, isThere]) => (isThere ? [id] : [])),
  ),
)
// Media is no JSON, and keys want devices, which the servers of this test have not: both have tests of their own.
const elsewhere = /\/media\/|\/user\/(keys|devices)\//
const endpoints = readEndpoints().filter(
  ({ id, path }) => id.startsWith('ss:') && routed.has(id.slice('ss:'.length)) && !elsewhere.test(path),
)

describe('random requests of another server', () => {
  test(`${runs} of them: never a 5xx, and the room goes on`, { timeout: 60_000 + runs * 40 }, async () => {
    const bugs: string[] = []
    const sink = new Writable({
      write(chunk, _encoding, done) {
        const { level, err } = JSON.parse(String(chunk)) as { level: number; err?: { stack: string } }
        if (level >= 50) bugs.push(err?.stack ?? String(chunk))
        done()
      },
    })
    await using federated = await startFederation(1, { logger: pino({ level: 'debug' }, sink) })
    const [a] = federated.servers
    if (!a) throw new Error('no server was started')
    await using peer = await startPuppet('evil.test', federated.ca, federated.ports)
    const [alice, mallory] = [a.user('alice'), peer.user('mallory')]
    const roomId = await a.ops.createRoom({ creator: alice, preset: 'public_chat' })
    const room = await peer.join(a.name, roomId, mallory)
    const good = peer.push(
      room,
      peer.makeEvent(room, { type: 'm.room.message', sender: mallory, content: { body: 'good' } }),
    )
    await peer.sendPdus(a.name, 'good', [good.pdu])
    const unsent = peer.makeEvent(room, { type: 'm.room.message', sender: mallory, content: { body: 'unsent' } })
    const events = [good.eventId, unsent.eventId, ...[...room.state.values()].map(({ eventId }) => eventId)]
    const users = [alice, mallory, peer.user('nobody')]
    const plausible: Plausible = {
      ...{ any: [roomId, good.eventId, ...users, 'm.room.message', 'm.read', 'push', 'typing', 'room_id', 'user_id'] },
      ...{ roomId: [roomId], room_id: [roomId], eventId: events, event_id: events, latest_events: events, v: events },
      ...{ earliest_events: events, userId: users, user_id: users, sender: users, state_key: [...users, ''] },
      ...{ origin: [peer.name], destination: [a.name], server: [a.name, peer.name], serverName: [peer.name] },
      ...{ type: ['m.room.member', 'm.room.message', 'm.room.power_levels'], membership: ['join', 'leave', 'invite'] },
      ...{ edu_type: ['m.typing', 'm.receipt', 'm.presence', 'm.device_list_update'], ver: ['12', '11'] },
      ...{ room_version: ['12', '11', '1'], queryType: ['profile', 'directory'], field: ['displayname', 'avatar_url'] },
    }
    const seen = new Map<number, number>()
    const faults: string[] = []

    for (const { endpoint, path, body, authorized } of hostileRequests(endpoints, plausible, runs, seed)) {
      bugs.length = 0
      const shown = `${endpoint.method} ${path.slice(0, 200)} ${String(body).slice(0, 300)}`
      const text = typeof body === 'string' ? body : undefined
      const content = text === undefined ? undefined : (JSON.parse(text) as JsonObject)
      const answer = await peer
        .ask(a.name, endpoint.method, path, content, {
          ...(content !== undefined && { rawBody: canonicalJson(content, { strict: false }) }), // null and false too
          ...(!authorized && { authorization: 'X-Matrix nonsense' }),
        })
        .catch((error: Error): Answer => ({ status: 0, body: { error: error.message } }))
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
      if (answer.status === 0 || answer.status >= 500)
        faults.push(`${answer.status} ${JSON.stringify(answer.body)}: ${shown}: ${bugs.join(' ')}`)
      else if (answer.status >= 400 && typeof answer.body.errcode !== 'string') faults.push(`no errcode: ${shown}`)
    }

    if (process.env.FUZZ_RUNS) console.log(Object.fromEntries(seen))
    expect(faults).toEqual([])
    expect(seen.get(200)).toBeGreaterThan(runs / 50)
    expect(seen.get(400)).toBeGreaterThan(runs / 50)
    await a.sendText(roomId, alice, 'still here')
    expect(await a.messages(roomId)).toContain('still here')
  })
})
