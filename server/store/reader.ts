/** What every `*-store.ts` needs of the database; the implementation is `database.ts`. */
import type { RoomId } from '../kernel/identifiers.js'
import type { ChangeFollower, CommitPhase } from './follow-changes.js'
import type { CommitUnit, RoomSeq, StreamPosition } from './writes.js'

export type Reader = {
  /**
   * Runs statements under the server's own session; one result per statement. Record ids in rows come
   * back as the SDK's `RecordId`; select `record::id(id)` where the id is wanted.
   */
  query<T extends unknown[]>(sql: string, bindings?: Record<string, unknown>): Promise<T>
}

export type Committer = {
  /** Resolves when the unit is durable and memory has moved on; who follows its changes is told in the same turn. */
  commit<T>(unit: CommitUnit<T>): Promise<T>
  /** Tells the queue how far a room's seq have come; needed once per room and process before `grant.seq`. */
  seedRoom(roomId: RoomId, bounds: { maxSeq: RoomSeq }): void
  /** The last position that is durable and told. */
  readonly position: StreamPosition
  /** Followers run synchronously, in stream order, right after each batch, phase by phase; they must be quick. */
  onCommitted(phase: CommitPhase, follower: ChangeFollower): () => void
}

export type Database = Reader & Committer
