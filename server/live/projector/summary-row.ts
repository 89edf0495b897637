/** One line of a user's room list, from the room, the user's relation to it and their own settings. */
import { isJsonObject, type PduEvent } from '../../events/pdu.js'
import type { PowerLevels } from '../../events/power-levels.js'
import { mayAct, type RoomAction, storedLevel } from '../../events/roles.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { RoomSummaryRow } from '../../kernel/live-rows.js'
import type { Room, RoomMembership } from '../../rooms/room.js'
import { contentOf, type LastEvent, previewOf } from './last-event.js'
import { heroesFor, type RoomFacts } from './room-facts.js'
import { type Hero, roomName } from './room-name.js'
import type { UserFacts } from './user-facts.js'

export type SummaryParts = {
  userId: UserId
  roomId: RoomId
  own: RoomMembership
  user: UserFacts
  unread: { notification_count: number; highlight_count: number }
  readSeq: number
  position: number
  /** Milliseconds since the epoch. */
  asOf: number
}
/** A room as a line needs it: as it is, or as it was when the user left. */
export type ListedRoom = Pick<Room, 'version' | 'maxSeq' | 'minSeq' | 'historyComplete' | 'segments'> & {
  powerLevels: PowerLevels
}
export type RoomParts = {
  room: ListedRoom
  facts: RoomFacts
  lastEvent: LastEvent | undefined
  /** Of the last event's sender. */
  senderName: string | undefined
}
/** What is read for a line only where it is needed: the user's own member event, and the name of who invited them. */
export type OwnParts = { memberEvent: PduEvent | undefined; inviterName: string | undefined }

/** Optional members are named, so that an upsert takes away what is not there any more. */
export type SummaryRow = { [Name in keyof Required<RoomSummaryRow>]: RoomSummaryRow[Name] | undefined }

const nothingAllowed = {
  ...{ send: false, invite: false, kick: false, ban: false, redact: false },
  ...{ name: false, topic: false, avatar: false, power_levels: false },
}

export function summaryRow(
  parts: SummaryParts,
  { room, facts, lastEvent, senderName }: RoomParts,
  { memberEvent, inviterName }: OwnParts,
): SummaryRow {
  const { userId, own, user } = parts
  const heroes = heroesFor(facts, userId)
  const isDirect =
    user.directRooms.has(parts.roomId) || (own.membership === 'invite' && memberEvent?.pdu.content.is_direct === true)
  const level = room.powerLevels.userLevel(userId)
  return {
    ...base(parts),
    inviter_name: inviterName,
    name: roomName({
      name: facts.name,
      alias: facts.alias,
      heroes,
      memberCount: facts.joinedCount + facts.invitedCount,
    }),
    avatar_url: facts.avatarUrl ?? (isDirect && heroes.length === 1 ? heroes[0]?.avatarUrl : undefined),
    topic: facts.topic,
    canonical_alias: facts.alias,
    room_version: room.version,
    room_type: facts.roomType,
    join_rule: facts.joinRule,
    encrypted: facts.isEncrypted,
    is_direct: isDirect,
    heroes: heroes.map((hero) => hero.userId),
    joined_count: facts.joinedCount,
    invited_count: facts.invitedCount,
    max_seq: room.maxSeq,
    first_seq: room.minSeq,
    history_complete: room.historyComplete,
    segments: segmentsOf(room),
    last_event: lastEvent && {
      event_id: lastEvent.event.eventId,
      sender: lastEvent.event.pdu.sender,
      sender_name: senderName,
      type: lastEvent.event.pdu.type,
      origin_server_ts: lastEvent.event.pdu.origin_server_ts,
      preview: previewOf(contentOf(lastEvent)),
    },
    last_activity_ts: (lastEvent?.event ?? memberEvent)?.pdu.origin_server_ts ?? 0,
    my_power_level: storedLevel(level),
    can: own.membership === 'join' ? rightsOf(room, facts, level) : nothingAllowed,
  }
}

