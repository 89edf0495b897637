/**
 * The lane `members`: `room_members`, who is in a room, with what name and role. For member lists, not for permissions.
 *
 * A room of at most fifty always has its rows. A larger one has them kept while somebody looks: its first reader has them
 * filled in, silently, in pieces, each in a turn of the lane, while the changes of the stream go on between. What moved
 * meanwhile is not overwritten by the older picture that a fill began with. Afterwards a member event moves one
 * row. A state that moved without saying where (a resolution, a join that brings thousands) is compared whole.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PduEvent } from '../../events/pdu.js'
import { roleOf, storedLevel } from '../../events/roles.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { LiveMembership, RoomMemberRow } from '../../kernel/live-rows.js'
import type { Room, Rooms, StoredEvent } from '../../rooms/room.js'
import { readProjectedMembers, readRoomIds } from '../../store/projection-store.js'
import { upsertRow, type Write } from '../../store/writes.js'
import type { LiveRegistry } from '../live-registry.js'
import type { Charge } from '../viewers.js'
import { Lane, LaneClosedError, type LaneNeeds, type LaneParts, rowsPerWrite } from './lane.js'
import { readEventsOf } from './project-events.js'
import { type Work, whoMoved } from './work.js'

export type MembersNeeds = LaneNeeds & {
  rooms: Pick<Rooms, 'get' | 'readEvents' | 'readMember' | 'readMembers' | 'membershipsOf'>
  registry: Pick<LiveRegistry, 'countOn'>
  /** Whether a live query names the room's members. */
  isWatched(roomId: RoomId): boolean
  isLocal(userId: UserId): boolean
}

/** Rooms up to this size always have their rows. */
export const smallRoom = 50
/** After being asked for once, without a live query, a room counts as looked at for so long. */
const leaseMs = 10 * 60_000
const msPerRowAndQuery = 0.3
const loudestMs = 60
const rowsPerPage = 500
/** Members looked at without a break for the rest of the server. */
const membersPerTurn = 200
/** A name or address of a picture longer than this is cut: rows of a room of thousands travel together. */
const maxText = 512

type Row = { [Name in keyof Required<RoomMemberRow>]: RoomMemberRow[Name] | undefined }
/** `moved` are those whose rows the stream has written since the fill began. */
type Filling = { moved: Set<UserId>; isOutdated: boolean; done: Promise<void> }

const isSmall = ({ joinedCount, invitedCount }: Room) => joinedCount + invitedCount <= smallRoom
const everyone = () => true

export class MembersLane {
  readonly #needs: MembersNeeds
  readonly lane: Lane
  /** Rooms whose rows are what the state says, and are kept so. */
  readonly #filled = new Set<RoomId>()
  readonly #filling = new Map<RoomId, Filling>()
  /** State nodes of rooms that were let go: whose node is the same needs no fill. */
  readonly #left = new Map<RoomId, number>()
  readonly #askedAt = new Map<RoomId, number>()

  constructor(needs: MembersNeeds) {
    this.#needs = needs
    const parts: LaneParts = {
      name: 'members',
      version: 1,
      streamMs: 100,
      takes: (work) => whoMoved(work, everyone) !== undefined,
      build: (works, backlog) => this.#build(works, backlog),
      rebuild: (position, signal) => this.#rebuild(position, signal),
    }
    this.lane = new Lane(needs, parts)
  }

