/**
 * Two homeservers, each in a process of its own. One of them killed without warning and started again: nothing lost, nothing
 * doubled. Cut off from each other while both change their room: one state afterwards.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { RoomId, UserId } from '../../../server/kernel/identifiers.js'
import {
  type ChildOptions,
  type FederationChild,
  startFederationChild,
  stateOf,
} from '../../support/federation-child.js'
import { type FederationServer, startFederationServer } from '../../support/federation-server.js'
import { freePort } from '../../support/free-port.js'
import { makeTestCa } from '../../support/test-ca.js'

const patient = { timeout: 20_000, interval: 50 }

type World = AsyncDisposable & {
  a: FederationServer
  b: FederationChild
  roomId: RoomId
  restart(): Promise<void>
  /** From then on neither reaches the other. */
  cut(): Promise<void>
  heal(): Promise<void>
}

/** `a` here, `b` in a child process; alice and bob in a room of a's. */
async function makeWorld(room: object = {}): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'hearth-killed-'))
  const ca = makeTestCa()
  const ports = new Map([['a.test', await freePort()]])
  ports.set('b.test', await freePort())
  const common = (name: string) => ({
    name,
    dataDir: join(dir, name),
    certificate: ca.issue([name]),
    caPem: ca.pem,
    port: ports.get(name)!,
  })
  const a = await startFederationServer({ ...common('a.test'), ports })
  const options: ChildOptions = { ...common('b.test'), ports: [...ports] }
  const world = {
    a,
    b: await startFederationChild(options),
    roomId: await a.ops.createRoom({ creator: a.user('alice'), preset: 'public_chat', ...room }),
    async cut() {
      await a.closeListener()
      await world.b.call('closeListener')
    },
    async heal() {
      await world.b.call('openListener')
      await a.openListener()
    },
    async restart() {
      world.b = await startFederationChild(options)
    },
    async [Symbol.asyncDispose]() {
      world.b.child.post('end')
      await world.b.child.ended
      await a.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
  await world.b.call('join', world.roomId, '@bob:b.test', 'a.test')
  return world
}

describe('a server that is killed', { timeout: 90_000 }, () => {
  test('as the receiver: everything sent before, while and after it was dead arrives once, in order', async () => {
    await using world = await makeWorld()
    const { a, roomId } = world
    const sent = Array.from({ length: 120 }, (_, i) => `m${i}`)
    for (const [i, body] of sent.entries()) {
      await a.sendText(roomId, a.user('alice'), body)
      // In the middle of a stream of transactions, some of them half processed.
      if (i === 40) await world.b.child.kill()
    }
    await vi.waitFor(() => expect(a.federation.sender.destinations()[0]?.state).not.toBe('ok'), patient)
    await world.restart()
    await a.sendText(roomId, a.user('alice'), 'last')
    a.federation.sender.retryNow('b.test' as never)
    await vi.waitFor(async () => expect(await world.b.call('messages', roomId)).toEqual([...sent, 'last']), patient)
  })

  test('as the sender: every event it acknowledged to its user arrives once', async () => {
    await using world = await makeWorld()
    const { a, roomId } = world
    const { child } = world.b
    const acknowledged = () =>
      child.said.flatMap((message) => (message as { acknowledged?: string }).acknowledged ?? []) as string[]
    world.b.call('sendMany', roomId, '@bob:b.test', 's', '5000').catch(() => undefined) // it does not live to answer
    await vi.waitFor(() => expect(acknowledged().length).toBeGreaterThan(50), { timeout: 10_000, interval: 1 })
    await child.kill()
    const before = acknowledged()
    expect(before.length).toBeLessThan(5000)
    await world.restart()
    // While it is still taking up what it left behind.
    await world.b.call('sendMany', roomId, '@bob:b.test', 't', '60')
    before.push(...Array.from({ length: 60 }, (_, i) => `t${i}`))
    await vi.waitFor(async () => expect(await a.messages(roomId)).toEqual(expect.arrayContaining(before)), patient)
    const onB = await world.b.call<string[]>('messages', roomId)
    await vi.waitFor(async () => expect((await a.messages(roomId)).sort()).toEqual([...onB].sort()), patient)
    expect(new Set(onB).size).toBe(onB.length)
  })

  test('having declined an invite while nobody could be told: the room is told after the restart', async () => {
    await using world = await makeWorld()
    const { a } = world
    const eve = '@eve:b.test' as UserId
    const roomId = await a.ops.createRoom({ creator: a.user('alice'), preset: 'private_chat' })
    await a.ops.inviteUser({ roomId, sender: a.user('alice'), target: eve })
    await a.closeListener()
    await world.b.call('leave', roomId, eve)
    await world.b.child.kill()
    await world.restart()
    expect(await a.membershipOf(roomId, eve)).toBe('invite')
    await a.openListener()
    await vi.waitFor(async () => expect(await a.membershipOf(roomId, eve)).toBe('leave'), patient)
  })
})

describe('servers that were apart while both changed the room', { timeout: 90_000 }, () => {
  test.each(['10', '12'])('come to one state, in version %s', async (roomVersion) => {
    const [alice, bob, dave] = ['@alice:a.test', '@bob:b.test', '@dave:b.test'] as const
    const users = { ...(roomVersion === '12' ? {} : { [alice]: 100 }), [bob]: 100 }
    await using world = await makeWorld({ roomVersion, powerLevelContentOverride: { users } })
    const { a, roomId } = world
    const carol = a.user('carol')
    await a.ops.joinRoom({ roomId, sender: carol })
    await world.b.call('join', roomId, dave, 'a.test')
    const state = (type: string, sender: string, content: object) => ({ type, sender, stateKey: '', content })
    const onA = (type: string, sender: string, content: object) =>
      a.ops.sendEvent(roomId, state(type, sender, content) as never)
    const onB = (type: string, sender: string, content: object) =>
      world.b.call('sendEvent', roomId, JSON.stringify(state(type, sender, content)))
    const levels = (await a.ops.rooms.get(roomId))!.state.get('m.room.power_levels\0')!.pdu.content
    await vi.waitFor(
      async () => expect(await world.b.call('stateOf', roomId)).toEqual(await stateOf(a, roomId)),
      patient,
    )

    await world.cut()
    await onA('m.room.name', alice, { name: 'A' })
    await onA('m.room.power_levels', alice, { ...levels, users: { ...users, [carol]: 50 } })
    await onA('m.room.topic', carol, { topic: 'of carol' })
    await a.ops.banUser({ roomId, sender: a.user('alice'), target: dave as never })
    await a.ops.joinRoom({ roomId, sender: a.user('erin') })
    await onB('m.room.name', bob, { name: 'B' })
    await onB('m.room.power_levels', bob, { ...levels, users: { ...users, [dave]: 50 }, state_default: 40 })
    await onB('m.room.topic', dave, { topic: 'of dave' })
    await world.b.call('kickUser', roomId, bob, carol)
    await world.b.call('join', roomId, '@frank:b.test', 'a.test')
    const apart = [await stateOf(a, roomId), await world.b.call('stateOf', roomId)]
    expect(apart[0]).not.toEqual(apart[1])

    await world.heal()
    a.federation.sender.retryNow('b.test' as never)
    await a.sendText(roomId, a.user('alice'), 'from a')
    await vi.waitFor(async () => expect(await world.b.call('messages', roomId)).toContain('from a'), patient)
    await world.b.call('sendText', roomId, bob, 'from b')
    await vi.waitFor(async () => expect(await a.messages(roomId)).toContain('from b'), patient)

    const agreed = await stateOf(a, roomId)
    expect(await world.b.call('stateOf', roomId)).toEqual(agreed)
    expect(agreed.ends).toHaveLength(1)
    expect([
      await a.membershipOf(roomId, dave as never),
      await a.membershipOf(roomId, '@frank:b.test' as never),
    ]).toEqual(['ban', 'join'])
    await world.b.child.kill()
    await world.restart()
    expect(await world.b.call('stateOf', roomId)).toEqual(agreed)
  })
})
