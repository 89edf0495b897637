/**
 * What a walk of several servers goes through: one room on three of them, which are away at times, leave and come back,
 * while all sides go on saying things and changing the room.
 */
import { expect } from 'vitest'
import type { JsonObject } from '../../server/events/pdu.js'
import { prevEventIds, stateKeyOf } from '../../server/events/pdu.js'
import type { EventId, UserId } from '../../server/kernel/identifiers.js'
import { isHere, isJoined, type Room } from '../../server/rooms/room.js'
import { startFederation } from '../support/federation.js'
import type { FederationServer } from '../support/federation-server.js'
import { makeTestSyncing } from '../support/syncing.js'
import { heldIds } from '../support/views.js'
import type { Random } from './random.js'

const names = ['ann', 'ben'] as const
/** More than a server keeps for one that is away, and more than is fetched where events are missing. */
const many = { kept: 1_020, fetched: 130 }

export type Islands = Awaited<ReturnType<typeof makeIslands>>

export async function makeIslands(random: Random) {
  const federated = await startFederation(3)
  const { servers } = federated
  const [first] = servers as [FederationServer]
  const users = servers.flatMap((server) => names.map((name) => server.user(name)))
  const owner = first.user('ann') // never leaves, and nobody has the power to send her away
  const seconds = servers.slice(1).map((server) => server.user('ann'))
  const roomVersion = random.pick(['10', '11', '12'])
  const roomId = await first.ops.createRoom({
    creator: owner,
    preset: 'public_chat',
    roomVersion,
    powerLevelContentOverride: {
      users: { ...(roomVersion === '12' ? {} : { [owner]: 100 }), [seconds[0]!]: 75, [seconds[1]!]: 50 },
      events: { 'm.room.topic': 0 },
    },
  })
  let words = 0
  const away = new Set<FederationServer>()
  /** One after the other: a listener that is being closed cannot be opened. */
  let moving = Promise.resolve()
  function move(server: FederationServer, isAway: boolean): Promise<void> {
    moving = moving.then(async () => {
      if (away.has(server) === isAway) return
      if (isAway) away.add(server)
      else away.delete(server)
      await (isAway ? server.closeListener() : server.openListener())
    })
    return moving
  }

  async function roomOn(server: FederationServer): Promise<Room | undefined> {
    const room = await server.ops.rooms.get(roomId)
    return room && isHere(room) ? room : undefined
  }
  const via = (server: FederationServer) => servers.filter((other) => other !== server).map(({ name }) => name)
  const join = (server: FederationServer, sender: UserId) =>
    server.ops.joinRoom({ roomId, sender, via: random.chance(0.5) ? via(server) : via(server).reverse() })
  const say = (server: FederationServer, sender: UserId) => server.sendText(roomId, sender, `word ${words++}`)

  async function sayMuch(server: FederationServer, sender: UserId, count: number): Promise<void> {
    for (let left = count; left > 0; left -= 50)
      await Promise.all(Array.from({ length: Math.min(left, 50) }, () => say(server, sender)))
  }

  const setState = (server: FederationServer, sender: UserId, type: string, content: JsonObject) =>
    server.ops.sendEvent(roomId, { type, stateKey: '', sender, content })

  async function changeLevels(server: FederationServer, sender: UserId): Promise<void> {
    const levels = (await roomOn(server))?.state.get(stateKeyOf('m.room.power_levels', ''))?.pdu.content
    const target = random.pick(users.filter((user) => user !== owner))
    const given = { ...(levels?.users as object), [target]: random.pick([0, 25, 50]) }
    await setState(server, sender, 'm.room.power_levels', { ...levels, users: given })
  }

  /** All of a server are away from the room for a while: what is said then never comes to it by itself. */
  async function comeBack(count: number): Promise<void> {
    const server = random.pick(servers.slice(1))
    const own = names.map((name) => server.user(name))
    for (const sender of own) await server.ops.leaveRoom({ roomId, sender }).catch(() => undefined)
    await sayMuch(first, owner, count)
    for (const sender of own) await join(server, sender).catch(() => undefined)
  }

  async function step(): Promise<unknown> {
    const server = random.pick(servers)
    const sender = server.user(random.pick(names))
    const target = random.pick(users.filter((user) => user !== owner)) // who puts oneself out has left
    switch (random.integer(14)) {
      case 0:
      case 1:
        return join(server, sender)
      case 2:
        return sender === owner ? undefined : server.ops.leaveRoom({ roomId, sender })
      case 3:
        return server.ops.kickUser({ roomId, sender, target })
      case 4:
        return server.ops.banUser({ roomId, sender, target })
      case 5:
        return server.ops.unbanUser({ roomId, sender, target })
      case 6:
        return setState(server, sender, 'm.room.name', { name: `name ${words++}` })
      case 7:
        return setState(server, sender, 'm.room.topic', { topic: `topic ${words++}` })
      case 8:
        return changeLevels(server, sender)
      case 9:
        return move(server, random.chance(0.5))
      case 10:
        return random.chance(0.3) ? comeBack(1 + random.integer(many.fetched)) : say(server, sender)
      case 11:
        return random.chance(0.3) ? sayMuch(server, sender, random.integer(many.fetched)) : say(server, sender)
      default:
        return say(server, sender)
    }
  }

  /** Servers that are in the room as the owner's sees it, and think so themselves. */
  async function inside(): Promise<{ server: FederationServer; room: Room }[]> {
    const view = (await roomOn(first))!
    const named = new Set((await first.ops.rooms.readServers(view)).keys())
    const found: { server: FederationServer; room: Room }[] = []
    for (const server of servers) {
      const room = await roomOn(server)
      if (room && (server === first || named.has(server.name))) found.push({ server, room })
    }
    return found
  }

  /** How many different ends of the room its servers see. */
  async function countEnds(): Promise<number> {
    const ends = (await inside()).map(({ room }) => room.extremities.map(({ eventId }) => eventId).sort())
    return new Set(ends.map(String)).size
  }

  /** Everybody is there again; one after the other speaks, and is listened to, until all see the same end of the room. */
  async function heal(): Promise<void> {
    for (const server of servers) await move(server, false)
    for (let round = 0; round < 15; round++) {
      const { server, room } = random.pick(await inside())
      const speaker = names.map((name) => server.user(name)).find((user) => isJoined(room, user))
      if (speaker && (await countEnds()) > 1) await say(server, speaker)
      const deadline = performance.now() + 10_000
      while (performance.now() < deadline) {
        for (const each of servers) for (const other of via(each)) each.federation.sender.retryNow(other)
        if ((await countEnds()) === 1) return
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
    throw new Error('the servers do not come to one end of the room')
  }

  /** All that somebody on the server can page to. */
  async function pageBack({ db, ops, federation }: FederationServer, userId: UserId): Promise<Set<EventId>> {
    const syncing = await makeTestSyncing(db, { rooms: ops.rooms, backfill: federation.remote.backfillRoom })
    const device = syncing.device(userId)
    const seen = new Set<EventId>()
    let from: string | undefined
    try {
      for (let pages = 0; pages < 200; pages++) {
        const { chunk, end } = await device.messages(roomId, {
          limit: 100,
          isAskedAgain: true,
          ...(from ? { from } : {}),
        })
        for (const { event_id } of chunk) seen.add(event_id)
        if (!end) return seen
        from = end
      }
    } finally {
      syncing.close()
    }
    throw new Error('there was no end to the history')
  }

  /** Everybody has the same state, and can page to everything that was not refused to them. */
  async function compare(): Promise<void> {
    const all = await inside()
    const states = await Promise.all(
      all.map(async ({ server, room }) => [...(await heldIds(server.ops.rooms, room))].map(String).sort()),
    )
    for (const state of states) expect(state).toEqual(states[0])
    // What is told late, because a server took long to say what lies before it, comes while somebody reads.
    for (let round = 0; ; round++) {
      const unread = await readAll(all.map(({ server }) => server))
      if (unread.length === 0) break
      if (round === 10) throw new Error(`accepted, and not to be paged to: ${unread.slice(0, 3).join('; ')}`)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  }

  /** Everybody pages to everything. @returns what somebody has seen, and another was neither shown nor refused */
  async function readAll(inRoom: readonly FederationServer[]): Promise<string[]> {
    const seen = new Map<FederationServer, Set<EventId>>()
    for (const server of inRoom) {
      const room = await roomOn(server)
      const reader = room && names.map((name) => server.user(name)).find((user) => isJoined(room, user))
      if (reader) seen.set(server, await pageBack(server, reader))
    }
    const union = new Set<EventId>()
    for (const [server, ids] of seen) {
      // Who left and was let in again has branches that they alone know, and that nobody goes on from.
      const common = await ancestorsOn(server)
      for (const id of ids) if (common.has(id)) union.add(id)
    }
    const unread: string[] = []
    for (const [server, own] of seen) {
      if ((await roomOn(server))?.segments.some(({ below }) => below === 'unknown'))
        unread.push(`a hole on ${server.name}`)
      for (const eventId of union) {
        if (own.has(eventId)) continue
        const event = await server.ops.rooms.readEvent(eventId)
        const isRefused = event?.status === 'soft_failed' || event?.status === 'rejected'
        if (!isRefused)
          unread.push(`${eventId} on ${server.name}: ${event?.status} ${event?.pdu.type} at ${event?.seq}`)
      }
    }
    return unread
  }

  /** What the ends of the room stand on, as a server knows it. */
  async function ancestorsOn(server: FederationServer): Promise<ReadonlySet<EventId>> {
    const found = new Set((await roomOn(server))?.extremities.map(({ eventId }) => eventId))
    for (let level = [...found]; level.length > 0; ) {
      const prev = (await server.ops.rooms.readEvents(level)).flatMap(({ pdu }) => prevEventIds(pdu))
      level = [...new Set(prev)].filter((id) => !found.has(id))
      for (const id of level) found.add(id)
    }
    return found
  }

  /** One is down while more is said than is kept for it. */
  async function missMuch(): Promise<void> {
    await move(random.pick(servers.slice(1)), true)
    await sayMuch(first, owner, many.kept)
  }
  /** One is away from the room while more is said than a page of history has. */
  const missSome = () => comeBack(many.fetched + random.integer(200))

  for (const server of servers) for (const name of names) await join(server, server.user(name))
  return { step, heal, compare, missMuch, missSome, [Symbol.asyncDispose]: () => federated[Symbol.asyncDispose]() }
}
