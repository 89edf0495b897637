/**
 * What a client asks of sliding sync: windows on lists of rooms, single rooms, and what else it wants to hear of.
 *
 * Proposal: MSC4186 (simplified sliding sync)
 */
import type { DeviceId, UserId } from '../../kernel/identifiers.js'

/** Pairs of event type and state key; `*` for any, `$ME` and `$LAZY` as keys. */
export type RequiredState = readonly (readonly [string, string])[]

export type RoomParameters = { required_state?: RequiredState | undefined; timeline_limit?: number | undefined }

export type ListFilters = {
  is_dm?: boolean
  is_encrypted?: boolean
  is_invite?: boolean
  spaces?: readonly string[]
  room_types?: readonly (string | null)[]
  not_room_types?: readonly (string | null)[]
  tags?: readonly string[]
  not_tags?: readonly string[]
  room_name_like?: string
}

export type ListRequest = RoomParameters & {
  /** First and last place, both inclusive, from 0. */
  ranges?: readonly (readonly [number, number])[]
  filters?: ListFilters
}

type RoomExtension = { enabled?: boolean; lists?: readonly string[]; rooms?: readonly string[] }

export type Extensions = {
  to_device?: { enabled?: boolean; since?: string; limit?: number }
  e2ee?: { enabled?: boolean }
  account_data?: RoomExtension
  receipts?: RoomExtension
  typing?: RoomExtension
}

export type SlidingRequest = {
  userId: UserId
  deviceId: DeviceId
  sid: string
  /** Of the answer before; undefined at the beginning. */
  pos: string | undefined
  timeoutMs: number
  setPresence: 'online' | 'offline' | 'unavailable'
  signal: AbortSignal
  body: {
    conn_id?: string
    lists?: Readonly<Record<string, ListRequest>>
    room_subscriptions?: Readonly<Record<string, RoomParameters>>
    extensions?: Extensions
  }
}

/** Largest number of timeline events of a room in one answer. */
export const maxTimelineLimit = 100
