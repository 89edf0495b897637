/** What other servers ask about rooms, over TLS: long answers in pieces, and no server in the way of another. */
import { describe, expect, test } from 'vitest'
import { type JsonObject, stateKeyOf } from '../../../server/events/pdu.js'
import type { EventId, RoomId } from '../../../server/kernel/identifiers.js'
import { type Federated, startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import { type PuppetServer, startPuppet } from '../../support/puppet-server.js'

const v1 = '/_matrix/federation/v1'
type World = AsyncDisposable & { a: FederationServer; puppets: PuppetServer[]; roomId: RoomId; last: string }

/** A room of many state events with a member of each puppet. */
async function makeWorld(names: readonly string[], stateEvents: number): Promise<World> {
  const federated: Federated = await startFederation(1)
  const [a] = federated.servers as [FederationServer]
  const alice = a.user('alice')
  const roomId = await a.ops.createRoom({ creator: alice, preset: 'public_chat' })
  const puppets: PuppetServer[] = []
  for (const name of names) {
    const puppet = await startPuppet(name, federated.ca, federated.ports)
    await puppet.join(a.name, roomId, puppet.user('mallory'))
    puppets.push(puppet)
  }
  const key = (i: number) => ({ type: 'x.state', stateKey: String(i), sender: alice, content: { i } })
  for (let from = 0; from < stateEvents; from += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, stateEvents - from) }, (_, i) => a.ops.sendEvent(roomId, key(from + i))),
    )
  const last = await a.sendText(roomId, alice, 'last')
  return {
    ...{ a, puppets, roomId, last },
    async [Symbol.asyncDispose]() {
      await Promise.all(puppets.map((puppet) => puppet[Symbol.asyncDispose]()))
      await federated[Symbol.asyncDispose]()
    },
  }
}
const stateOf = (roomId: RoomId, eventId: string) =>
  `${v1}/state/${encodeURIComponent(roomId)}?event_id=${encodeURIComponent(eventId)}`

describe('questions of other servers', () => {
  test('a state is told whole though it goes out in pieces, and says what was redacted since', async () => {
    await using world = await makeWorld(['evil.test'], 350)
    const { a, roomId, last } = world
    const [evil] = world.puppets as [PuppetServer]
    const state = (await a.ops.rooms.get(roomId))!.state
    const read = async () => (await evil.ask(a.name, 'GET', stateOf(roomId, last))).body.pdus as JsonObject[]

    const before = await read()
    await a.ops.redactEvent({
      roomId,
      sender: a.user('alice'),
      target: state.get(stateKeyOf('x.state', '7'))!.eventId as EventId,
    })
    const after = await read()

    const contents = (pdus: JsonObject[]) =>
      pdus.filter(({ type }) => type === 'x.state').map(({ content }) => (content as JsonObject).i)
    expect(new Set(contents(before)).size).toBe(350)
    const keys = before.map(({ type, state_key: key }) => `${type} ${key}`)
    expect(new Set(keys).size).toBe(before.length)
    for (const member of [a.user('alice'), evil.user('mallory')]) expect(keys).toContain(`m.room.member ${member}`)
    expect(contents(after).filter((i) => i === undefined).length).toBe(1)
    expect(contents(after)).not.toContain(7)
  })

  test('a server that asks without pause leaves another its turn', async () => {
    await using world = await makeWorld(['greedy.test', 'modest.test'], 200)
    const { a, roomId, last } = world
    const [greedy, modest] = world.puppets as [PuppetServer, PuppetServer]
    const answered = { greedy: 0, modest: 0 }
    let isOver = false
    const loop = async (puppet: PuppetServer, name: 'greedy' | 'modest') => {
      while (!isOver) {
        const { status } = await puppet.ask(a.name, 'GET', stateOf(roomId, last))
        expect(status).toBe(200)
        answered[name]++
      }
    }
    const attack = Array.from({ length: 24 }, () => loop(greedy, 'greedy'))
    const victim = loop(modest, 'modest')
    await expect.poll(() => answered.greedy + answered.modest, { timeout: 60_000 }).toBeGreaterThan(40)
    isOver = true
    await Promise.all([...attack, victim])

    // One of twenty-five who ask: fairness among servers gives it about half.
    expect(answered.modest).toBeGreaterThan(answered.greedy / 4)
  }, 60_000)
})
