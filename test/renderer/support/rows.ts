/** Rows as the live tables hold them, for tests: say only what matters. */
import type { RoomEventRow, RoomMemberRow, RoomSummaryRow } from '../../../server/api/live/rows.js'

export const roomId = '!room'
export const ana = '@ana:test'
export const bo = '@bo:test'
export const cy = '@cy:test'

type EventParts = {
  seq: number
  sender?: string
  type?: string
  ts?: number
  content?: Record<string, unknown>
  stateKey?: string
  unsigned?: Record<string, unknown>
} & Partial<RoomEventRow>

/** Noon, so that a few minutes never change the day. */
export const noon = new Date(2026, 10, 22, 12).getTime()

export function eventRow(parts: EventParts): RoomEventRow {
  const {
    seq,
    sender = ana,
    type = 'm.room.message',
    ts = noon + seq * 1000,
    content = {},
    stateKey,
    unsigned,
    ...rest
  } = parts
  const event_id = rest.event_id ?? `$event${seq}`
  return {
    room_id: roomId,
    seq,
    position: seq,
    event_id,
    sender,
    event_type: type,
    ...(stateKey === undefined ? {} : { state_key: stateKey }),
    origin_server_ts: ts,
    visibility: 'shared',
    event: { event_id, sender, type, origin_server_ts: ts, content, ...(unsigned ? { unsigned } : {}) },
    ...rest,
  }
}

export const messageRow = ({ body = 'hello', content, ...parts }: EventParts & { body?: string }) =>
  eventRow({ ...parts, content: { msgtype: 'm.text', body, ...content } })

export const memberEventRow = (parts: EventParts & { membership: string; before?: string }) =>
  eventRow({
    type: 'm.room.member',
    stateKey: parts.sender ?? ana,
    content: { membership: parts.membership },
    ...(parts.before ? { unsigned: { prev_content: { membership: parts.before } } } : {}),
    ...parts,
  })

export const memberRow = (user_id: string, parts: Partial<RoomMemberRow> = {}): RoomMemberRow => ({
  room_id: roomId,
  user_id,
  membership: 'join',
  power_level: 0,
  role: 'Viewer',
  event_id: `$member${user_id}`,
  position: 1,
  ...parts,
})

export const summaryRow = (parts: Partial<RoomSummaryRow> = {}): RoomSummaryRow => ({
  user_id: ana,
  room_id: roomId,
  membership: 'join',
  name: 'Room',
  room_version: '12',
  join_rule: 'invite',
  encrypted: false,
  is_direct: false,
  heroes: [],
  joined_count: 2,
  invited_count: 0,
  notification_count: 0,
  highlight_count: 0,
  max_seq: 0,
  first_seq: 1,
  history_complete: true,
  last_activity_ts: noon,
  position: 1,
  as_of: noon,
  my_power_level: 0,
  can: {
    send: true,
    invite: true,
    kick: false,
    ban: false,
    redact: false,
    name: false,
    topic: false,
    avatar: false,
    power_levels: false,
  },
  read_seq: 0,
  tags: [],
  ...parts,
})
