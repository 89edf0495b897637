/**
 * What a walk goes through: one homeserver's rooms, syncing and live rows over a database whose reads and commits are
 * delayed and failed at random, and another server whose events it makes.
 */
import type { PduEvent } from '../../server/events/pdu.js'
import { systemClock } from '../../server/kernel/clock.js'
import type { RoomId, ServerName, UserId } from '../../server/kernel/identifiers.js'
import { StallMeter } from '../../server/kernel/stalls.js'
import { CommitTimes } from '../../server/live/delays.js'
import { LiveRegistry } from '../../server/live/live-registry.js'
import { startLive } from '../../server/live/start-live.js'
import { LiveViewers } from '../../server/live/viewers.js'
import type { EventDraft } from '../../server/rooms/build-event.js'
import type { Room } from '../../server/rooms/room.js'
import type { Database } from '../../server/store/reader.js'
import type { CommitUnit } from '../../server/store/writes.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../support/database.js'
import { makeSigner, user } from '../support/rooms.js'
import { makeTestSyncing } from '../support/syncing.js'
import { buildOn } from '../support/views.js'
import type { Random } from './random.js'

export const alice = user('alice')
export const locals = [alice, user('bob'), user('carol')] as const
export const remotes = [user('zoe', 'other.test'), user('mod', 'other.test'), user('eve', 'other.test')] as const
const other = makeSigner('other.test', 2)

export type World = Awaited<ReturnType<typeof makeWorld>>

/** Delays a third of what passes, and fails some commits, for as long as it is told to. */
function unsteady(db: TestDatabase, random: Random, weather: { isCalm: boolean }): Database {
  const linger = async (): Promise<void> => {
    if (!weather.isCalm && random.chance(0.3)) await new Promise((done) => setTimeout(done, random.integer(6)))
  }
  return {
    async query<T extends unknown[]>(sql: string, bindings?: Record<string, unknown>): Promise<T> {
      await linger()
      const rows = await db.query<T>(sql, bindings)
      await linger()
      return rows
    },
    commit<T>(unit: CommitUnit<T>): Promise<T> {
      if (weather.isCalm || !random.chance(0.08)) return db.commit(unit)
      // Built with the others, and failing among them.
      return db.commit((grant) => {
        const built = unit(grant)
        return { ...built, writes: [...built.writes, { op: 'statement', sql: 'THROW "on purpose"', bindings: {} }] }
      })
    },
    seedRoom: (roomId, bounds) => db.seedRoom(roomId, bounds),
    get position() {
      return db.position
    },
    onCommitted: (phase, listener) => db.onCommitted(phase, listener),
  }
}

export async function makeWorld(random: Random) {
  const db = await openTestDatabase()
  const weather = { isCalm: true }
  const through = unsteady(db, random, weather)
  /** With room for one of the two rooms alone, each is forgotten and read afresh all the time. */
  const begin = () => makeTestSyncing(through, {}, random.chance(0.5) ? 1 : undefined)
  const stalls = new StallMeter(systemClock)
  let hs = await begin()
  let live = await beginLive()

  async function beginLive() {
    const { rooms, unreadCounts, receipts, inbox, readKeyCounts, readDeviceLists } = hs
    return startLive({
      ...{ db, clock: systemClock, logger: silentLogger, serverName: 'hearth.test' as ServerName, nodeId: 'node1' },
      ...{ registry: new LiveRegistry(), viewers: new LiveViewers(), commitTimes: new CommitTimes() },
      ...{ rooms, stalls, isErased: () => false, inbox, readKeyCounts, readDeviceLists, otherLanes: [] },
      countUnread: unreadCounts.countUnread,
      readOwnReceipts: receipts.readOwn,
      connectedClients: () => 0,
      liveChannels: () => 0,
    })
  }

  const roomIds: RoomId[] = []
  for (let i = 0; i < 2; i++)
    roomIds.push(
      await hs.createRoom({
        creator: alice,
        preset: 'public_chat',
        roomVersion: '11',
        powerLevelContentOverride: { users: { [alice]: 100, [remotes[1]]: 50 }, events: { 'm.room.topic': 0 } },
      }),
    )

  /** An event of the other server, on the room as it is or was. */
  const build = (room: Room, draft: EventDraft): Promise<PduEvent> => buildOn(hs.rooms, room, draft, other)

  async function roomOf(roomId: RoomId): Promise<Room> {
    const room = await hs.rooms.get(roomId)
    if (!room) throw new Error(`${roomId} is gone`)
    return room
  }
  const join = (userId: UserId): EventDraft => ({
    ...{ type: 'm.room.member', stateKey: userId, sender: userId },
    content: { membership: 'join' },
  })
  for (const roomId of roomIds) {
    for (const userId of remotes) await hs.acceptPdu(roomId, await build(await roomOf(roomId), join(userId)))
    for (const sender of locals.slice(1)) await hs.joinRoom({ roomId, sender })
  }

  return {
    ...{ db, weather, roomIds, build, roomOf, join },
    get hs() {
      return hs
    },
    /** Everything durable so far is in the live tables. */
    settled: () => live.projector.settled(),
    /** Nothing is left of what this process remembers. */
    async restart() {
      await live.close()
      hs.close()
      hs = await begin()
      live = await beginLive()
    },
    async [Symbol.asyncDispose]() {
      await live.close()
      stalls.close()
      hs.close()
      await db[Symbol.asyncDispose]()
    },
  }
}
