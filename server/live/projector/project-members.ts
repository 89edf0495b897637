/**
 * `room_members` and `shared_users`: who is in which room, with what name, role and sight.
 *
 * A member event moves one row. A room's state may also move without an event of its own (state resolution,
 * a join over federation that brings thousands of members, new power levels): then the rows are compared
 * with the state and what differs is written.
 *
 * How many rooms two users share is counted by the very transitions of the rows, so that counts and rows
 * cannot part: the members as the table has them are kept in memory, per room, and forgotten when a write fails.
 * Bounds of sight are worked out for local users only; nobody else has a record session.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { type PduEvent, stateKeyOf } from '../../events/pdu.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { LiveMembership, RoomMemberRow } from '../../kernel/live-rows.js'
import type { Room, Rooms } from '../../rooms/room.js'
import { addSharedRooms, readProjectedMembers } from '../../store/projection-store.js'
import type { Reader } from '../../store/reader.js'
import { upsertRow, type Write } from '../../store/writes.js'
import { roleOf, storedLevel } from './roles.js'
import { type Bounds, boundsOf, noBounds } from './visibility.js'

type Member = { membership: string; eventId: string; level: number }
/** Members of a room as the tables have them; `local` are those of this server, of any membership. */
type Members = { all: Map<UserId, Member>; local: Set<UserId> }
type Row = Omit<RoomMemberRow, 'displayname' | 'avatar_url'> & {
  displayname: string | undefined
  avatar_url: string | undefined
}

export type MembersNeeds = {
  db: Reader
  rooms: Pick<Rooms, 'membershipsOf' | 'readMembershipHistory'>
  isLocal(userId: UserId): boolean
}

type SharedChange = { local: UserId; other: UserId; by: number }

/** What one batch does to members, until it is written. */
export class MemberChanges {
  readonly #rows = new Map<string, Row>()
  /** By the row whose move changed them, so that a row and its counts are written in one transaction. */
  readonly #shared = new Map<string, SharedChange[]>()

  get size(): number {
    return this.#rows.size
  }

  setRow(row: Row): void {
    this.#rows.set(keyOf(row.room_id, row.user_id), row)
  }

  share(roomId: string, mover: UserId, change: SharedChange): void {
    const key = keyOf(roomId, mover)
    const changes = this.#shared.get(key)
    if (changes) changes.push(change)
    else this.#shared.set(key, [change])
  }

