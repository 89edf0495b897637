/**
 * A room in memory: what sending, receiving and syncing need without a database read.
 *
 * A room is never changed: each change makes another object that shares most of the former (snapshot.ts).
 * `Rooms` (rooms.ts) answers readers, and only with what is durable; write-room.ts is the one way to move a room on.
 *
 * Our own terms, used everywhere:
 * - *state node*: the number, dense per room, under which the state after an event is stored
 *   (`state_node:[room_id, n]`); message events share the node of the state event before them.
 * - *outlier*: an event whose place in the room is unknown (fetched as an auth event); no state, no seq.
 * - *hidden*: a redaction that is accepted but must not be shown (yet): no seq, so no reader meets it.
 */
import type { EventReference, PduEvent } from '../events/pdu.js'
import type { PowerLevels } from '../events/power-levels.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { RoomSeq, StreamPosition } from '../store/writes.js'
import type { Segment } from './segments.js'

export type Membership = 'join' | 'invite' | 'leave' | 'ban' | 'knock'

/** An accepted event with its place. Shared by every reader: never changed in place, replaced when redacted. */
export type TimelineEvent = PduEvent & {
  seq: RoomSeq
  position: StreamPosition
  /** State node of the state after this event. */
  node: number
  redactedBy?: EventId
  /** The state event that this one replaced, for `unsigned.replaces_state` and `prev_content`. */
  replaces?: EventId
  /** Whether other events relate to it: where not, nobody has to look for what is bundled with it. */
  related?: boolean
  /** Present while this process remembers it: which device sent it under which transaction ID. */
  txn?: { sid: string; txnId: string }
}

export type Extremity = {
  readonly eventId: EventId
  readonly depth: number
  readonly node: number
  readonly reference: EventReference
}

/** A redaction whose target is not here yet. */
export type WaitingRedaction = {
  readonly eventId: EventId
  readonly sender: UserId
  /** Whether its sender had the level to redact whatever comes. */
  readonly isSure: boolean
  /** When it began to wait. */
  readonly ts: number
}

/**
 * Members are not held in memory: what a snapshot changed of them is said here until it is durable. Each is what
 * holds now: the member event of a user (undefined: none any more), the joined users of another server.
 */
export type Moved = {
  readonly members: ReadonlyMap<UserId, PduEvent | undefined>
  readonly servers: ReadonlyMap<ServerName, number>
}

/** What of a room its next event is built on and judged by. */
export type Snapshot = {
  readonly roomId: RoomId
  readonly version: string
  readonly rules: RoomVersionRules
  readonly createEvent: PduEvent
  /** This server: whose users are local. */
  readonly serverName: ServerName
  /** Forward extremities: the events new ones will name as prev events. */
  readonly extremities: readonly Extremity[]
  /** State node of the current state (resolved over the extremities). */
  readonly node: number
  /** Entries written into state nodes since the last whole copy of one. */
  readonly nodeWeight: number
  readonly nextNode: number
  /** Which of the rows of states are the current state: a room that is joined afresh gets new ones. */
  readonly stateGeneration: number
  /** Current state but for members: `stateKeyOf(type, stateKey)` → event. */
  readonly state: ReadonlyMap<string, PduEvent>
  /** Entries of the current state, members included. */
  readonly stateSize: number
  readonly powerLevels: PowerLevels
  /** Users of this server by their membership, whatever it is. */
  readonly localMembers: ReadonlyMap<UserId, Membership>
  readonly joinedCount: number
  readonly invitedCount: number
  readonly localJoinedCount: number
  /** What of members differs from the snapshot that its writer began with. */
  readonly moved: Moved
  /** True between a join with omitted members and the arrival of the whole state. */
  readonly partialState: boolean
  /** Redactions that came before their target, by that. */
  readonly waiting: ReadonlyMap<EventId, readonly WaitingRedaction[]>
}

/** How far what is shown of a room has come. */
export type Timeline = {
  readonly maxSeq: RoomSeq
  readonly minSeq: RoomSeq
  /** Whether nothing is older than the oldest event here, anywhere. There may be holes above it all the same. */
  readonly historyComplete: boolean
  /** Stretches between holes, oldest first; none before the first event. */
  readonly segments: readonly Segment[]
  readonly lastPosition: StreamPosition
  /** Where state resolution last moved the state otherwise than by the event accepted there; 0: nowhere. */
  readonly movedPosition: number
  /** The newest events of the newest segment, oldest first, at most 64, dense in seq up to maxSeq. */
  readonly recent: readonly TimelineEvent[]
}

/** A room as it is on disk. */
export type Room = Snapshot & Timeline

