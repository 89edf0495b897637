/** What all sections of one /sync answer share. */
import type { UserId } from '../kernel/identifiers.js'
import type { RoomMembership } from '../rooms/room.js'
import type { StreamPosition } from '../store/writes.js'
import type { AccountDataOfUser } from './account-data-changes.js'
import type { EventView } from './client-events.js'
import type { SyncFilter } from './filter.js'
import type { SentMembers } from './lazy-members.js'
import type { SyncToken } from './sync-token.js'

export type SyncContext = {
  userId: UserId
  filter: SyncFilter
  view: EventView
  /** What the client has already; undefined: nothing. */
  from: SyncToken | undefined
  /** Serial of typing and presence that the client has, in terms of this process. */
  fromSerial: number
  /** The answer tells everything up to here. */
  upTo: StreamPosition
  fullState: boolean
  useStateAfter: boolean
  sent: SentMembers
  account: AccountDataOfUser
}

/** A room to be looked at for an answer. */
export type RoomToSync = { context: SyncContext; membership: RoomMembership }

/** In the form of the answer; undefined where there is nothing to say of the room. */
export type RoomSection = Record<string, unknown> | undefined
