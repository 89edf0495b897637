/**
 * Members of rooms as they are on disk: read by user, and kept while there is room for them.
 *
 * What becomes durable is told by `moveOn` in the same turn, so nothing kept is older than the room it is read for.
 * A generation of a room's state is part of every key: a room that is joined afresh shares nothing with what it was.
 */

import type { Pdu, PduEvent } from '../events/pdu.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import { parseSpelled } from '../kernel/spelled-numbers.js'
import { VersionedCache } from '../kernel/versioned-cache.js'
import { readAllMemberRows, readCountsOf, readMemberRows, readServerCounts } from '../store/member-store.js'
import type { Reader } from '../store/reader.js'
import type { StateOwner } from '../store/room-store.js'
import type { Snapshot } from './room.js'
import { nothingMoved } from './snapshot.js'

const maxBytes = { one: 16_000_000, all: 24_000_000, servers: 8_000_000 } as const
/** About what a member event takes beside its JSON, and what a server's count takes. */
const overhead = { member: 600, server: 150 } as const

/** That somebody has no member event is worth knowing too. */
type Known = { event: PduEvent | undefined }

export class RoomMembers {
  readonly #db: Reader
  readonly #one = new VersionedCache<string, Known>('members', maxBytes.one)
  readonly #all = new VersionedCache<string, PersistentMap<UserId, PduEvent>>('members_of_rooms', maxBytes.all)
  readonly #servers = new VersionedCache<string, PersistentMap<ServerName, number>>(
    'servers_of_rooms',
    maxBytes.servers,
  )

  constructor(db: Reader) {
    this.#db = db
  }

  /** Their member events; who has none is left out. */
  async readSome(owner: StateOwner, userIds: readonly UserId[], db = this.#db): Promise<Map<UserId, PduEvent>> {
    const found = new Map<UserId, PduEvent>()
    const all = this.#all.peek(keyOf(owner))
    if (all) {
      for (const userId of userIds) {
        const event = all.get(userId)
        if (event) found.set(userId, event)
      }
      return found
    }
    const byKey = new Map(userIds.map((userId) => [`${keyOf(owner)} ${userId}`, userId]))
    const known = await this.#one.getMany(byKey.keys(), async (missing) => {
      const rows = await readMemberRows(
        db,
        owner,
        missing.map((key) => byKey.get(key)!),
      )
      const events = new Map(rows.map((row) => [memberOf(owner.roomId, row), row.pdu.length]))
      const ofUser = new Map([...events.keys()].map((event) => [event.pdu.state_key, event]))
      return missing.map((key) => {
        const event = ofUser.get(byKey.get(key))
        return { key, value: { event }, bytes: overhead.member + 2 * ((event && events.get(event)) ?? 0) }
      })
    })
    for (const [key, userId] of byKey) {
      const event = known.get(key)?.event
      if (event) found.set(userId, event)
    }
    return found
  }

  /** All of them. For rooms that are not large. */
  async readAll(owner: StateOwner): Promise<ReadonlyMap<UserId, PduEvent>> {
    const all = await this.#all.get(keyOf(owner), async () => {
      const rows = await readAllMemberRows(this.#db, owner)
      const members = rows.map((row) => memberOf(owner.roomId, row))
      const bytes = overhead.member + rows.reduce((sum, { pdu }) => sum + overhead.member + 2 * pdu.length, 0)
      return {
        value: PersistentMap.of(new Map(members.map((event) => [event.pdu.state_key as UserId, event]))),
        bytes,
      }
    })
    return all ?? new Map()
  }

  /** Other servers with joined users, and how many each has. */
  async readServers(owner: StateOwner): Promise<PersistentMap<ServerName, number>> {
    const servers = await this.#servers.get(keyOf(owner), async () => {
      const rows = await readServerCounts(this.#db, owner)
      const value = PersistentMap.of(new Map(rows.map(({ server, joined }) => [server, joined])))
      return { value, bytes: overhead.server * (rows.length + 1) }
    })
    return servers ?? PersistentMap.of()
  }

  /** How many joined users some of the other servers have; those without any are left out. */
  async readCounts(owner: StateOwner, servers: readonly ServerName[]): Promise<Map<ServerName, number>> {
    const known = this.#servers.peek(keyOf(owner))
    const rows = known
      ? servers.map((server) => ({ server, joined: known.get(server) ?? 0 }))
      : await readCountsOf(this.#db, owner, servers)
    return new Map(rows.filter(({ joined }) => joined > 0).map(({ server, joined }) => [server, joined]))
  }

  /** What the snapshot moved is durable. */
  moveOn(room: Snapshot): void {
    if (room.moved === nothingMoved) return
    const { members, servers } = room.moved
    const key = keyOf(room)
    for (const [userId, event] of members)
      this.#one.set(`${key} ${userId}`, { event }, overhead.member + 2 * sizeOf(event))
    const all = this.#all.peek(key)
    if (all) this.#all.set(key, all.with(members), (overhead.member + 600) * (all.size + members.size))
    else this.#all.delete(key) // a load under way may be from before
    if (servers.size === 0) return
    const counts = this.#servers.peek(key)
    const entries = [...servers].map(([server, joined]) => [server, joined > 0 ? joined : undefined] as const)
    if (counts) this.#servers.set(key, counts.with(entries), overhead.server * (counts.size + servers.size))
    else this.#servers.delete(key)
  }
}

const keyOf = ({ roomId, stateGeneration }: StateOwner) => `${roomId} ${stateGeneration}`

const memberOf = (roomId: RoomId, row: { event_id: EventId; pdu: string }): PduEvent => ({
  eventId: row.event_id,
  roomId,
  pdu: parseSpelled(row.pdu) as Pdu,
})

/** About; what a member event says besides its content is much the same in all. */
const sizeOf = (event: PduEvent | undefined) => (event ? 500 : 0)