/** An invitation or knock to a room that this server is not in: all it knows is what came along. */
export function strippedSummaryRow(parts: SummaryParts): SummaryRow {
  const stripped = parts.own.stripped ?? []
  const read = (type: string, member: string): string | undefined => {
    const content = stripped.find((event) => event.type === type && event.state_key === '')?.content
    const value = isJsonObject(content) ? content[member] : undefined
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const inviter = parts.own.membership === 'invite' ? heroFrom(stripped, parts.own.sender) : undefined
  const alias = read('m.room.canonical_alias', 'alias')
  const invitation = stripped.find((event) => event.type === 'm.room.member' && event.state_key === parts.userId)
  const isDirect = isJsonObject(invitation?.content) && invitation.content.is_direct === true
  return {
    ...base(parts),
    inviter_name: inviter?.displayName,
    name: roomName({ name: read('m.room.name', 'name'), alias, heroes: inviter ? [inviter] : [], memberCount: 2 }),
    avatar_url: read('m.room.avatar', 'url'),
    topic: read('m.room.topic', 'topic'),
    canonical_alias: alias,
    room_version: read('m.room.create', 'room_version') ?? '1',
    room_type: read('m.room.create', 'type'),
    join_rule: read('m.room.join_rules', 'join_rule') ?? 'invite',
    encrypted: stripped.some((event) => event.type === 'm.room.encryption'),
    is_direct: isDirect,
    heroes: inviter ? [inviter.userId] : [],
    joined_count: 0,
    invited_count: 0,
    max_seq: 0,
    first_seq: 0,
    history_complete: false,
    segments: undefined,
    last_event: undefined,
    last_activity_ts: 0,
    my_power_level: 0,
    can: nothingAllowed,
  }
}

/** The stretches of a room, up to its last event; undefined where there is one, which needs no telling. */
function segmentsOf({ segments, maxSeq }: ListedRoom): SummaryRow['segments'] {
  const told = segments.filter(({ low }) => low <= maxSeq)
  if (told.length < 2) return undefined
  return told.map(({ low, high, below }) => ({
    low,
    high: Math.min(high ?? maxSeq, maxSeq),
    hole: below === 'unknown',
  }))
}

const base = ({ userId, roomId, own, user, unread, readSeq, position, asOf }: SummaryParts) => ({
  user_id: userId,
  room_id: roomId,
  membership: own.membership,
  notification_count: unread.notification_count,
  highlight_count: unread.highlight_count,
  position,
  as_of: asOf,
  inviter: own.membership === 'invite' ? own.sender : undefined,
  fully_read_event_id: user.fullyRead.get(roomId),
  read_seq: readSeq,
  tags: user.tags.get(roomId) ?? [],
})

export function displayNameIn(memberEvent: PduEvent | undefined): string | undefined {
  const name = memberEvent?.pdu.content.displayname
  return typeof name === 'string' && name !== '' ? name : undefined
}

function rightsOf({ powerLevels }: ListedRoom, { isEncrypted }: RoomFacts, level: number): RoomSummaryRow['can'] {
  const may = (action: RoomAction) => mayAct(powerLevels, 'join', level, action)
  const maySet = (type: string) => level >= powerLevels.levelFor(type, true)
  return {
    send: level >= powerLevels.levelFor(isEncrypted ? 'm.room.encrypted' : 'm.room.message', false),
    invite: may('invite'),
    kick: may('kick'),
    ban: may('ban'),
    redact: may('redact'),
    name: maySet('m.room.name'),
    topic: maySet('m.room.topic'),
    avatar: maySet('m.room.avatar'),
    power_levels: maySet('m.room.power_levels'),
  }
}

function heroFrom(stripped: readonly Record<string, unknown>[], userId: UserId): Hero {
  const event = stripped.find((each) => each.type === 'm.room.member' && each.state_key === userId)
  const content = isJsonObject(event?.content) ? event.content : {}
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
  return { userId, displayName: text(content.displayname), avatarUrl: text(content.avatar_url) }
}
