/**
 * Rows of the live tables, as a record session reads them. Types only: the projector writes them,
 * the renderer and other SDK users read them; `docs/live-api.md` documents them.
 *
 * Times are milliseconds since the epoch. A record id is [..] as in schema/migrations/0005-live.surql.
 */

export type LiveMembership = 'join' | 'invite' | 'leave' | 'ban' | 'knock'

/** From the power level: 100 and above, 50 and above, 0 and above, less; `None` for who is not joined. */
export type LiveRole = 'Owner' | 'Editor' | 'Viewer' | 'None'

/** `room_events:[room_id, seq]` */
export type RoomEventRow = {
  room_id: string
  /** Dense within a segment of the room (see `room_summaries`); a seq that is missing is one this user may not see. */
  seq: number
  position: number
  event_id: string
  sender: string
  event_type: string
  state_key?: string
  origin_server_ts: number
  visibility: 'world_readable' | 'shared' | 'invited' | 'joined'
  redacted_by?: string
  /** `unsigned.transaction_id` for nobody in particular: `${sid}|${txnId}` hashed; the sender's own device finds its local echo by it. */
  txn_hash?: string
  /** The event in client format (content, event_id, sender, type, state_key, origin_server_ts, unsigned). */
  event: Record<string, unknown>
}

/** `room_members:[room_id, user_id]` */
export type RoomMemberRow = {
  room_id: string
  user_id: string
  membership: LiveMembership
  displayname?: string
  avatar_url?: string
  power_level: number
  role: LiveRole
  event_id: string
  position: number
}

/** `room_roles:[room_id, user_id]`: users of this server. */
export type RoomRoleRow = { room_id: string; user_id: string; role: LiveRole }

/** `room_summaries:[user_id, room_id]`: one line of this user's room list, coalesced to at most ten writes a second. */
export type RoomSummaryRow = {
  user_id: string
  room_id: string
  membership: LiveMembership
  /** As the spec computes room names for this user (name, canonical alias, heroes). */
  name: string
  avatar_url?: string
  topic?: string
  canonical_alias?: string
  room_version: string
  room_type?: string
  join_rule: string
  encrypted: boolean
  is_direct: boolean
  /** user IDs of up to five heroes, the other member first */
  heroes: string[]
  joined_count: number
  invited_count: number
  notification_count: number
  highlight_count: number
  /** Newest and oldest seq that exist; `history_complete`: nothing older anywhere. */
  max_seq: number
  first_seq: number
  history_complete: boolean
  /**
   * Where the history has more than one stretch: all of them, oldest first. `seq` is dense within one and jumps between
   * two. `hole`: events are missing right below its `low`. Absent: one stretch, from `first_seq` to `max_seq`.
   */
  segments?: { low: number; high: number; hole: boolean }[]
  /** Last event worth showing in a list, if this user may see it. */
  last_event?: {
    event_id: string
    sender: string
    /** The sender's display name in the room, where there is one. */
    sender_name?: string
    type: string
    origin_server_ts: number
    preview: string
  }
  /** For sorting: origin_server_ts of the last message or of the membership. */
  last_activity_ts: number
  position: number
  /** When the line was made; what happened while its user was away shows a moment after they are back. */
  as_of: number
  /** For invites and knocks: who, and the stripped state that came with it. */
  inviter?: string
  /** The inviter's display name, where it is known. */
  inviter_name?: string
  my_power_level: number
  /** What this user may do here: send, invite, kick, ban, redact, state names. */
  can: {
    send: boolean
    invite: boolean
    kick: boolean
    ban: boolean
    redact: boolean
    name: boolean
    topic: boolean
    avatar: boolean
    power_levels: boolean
  }
  fully_read_event_id?: string
  read_seq: number
  tags: string[]
}

/** `typing_events:[room_id, user_id]`; the row is deleted when typing ends. */
export type TypingRow = { room_id: string; user_id: string; expires_at: number }

/** `user_presence:⟨user_id⟩` */
export type PresenceRow = {
  user_id: string
  presence: 'online' | 'unavailable' | 'offline'
  /** ms since last activity at the time of writing */
  last_active_ago: number
  last_active_ts: number
  currently_active: boolean
  status_msg?: string
}

/** `receipts:[room_id, receipt_type, thread_id or '', user_id]` */
export type ReceiptRow = {
  room_id: string
  user_id: string
  receipt_type: 'm.read' | 'm.read.private'
  thread_id?: string
  event_id: string
  seq?: number
  ts: number
}

/** `account_data:[user_id, room_id or '', type]` */
export type AccountDataRow = { user_id: string; room_id?: string; type: string; content: Record<string, unknown> }

/** `to_device:[user_id, device_id, position]`: messages to one's own device that it has not acknowledged. */
export type ToDeviceRow = {
  user_id: string
  device_id: string
  position: number
  sender: string
  type: string
  /** JSON text. */
  content: string
}

/** `device_key_counts:[user_id, device_id]`: what is left of one's own device's keys. */
export type DeviceKeyCountsRow = {
  user_id: string
  device_id: string
  /** As of which change; the higher wins. */
  position: number
  one_time_key_counts: Record<string, number>
  unused_fallback_key_types: string[]
}

/** `device_list_changes:[user_id, position]`: the `device_lists` of /sync between two positions, each beginning where the one before ends. */
export type DeviceListChangesRow = {
  user_id: string
  since: number
  position: number
  changed: string[]
  left: string[]
}

/** `live_subscriptions:⟨id⟩`, sampled once a second while someone watches */
export type LiveSubscriptionRow = {
  user_id: string
  sid: string
  /** The process that serves it. */
  node: string
  channel: string
  table: string
  query: string
  since: number
  delivered: number
  delay_p50_ms: number
  delay_p95_ms: number
}

/** `server_metrics:⟨'now'⟩`, admins only, sampled once a second while someone watches */
export type ServerMetricsRow = {
  ts: number
  events_per_second: number
  active_rooms: number
  connected_clients: number
  live_channels: number
  live_queries: number
  federation_in_per_second: number
  federation_out_per_second: number
  db_writes_per_second: number
  db_commit_p50_ms: number
  /** Of the lane that is furthest behind; and each lane with its lag in positions and in milliseconds. */
  projector_lag: number
  projector_lanes: [string, number, number][]
  longest_stall_ms: number
  rss_bytes: number
  heap_bytes: number
  uptime_s: number
  /** rooms with events in the last second: [room_id, events] */
  rooms: [string, number][]
}

/** `federation_traffic:⟨destination⟩`, admins only */
export type FederationTrafficRow = {
  destination: string
  state: 'ok' | 'slow' | 'backing_off' | 'down' | 'unknown'
  queue_length: number
  in_pdus: number
  in_edus: number
  out_pdus: number
  out_edus: number
  last_success_ts?: number
  last_error?: string
  retry_at?: number
}
