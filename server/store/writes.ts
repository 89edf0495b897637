/**
 * How the rest of the server describes a change to the database: writes (rows, not SQL), collected
 * into a commit unit, and the changes that are told to everyone once the unit is durable.
 *
 * The commit queue merges the writes of all waiting units into one `INSERT` per table, runs them as
 * one `BEGIN … COMMIT` query, and gives out stream positions and room sequence numbers at each
 * attempt; so a unit is a function that may be called more than once and must not have effects.
 */
import type { DeviceId, EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'

/** The id part of a record: `event:⟨$x⟩` is '$x', `timeline:[room, 7]` is ['!r', 7]. */
export type RowId = string | number | readonly (string | number)[]
export type Row = { id: RowId } & Record<string, unknown>

export type Write =
  /** Fails the unit with `AlreadyExists` when the row is there. */
  | { op: 'insert'; table: string; row: Row }
  /** Leaves the row as it is when it is there. Costs two thirds of an upsert. */
  | { op: 'insertMissing'; table: string; row: Row }
  /** Sets the given fields, creating the row where it is missing. Fields not named are kept. */
  | { op: 'upsert'; table: string; row: Row }
  | { op: 'delete'; table: string; id: RowId }
  /** Deletes ids from `from` to `to`, both ends as SurrealDB id ranges understand them, `to` exclusive. */
  | { op: 'deleteRange'; table: string; from: RowId; to: RowId }
  /** For what rows cannot say. Never text that came from outside: values go into bindings. */
  | { op: 'statement'; sql: string; bindings: Record<string, unknown> }

/**
 * Global, dense place of a change in this homeserver's one stream. Sync tokens carry it; it
 * survives restarts and never repeats.
 */
export type StreamPosition = number & { readonly __brand: 'StreamPosition' }
/** Place of an accepted event in its room: from 1, dense but for holes; filled-in history downwards (rooms/segments.ts). */
export type RoomSeq = number & { readonly __brand: 'RoomSeq' }

export type Grant = {
  position(): StreamPosition
  /** Next seq of a room whose counters were seeded with `Database.seedRoom`; at least `least`. */
  seq(roomId: RoomId, least?: number): RoomSeq
}

export type BuiltUnit<T> = {
  writes: Write[]
  changes: Change[]
  result: T
  /** Moves memory on: called once the unit is durable, before anybody is told or answered. Must not throw. */
  durable?: () => void
}
/** May throw (e.g. the room moved on); the error reaches the caller of `commit` alone. */
export type CommitUnit<T> = (grant: Grant) => BuiltUnit<T>

export type EventStatus = 'accepted' | 'soft_failed' | 'rejected' | 'outlier'

/** What happened, told after the commit, in stream order, to sync, projector, federation sender and caches. */
export type Change = { position: StreamPosition } & (
  | {
      kind: 'event'
      roomId: RoomId
      eventId: EventId
      seq: RoomSeq
      /** The event as stored; readers must not change it. */
      pdu: Readonly<Record<string, unknown>>
      sender: UserId
      type: string
      stateKey?: string
      /** True where the current state now holds this event. */
      isCurrentState: boolean
      /** Backfilled or part of a bulk: the projector writes it silently, sync does not wake for it. */
      historical: boolean
      /** The transaction ID of the device that sent it, for `unsigned.transaction_id`. */
      txn?: { sid: string; txnId: string }
      /** True for events made by this server's own users: the federation sender passes them on. */
      isLocal: boolean
      /** Servers that the same commit wrote outbox rows for (`outboxWrites`), under this position. */
      destinations?: readonly ServerName[]
      /** IDs of the application services that the same commit wrote rows for. */
      appservices?: readonly string[]
    }
  /** The current state moved without a timeline event of its own (state resolution, redaction of a state event, join of a room). */
  | {
      kind: 'state'
      roomId: RoomId
      /** The entries that moved, as keys of a state map; absent: compare everything. */
      keys?: readonly string[]
    }
  | {
      kind: 'redaction'
      roomId: RoomId
      eventId: EventId
      seq: RoomSeq
      redactedBy: EventId
      /** What it related to until then. */
      relatedTo?: EventId
    }
  /** A membership that has no timeline here: an invite or knock over federation, its withdrawal, a forget. */
  | { kind: 'membership'; roomId: RoomId; userId: UserId; membership: string }
  | {
      kind: 'receipt'
      roomId: RoomId
      userId: UserId
      receiptType: string
      threadId?: string
      eventId: EventId
      ts: number
      isLocal: boolean
    }
  | { kind: 'account_data'; userId: UserId; roomId?: RoomId; type: string; content: Record<string, unknown> }
  /** The user's devices or keys are others now. `onlyFor`: the only user who is told. */
  | { kind: 'device_list'; userId: UserId; onlyFor?: UserId }
  /** A message for a device; `size` of its content in characters. */
  | { kind: 'to_device'; userId: UserId; deviceId: DeviceId; size: number }
  /** Keys of a device were uploaded or given out. */
  | { kind: 'key_counts'; userId: UserId; deviceId: DeviceId }
  /** An EDU that must arrive; the same commit wrote its row (`outbox_message`). */
  | {
      kind: 'lasting_edu'
      destination: ServerName
      edu: { readonly edu_type: string; readonly content: Readonly<Record<string, unknown>> }
    }
  | { kind: 'profile'; userId: UserId }
)

export const insertRow = (table: string, row: Row): Write => ({ op: 'insert', table, row })
export const upsertRow = (table: string, row: Row): Write => ({ op: 'upsert', table, row })
export const deleteRow = (table: string, id: RowId): Write => ({ op: 'delete', table, id })