  /**
   * The writes in groups of so many rows, each to be written whole. Own rows first: in a live query, rows of
   * others are seen only after one's own says that one is joined.
   */
  writes(isLocal: (userId: UserId) => boolean, rowsPerGroup = Number.POSITIVE_INFINITY): Write[][] {
    const rank = (row: Row) => Number(!isLocal(row.user_id as UserId))
    const rows = [...this.#rows.values()].sort((a, b) => rank(a) - rank(b))
    const groups: Write[][] = []
    for (let start = 0; start < rows.length; start += rowsPerGroup)
      groups.push(this.#group(rows.slice(start, start + rowsPerGroup)))
    return groups
  }

  #group(rows: readonly Row[]): Write[] {
    const sums = new Map<string, SharedChange>()
    for (const row of rows)
      for (const { local, other, by } of this.#shared.get(keyOf(row.room_id, row.user_id)) ?? []) {
        const sum = sums.get(`${local} ${other}`) ?? { local, other, by: 0 }
        sum.by += by
        sums.set(`${local} ${other}`, sum)
      }
    const shared = [...sums.values()].filter(({ by }) => by !== 0)
    return [
      ...rows.map((row) => upsertRow('room_members', { id: [row.room_id, row.user_id], ...row })),
      ...(shared.length > 0 ? [addSharedRooms(shared)] : []),
    ]
  }
}

const maxMembers = 300_000
/** Members worked out without a break for the rest of the server. */
const membersPerTurn = 500
/** A name or address of a picture longer than this is cut: rows of a room of thousands travel together. */
const maxText = 512

export class MemberProjection {
  readonly #needs: MembersNeeds
  readonly #rooms = new LRUCache<RoomId, Members>({
    max: 1_000,
    maxSize: maxMembers,
    sizeCalculation: ({ all }) => all.size + 1,
  })

  constructor(needs: MembersNeeds) {
    this.#needs = needs
  }

  /** Members as projected so far. */
  async membersOf(roomId: RoomId): Promise<ReadonlyMap<UserId, Member>> {
    return (await this.#load(roomId)).all
  }

  async #load(roomId: RoomId): Promise<Members> {
    const known = this.#rooms.get(roomId)
    if (known) return known
    const members: Members = { all: new Map(), local: new Set() }
    for (const row of await readProjectedMembers(this.#needs.db, roomId))
      this.#put(members, row.user_id, { membership: row.membership, eventId: row.event_id, level: row.power_level })
    this.#rooms.set(roomId, members)
    return members
  }

  /** After a failed write: what is in memory may be ahead of the tables. */
  forget(roomIds: Iterable<RoomId>): void {
    for (const roomId of roomIds) this.#rooms.delete(roomId)
  }

  /** A member event that is now the current state. */
  async projectEvent(room: Room, event: PduEvent, position: number, changes: MemberChanges): Promise<void> {
    await this.#project(room, await this.#load(room.roomId), event, position, changes)
  }

  /** Writes what the state says and the rows do not. */
  async projectState(room: Room, position: number, changes: MemberChanges): Promise<void> {
    const members = await this.#load(room.roomId)
    let count = 0
    // A copy: the room may move on while others have their turn.
    for (const event of [...room.state.values()]) {
      if (event.pdu.type !== 'm.room.member') continue
      if (++count % membersPerTurn === 0) await nextTurn()
      const known = members.all.get(event.pdu.state_key as UserId)
      const level = storedLevel(room.powerLevels.userLevel(event.pdu.state_key ?? ''))
      if (known?.eventId !== event.eventId || known.level !== level)
        await this.#project(room, members, event, position, changes)
    }
  }

  /**
   * An invitation or knock that came over federation, its withdrawal, or a forgotten room: only the
   * user's relation changed, and with it what they see.
   */
  async projectOutside(roomId: RoomId, userId: UserId, position: number, changes: MemberChanges): Promise<void> {
    const own = (await this.#needs.rooms.membershipsOf(userId)).get(roomId)
    if (!own || !this.#needs.isLocal(userId)) return
    const members = await this.#load(roomId)
    const level = members.all.get(userId)?.level ?? 0
    this.#move(roomId, members, userId, { membership: own.membership, eventId: own.eventId, level }, changes)
    changes.setRow({
      ...{
        room_id: roomId,
        user_id: userId,
        membership: own.membership,
        displayname: undefined,
        avatar_url: undefined,
      },
      ...{ power_level: level, role: roleOf(own.membership, level) },
      ...{ event_id: own.eventId, position },
      ...(await this.readBounds(roomId, userId)),
    })
  }

  /** What a local user may see of a room, as PERMISSIONS compare it. */
  async readBounds(roomId: RoomId, userId: UserId): Promise<Bounds> {
    const own = (await this.#needs.rooms.membershipsOf(userId)).get(roomId)
    if (!own || own.forgotten) return noBounds
    return boundsOf(await this.#needs.rooms.readMembershipHistory(roomId, userId))
  }

  async #project(
    room: Room,
    members: Members,
    event: PduEvent,
    position: number,
    changes: MemberChanges,
  ): Promise<void> {
    const { content, state_key } = event.pdu
    const userId = state_key as UserId // the auth rules let no other key through
    const membership = await this.#membershipOf(room.roomId, userId, content.membership)
    const level = storedLevel(room.powerLevels.userLevel(userId))
    this.#move(room.roomId, members, userId, { membership, eventId: event.eventId, level }, changes)
    changes.setRow({
      ...{ room_id: room.roomId, user_id: userId, membership },
      ...{ displayname: readText(content.displayname), avatar_url: readText(content.avatar_url) },
      ...{ power_level: level, role: roleOf(membership, level), event_id: event.eventId, position },
      ...(this.#needs.isLocal(userId) ? await this.readBounds(room.roomId, userId) : noBounds),
    })
  }

  /** Of a local user, where they are by now: a lagging projector must not show a room to one who has left it. */
  async #membershipOf(roomId: RoomId, userId: UserId, stated: unknown): Promise<LiveMembership> {
    if (!this.#needs.isLocal(userId)) return readMembership(stated)
    const own = (await this.#needs.rooms.membershipsOf(userId)).get(roomId)
    return own?.membership ?? readMembership(stated)
  }

  #move(roomId: RoomId, members: Members, userId: UserId, next: Member, changes: MemberChanges): void {
    const wasJoined = members.all.get(userId)?.membership === 'join'
    const isJoined = next.membership === 'join'
    if (wasJoined !== isJoined) this.#share(roomId, members, userId, isJoined ? 1 : -1, changes)
    this.#put(members, userId, next)
    this.#rooms.set(roomId, members) // again, for its size
  }

  #put(members: Members, userId: UserId, member: Member): void {
    members.all.set(userId, member)
    if (this.#needs.isLocal(userId)) members.local.add(userId)
  }

  #share(roomId: RoomId, members: Members, userId: UserId, by: 1 | -1, changes: MemberChanges): void {
    const { isLocal } = this.#needs
    const isJoined = (other: UserId) => other !== userId && members.all.get(other)?.membership === 'join'
    for (const local of members.local) if (isJoined(local)) changes.share(roomId, userId, { local, other: userId, by })
    if (!isLocal(userId)) return
    for (const other of members.all.keys())
      if (isJoined(other)) changes.share(roomId, userId, { local: userId, other, by })
  }
}

/** The power levels event that is now current says nothing new about most members. */
export function isPowerLevels(type: string, stateKey: string | undefined): boolean {
  return stateKeyOf(type, stateKey ?? '\u0000') === stateKeyOf('m.room.power_levels', '')
}

const keyOf = (roomId: string, userId: string) => `${roomId} ${userId}`

const memberships: readonly string[] = ['join', 'invite', 'leave', 'ban', 'knock']
const readMembership = (value: unknown): LiveMembership =>
  memberships.includes(value as string) ? (value as LiveMembership) : 'leave'

const readText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, maxText) : undefined
