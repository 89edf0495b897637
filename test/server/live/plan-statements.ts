/** The live statements of the Matrix ↔ SurrealDB plan (rows S4, S5, S6), verbatim, with what a client binds. */
export const planStatements: readonly [
  events: [sql: string, bindings: Record<string, unknown>],
  presence: [sql: string, bindings: Record<string, unknown>],
  typing: [sql: string, bindings: Record<string, unknown>],
] = [
  [
    "LIVE SELECT * FROM room_events WHERE room_id = $room_id AND (sender != $user_id OR event_type IN ['m.room.member', 'm.room.power_levels'])",
    { room_id: '!room:example.org' },
  ],
  [
    'LIVE SELECT user_id, presence, last_active_ago, status_msg FROM user_presence WHERE user_id IN $followed_users',
    { followed_users: ['@bob:example.org', '@carol:example.org'] },
  ],
  [
    'LIVE SELECT * FROM typing_events WHERE room_id = $room_id AND user_id != $user_id',
    { room_id: '!room:example.org' },
  ],
]