/** A user's relation to a room, kept current for every user this process was asked about. */
export type RoomMembership = {
  roomId: RoomId
  membership: Membership
  eventId: EventId
  sender: UserId
  /** Where in the stream it became so. */
  position: StreamPosition
  /** Seq of the member event; absent for an invite or knock that came over federation. */
  seq?: RoomSeq
  forgotten: boolean
  /** Stripped state that came with an invite or knock over federation. */
  stripped?: Record<string, unknown>[]
  /** With that: the server that the invite came from or that took the knock, and the room's version. */
  via?: ServerName
  roomVersion?: string
}

/**
 * The rooms of this server. All reads are answered from memory where the room is loaded, and only with what is
 * durable.
 */
export type Rooms = {
  /** The room, read from the database where it is not in memory; undefined for a room this server does not know. */
  get(roomId: RoomId): Promise<Room | undefined>
  /** Loads those that are not in memory yet, many in a query, with the members that the reader is about to ask for. */
  getMany(roomIds: readonly RoomId[], reader: UserId): Promise<void>
  /** The room where it is in memory. */
  peek(roomId: RoomId): Room | undefined
  /** Position of the room's last durable change without loading it; undefined for an unknown room. No database read. */
  lastPosition(roomId: RoomId): StreamPosition | undefined
  /** Every room of this user by ID (any membership, forgotten ones too). Loaded once per user, then kept current. */
  membershipsOf(userId: UserId): Promise<ReadonlyMap<RoomId, RoomMembership>>
  /** Timeline by seq, oldest first, both ends inclusive; from memory where it can be. At most 1000 apart. */
  readTimeline(roomId: RoomId, from: number, to: number): Promise<TimelineEvent[]>
  /** An event of any status by ID, redacted where it was redacted. */
  readEvent(eventId: EventId): Promise<StoredEvent | undefined>
  readEvents(eventIds: readonly EventId[]): Promise<StoredEvent[]>
  /** The whole state of a node as event IDs: as many entries as the room has members, and more. */
  readStateNode(roomId: RoomId, node: number): Promise<ReadonlyMap<string, EventId>>
  /** Keys whose entries differ between two nodes of a room. */
  readDifferingKeys(roomId: RoomId, from: number, to: number): Promise<Set<string>>
  /** One entry of the state after (at) an event, e.g. a membership for visibility. */
  readStateEntryAt(roomId: RoomId, node: number, type: string, stateKey: string): Promise<PduEvent | undefined>
  /** Some entries of the state after an event, by key. */
  readStateEntriesAt(roomId: RoomId, node: number, keys: readonly string[]): Promise<ReadonlyMap<string, PduEvent>>
  /** Some entries of the current state, members too, for the auth rules: `keys` are the only ones it can be asked for. */
  readCurrent(room: Snapshot, keys: readonly string[]): Promise<Entries>
  /** A user's member event in the room's current state. */
  readMember(room: Snapshot, userId: UserId): Promise<PduEvent | undefined>
  /** All member events of the room's current state, in no particular order: a bulk read. */
  readMembers(room: Snapshot): Promise<readonly PduEvent[]>
  /** The members of one server by their membership, as it is on disk now. */
  readMembersOfServer(room: Snapshot, server: ServerName): Promise<ReadonlyMap<UserId, Membership>>
  /** Servers with joined users, and how many each has. */
  readServers(room: Snapshot): Promise<ReadonlyMap<ServerName, number>>
  /** Membership changes of one user in one room, oldest first. */
  readMembershipHistory(
    roomId: RoomId,
    userId: UserId,
  ): Promise<{ membership: Membership; eventId: EventId; seq: RoomSeq; position: StreamPosition }[]>
  /** Rooms both users are joined to now. */
  sharedRooms(a: UserId, b: UserId): Promise<RoomId[]>
}

export type StoredEvent = PduEvent & {
  status: 'accepted' | 'soft_failed' | 'rejected' | 'outlier'
  reason?: string
  seq?: RoomSeq
  position?: StreamPosition
  node?: number
  redactedBy?: EventId
  replaces?: EventId
  related?: boolean
  /** Of a soft-failed or rejected event: the accepted ones (and unknown ones) that it stands on. */
  behind?: readonly EventId[]
}

/** Some entries of a state by key. */
export type Entries = Pick<ReadonlyMap<string, PduEvent>, 'get'>

/** Whether somebody of this server is joined: then its copy of the room is kept current by the others. */
export const isHere = (room: Pick<Snapshot, 'localJoinedCount'>): boolean => room.localJoinedCount > 0

/** Of a user of this server; who is of another is asked of `readMember`. */
export const isJoined = (room: Pick<Snapshot, 'localMembers'>, userId: UserId): boolean =>
  room.localMembers.get(userId) === 'join'
