/**
 * Who looks through live channels, and at what: for those who keep rows only where somebody looks.
 *
 * The bridge is there before there is anything to look at (onboarding), so it reports here, and the projector listens.
 */
import type { DeviceId, RoomId, UserId } from '../kernel/identifiers.js'
import { type EventRange, rangesIn, roomOfLive, roomsIn } from './named-rooms.js'
import type { ScreenedStatement } from './screen-query.js'

/** Runs work and charges whoever caused it for its time. */
export type Charge = <T>(work: () => Promise<T>) => Promise<T>

/** What a query is about, as far as rows may have to be made for it. */
export type Question = {
  userId: UserId
  deviceId: DeviceId
  tables: ReadonlySet<string>
  /** Rooms that it names. */
  rooms: readonly RoomId[]
  /** Ranges of `room_events` that it reads. */
  ranges: readonly EventRange[]
  /** For making rows that this query reads. */
  charge: Charge
}

export type ViewersListener = {
  /** The first channel of a user was authenticated. */
  come(userId: UserId): void
  /** The last one is closed. */
  go(userId: UserId): void
  /** The last one of a device is closed. */
  deviceGone(userId: UserId, deviceId: DeviceId): void
  /** Before a query runs; it waits for this. Must not throw. */
  ask(question: Question): Promise<void>
}

/** A live query of a channel: rooms that were named with it, and the one it is bound to. */
type Named = { rooms: readonly RoomId[]; only: RoomId | undefined }

export type ChannelOf = { id: string; userId: UserId; deviceId: DeviceId }

export class LiveViewers {
  /** Of each user, with the device of each. */
  readonly #channels = new Map<UserId, Map<string, DeviceId>>()
  readonly #named = new Map<string, Map<string, Named[]>>()
  #listener: ViewersListener | undefined

  /** There is one listener; those who look already come at once. @returns stops it */
  listen(listener: ViewersListener): () => void {
    this.#listener = listener
    for (const userId of this.#channels.keys()) listener.come(userId)
    return () => {
      if (this.#listener === listener) this.#listener = undefined
    }
  }

  addChannel({ id, userId, deviceId }: ChannelOf): void {
    const channels = this.#channels.get(userId) ?? new Map<string, DeviceId>()
    this.#channels.set(userId, channels.set(id, deviceId))
    if (channels.size === 1) this.#listener?.come(userId)
  }

  removeChannel({ id, userId, deviceId }: ChannelOf): void {
    this.#named.delete(id)
    const channels = this.#channels.get(userId)
    if (!channels?.delete(id)) return
    if (![...channels.values()].includes(deviceId)) this.#listener?.deviceGone(userId, deviceId)
    if (channels.size > 0) return
    this.#channels.delete(userId)
    this.#listener?.go(userId)
  }

  /** A screened query is about to run. */
  async ask(
    { id, userId, deviceId }: ChannelOf,
    {
      statements,
      sql,
      bindings,
    }: { statements: readonly ScreenedStatement[]; sql: string; bindings: Record<string, unknown> },
    charge: Charge,
  ): Promise<void> {
    const tables = new Set(
      statements.flatMap((statement) =>
        statement.kind === 'select' ? statement.tables : statement.kind === 'live' ? [statement.table] : [],
      ),
    )
    if (tables.size === 0 || !this.#channels.get(userId)?.has(id)) return // or the channel closed meanwhile
    const rooms = roomsIn(sql, bindings)
    for (const statement of statements)
      if (statement.kind === 'live')
        this.#note(id, statement.table, { rooms, only: roomOfLive(statement.sql, bindings) })
    await this.#listener?.ask({ userId, deviceId, tables, rooms, ranges: rangesIn(sql, bindings), charge })
  }

  /**
   * Whether a live query on the table may be about the room.
   *
   * @param countOf how many live queries a channel has on the table now: about the last so many are those that are left
   */
  mayWatch(table: string, roomId: RoomId, countOf: (channel: string) => number): boolean {
    return this.#some(table, countOf, ({ only }) => only === undefined || only === roomId)
  }

  /** Whether a live query on the table was registered in a query that names the room. */
  watches(table: string, roomId: RoomId, countOf: (channel: string) => number): boolean {
    return this.#some(table, countOf, ({ rooms }) => rooms.includes(roomId))
  }

  #some(table: string, countOf: (channel: string) => number, fits: (query: Named) => boolean): boolean {
    for (const [channel, tables] of this.#named) {
      const named = tables.get(table)
      const count = named ? countOf(channel) : 0
      if (named && count > 0 && named.slice(-count - refusedPerhaps).some(fits)) return true
    }
    return false
  }

  #note(channel: string, table: string, query: Named): void {
    const tables = this.#named.get(channel) ?? new Map<string, Named[]>()
    this.#named.set(channel, tables)
    tables.set(table, [...(tables.get(table) ?? []), query].slice(-keptNames))
  }
}

const keptNames = 32
/** Names of live queries that were noted and then refused. */
const refusedPerhaps = 2