  /** Somebody looks at the room's members; resolves when all of them have their rows. */
  async open(roomId: RoomId, charge?: Charge): Promise<void> {
    this.#askedAt.set(roomId, this.#needs.clock.elapsed())
    if (this.#filled.has(roomId)) return
    const room = await this.#needs.rooms.get(roomId)
    if (!room) return
    if (this.#left.get(roomId) === room.node) this.#filled.add(roomId)
    else await this.#fill(roomId, charge)
  }

  /** Lets rooms go that nobody looks at any more. */
  async tidy(): Promise<void> {
    const { rooms, clock, isWatched } = this.#needs
    const oldest = clock.elapsed() - leaseMs
    for (const [roomId, askedAt] of this.#askedAt) if (askedAt < oldest) this.#askedAt.delete(roomId)
    for (const roomId of this.#filled) {
      if (this.#askedAt.has(roomId) || isWatched(roomId)) continue
      await this.lane.inTurn(async () => {
        const room = await rooms.get(roomId)
        if (!room || isSmall(room)) return
        this.#filled.delete(roomId)
        this.#left.set(roomId, room.node)
        if (this.#left.size > 1_000) this.#left.delete(this.#left.keys().next().value!)
      })
    }
  }

  #isKept(room: Room): boolean {
    const { roomId } = room
    return isSmall(room) || this.#filled.has(roomId) || this.#askedAt.has(roomId) || this.#needs.isWatched(roomId)
  }

  // ── what the stream tells ────────────────────────────────────────────────────────────────────

  async #build(works: readonly Work[], backlog: number) {
    const { rooms, registry } = this.#needs
    const events = await readEventsOf(
      rooms,
      works.flatMap((work) => (work.kind === 'event' && work.type === 'm.room.member' ? [work.eventId] : [])),
    )
    const rows = new Map<string, Write>()
    const compared = new Set<RoomId>()
    for (const work of works)
      for (const row of await this.#rowsOf(work, events, compared))
        rows.set(`${row.room_id} ${row.user_id}`, toWrite(row))
    const writes = [...rows.values()]
    const isLoud = (writes.length + backlog) * registry.countOn('room_members') * msPerRowAndQuery <= loudestMs
    const written = () => {
      for (const roomId of compared) this.#filled.add(roomId)
    }
    return { ...(isLoud && writes.length <= rowsPerWrite ? { loud: writes } : { silent: writes }), written }
  }

  /** @param compared rooms whose rows are what the state says once the batch is written */
  async #rowsOf(work: Work, events: ReadonlyMap<string, StoredEvent>, compared: Set<RoomId>): Promise<Row[]> {
    const { rooms } = this.#needs
    const moved = whoMoved(work, everyone)
    if (!moved || !work.roomId) return []
    if (work.kind === 'membership') return this.#outside(work.roomId, work.userId, work.position)
    const room = await rooms.get(work.roomId)
    if (!room || !this.#isKept(room)) return []
    const filling = this.#filling.get(room.roomId)
    if (filling && (moved.everybody || moved.hasNewLevels)) filling.isOutdated = true
    const isKnown = this.#filled.has(room.roomId) || compared.has(room.roomId)
    if (isSmall(room) && (!isKnown || moved.everybody || moved.hasNewLevels)) {
      compared.add(room.roomId)
      return this.#differing(room, await rooms.readMembers(room), work.position)
    }
    if (!filling && (!isKnown || moved.everybody || moved.hasNewLevels)) {
      this.#filled.delete(room.roomId)
      void this.#fill(room.roomId)
    }
    const found: Row[] = []
    for (const userId of moved.users) {
      filling?.moved.add(userId)
      const event = work.kind === 'event' ? events.get(work.eventId) : await rooms.readMember(room, userId)
      if (event) found.push(await this.#row(room, event, work.position))
      else found.push(...(await this.#gone(room.roomId, userId, work.position)))
    }
    return found
  }

  /**
   * An invitation or knock that came over federation, its withdrawal, or a forgotten room: only the
   * user's own relation changed.
   */
  async #outside(roomId: RoomId, userId: UserId, position: number): Promise<Row[]> {
    if (!this.#needs.isLocal(userId)) return []
    const own = (await this.#needs.rooms.membershipsOf(userId)).get(roomId)
    if (!own) return []
    return [
      {
        ...{ room_id: roomId, user_id: userId, membership: own.membership, event_id: own.eventId, position },
        ...{ displayname: undefined, avatar_url: undefined, power_level: 0, role: roleOf(own.membership, 0) },
      },
    ]
  }

  /** The state does not know them any more; an own invitation from elsewhere may still be there. */
  async #gone(roomId: RoomId, userId: UserId, position: number): Promise<Row[]> {
    const own = await this.#outside(roomId, userId, position)
    if (own.length > 0) return own
    const nobody = { displayname: undefined, avatar_url: undefined, power_level: 0, role: roleOf('leave', 0) }
    return [{ room_id: roomId, user_id: userId, membership: 'leave', event_id: '', position, ...nobody }]
  }

  async #row(room: Room, event: PduEvent, position: number): Promise<Row> {
    const { content, state_key } = event.pdu
    const userId = state_key as UserId // the auth rules let no other key through
    const membership = await this.#membershipOf(room.roomId, userId, content.membership)
    const power_level = storedLevel(room.powerLevels.userLevel(userId))
    return {
      ...{ room_id: room.roomId, user_id: userId, membership, event_id: event.eventId, position },
      ...{ displayname: readText(content.displayname), avatar_url: readText(content.avatar_url) },
      ...{ power_level, role: roleOf(membership, power_level) },
    }
  }

  /** Of a local user, where they are by now: one who has left is not shown as there by a lane that lags. */
  async #membershipOf(roomId: RoomId, userId: UserId, stated: unknown): Promise<LiveMembership> {
    if (!this.#needs.isLocal(userId)) return readMembership(stated)
    const own = (await this.#needs.rooms.membershipsOf(userId)).get(roomId)
    return own?.membership ?? readMembership(stated)
  }

  // ── filling ──────────────────────────────────────────────────────────────────────────────────

  /** Several askers wait for one fill. Never throws: what is missing is asked for again. */
  /** @param charge charges whoever asked; what the stream makes necessary is nobody's */
  #fill(roomId: RoomId, charge: Charge = (work) => work()): Promise<void> {
    const running = this.#filling.get(roomId)
    if (running) return running.done
    const filling: Filling = { moved: new Set(), isOutdated: false, done: Promise.resolve() }
    this.#filling.set(roomId, filling)
    filling.done = this.#runFill(roomId, filling, charge)
      .catch((error: unknown) => {
        if (!(error instanceof LaneClosedError))
          this.#needs.logger.error({ err: error, room_id: roomId }, 'the members of a room were not written')
      })
      .finally(() => this.#filling.delete(roomId))
    return filling.done
  }

  async #runFill(roomId: RoomId, filling: Filling, charge: Charge): Promise<void> {
    const { rooms, live } = this.#needs
    const maxRounds = 5
    for (let round = 0; round < maxRounds; round++) {
      filling.isOutdated = false
      const room = await rooms.get(roomId)
      if (!room) return
      const rows = await charge(async () => this.#differing(room, await rooms.readMembers(room), room.lastPosition))
      for (let start = 0; start < rows.length; start += rowsPerWrite)
        await this.lane.inTurn(async () => {
          const piece = rows
            .slice(start, start + rowsPerWrite)
            .filter((row) => !filling.moved.has(row.user_id as UserId))
          await charge(() => live.writeLive(piece.map(toWrite), { silent: true }))
        })
      // In a turn of its own, so that no change slips between the last piece and the note.
      const isDone = await this.lane.inTurn(async () => {
        if (!filling.isOutdated) this.#filled.add(roomId)
        return !filling.isOutdated
      })
      if (isDone) return
      filling.moved.clear()
    }
  }

  /** Rows that the state wants and the table does not have so. */
  async #differing(room: Room, events: readonly PduEvent[], position: number): Promise<Row[]> {
    const known = new Map<string, { eventId: string; level: number; membership: string }>()
    for (let after: UserId | '' = ''; ; ) {
      const page = await readProjectedMembers(this.#needs.db, room.roomId, after, rowsPerPage)
      for (const { user_id, event_id, power_level, membership } of page)
        known.set(user_id, { eventId: event_id, level: power_level, membership })
      if (page.length < rowsPerPage) break
      after = page.at(-1)!.user_id
    }
    const rows: Row[] = []
    for (const [n, event] of events.entries()) {
      if (n % membersPerTurn === membersPerTurn - 1) await nextTurn()
      const row = await this.#row(room, event, position)
      const there = known.get(row.user_id ?? '')
      const isSame =
        there?.eventId === row.event_id && there?.level === row.power_level && there?.membership === row.membership
      if (!isSame) rows.push(row)
      known.delete(row.user_id ?? '')
    }
    for (const [userId, { membership }] of known)
      if (membership !== 'leave') rows.push(...(await this.#gone(room.roomId, userId as UserId, position)))
    return rows
  }

  async #rebuild(position: number, signal: AbortSignal): Promise<void> {
    const { db, rooms, live } = this.#needs
    this.#filled.clear()
    this.#left.clear()
    await this.#needs.live.empty('room_members', signal)
    for (const roomId of await readRoomIds(db)) {
      if (signal.aborted) return
      const room = await rooms.get(roomId)
      if (!room || !this.#isKept(room)) continue
      const rows = await this.#differing(room, await rooms.readMembers(room), position)
      for (let start = 0; start < rows.length; start += rowsPerWrite)
        await live.writeLive(rows.slice(start, start + rowsPerWrite).map(toWrite), { silent: true })
      this.#filled.add(roomId)
    }
  }
}

const toWrite = (row: Row): Write => upsertRow('room_members', { id: [row.room_id ?? '', row.user_id ?? ''], ...row })

const memberships: readonly string[] = ['join', 'invite', 'leave', 'ban', 'knock']
const readMembership = (value: unknown): LiveMembership =>
  memberships.includes(value as string) ? (value as LiveMembership) : 'leave'

const readText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, maxText) : undefined
