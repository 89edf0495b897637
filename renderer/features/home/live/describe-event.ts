/** One line about an event: what kind it is, what its sender does, and a glimpse of what it says. */
import type { RoomEventRow } from '../../../../server/api/live/rows.js'
import { type TextKey, t } from '../../../i18n/index.js'

export type EventKind = 'message' | 'member' | 'state' | 'other'
export const eventKinds: readonly EventKind[] = ['message', 'member', 'state', 'other']

export type Described = {
  /** "joins", "writes", … */
  does: string
  /** What was written, or a name; one line. */
  glimpse?: string
  /** An event type, where we have no word for it. */
  code?: string
}

const messageTypes = new Set(['m.room.message', 'm.room.encrypted', 'm.reaction', 'm.room.redaction', 'm.sticker'])
const longestGlimpse = 200

export function kindOf({ event_type, state_key }: RoomEventRow): EventKind {
  if (messageTypes.has(event_type)) return 'message'
  if (event_type === 'm.room.member') return 'member'
  return state_key === undefined ? 'other' : 'state'
}

const files: Record<string, TextKey> = {
  'm.image': 'live.does.image',
  'm.video': 'live.does.video',
  'm.audio': 'live.does.audio',
  'm.file': 'live.does.file',
  'm.location': 'live.does.location',
}

/** State events with a sentence of their own, and the field worth showing. */
const settings: Record<string, [TextKey, string?]> = {
  'm.room.name': ['live.does.name', 'name'],
  'm.room.topic': ['live.does.topic', 'topic'],
  'm.room.avatar': ['live.does.avatar'],
  'm.room.power_levels': ['live.does.permissions'],
  'm.room.create': ['live.does.creates'],
  'm.room.encryption': ['live.does.encrypts'],
  'm.room.join_rules': ['live.does.joinRules', 'join_rule'],
  'm.room.history_visibility': ['live.does.history', 'history_visibility'],
  'm.room.pinned_events': ['live.does.pins'],
  'm.room.tombstone': ['live.does.replaces'],
}

/** @param nameOf display name of a user in the event's room */
export function describeEvent(row: RoomEventRow, nameOf: (userId: string) => string): Described {
  const content = objectOf(row.event.content)
  if (row.event_type === 'm.room.member') return describeMember(row, content, nameOf)
  if (row.redacted_by && row.state_key === undefined) return { does: t('live.does.redacted') }
  if (messageTypes.has(row.event_type)) return describeMessage(row, content)
  const setting = row.state_key === undefined ? undefined : settings[row.event_type]
  if (setting) return { does: t(setting[0]), ...glimpseOf(setting[1] && content[setting[1]]) }
  return { does: t(row.state_key === undefined ? 'live.does.other' : 'live.does.state'), code: row.event_type }
}

function describeMessage(row: RoomEventRow, content: Record<string, unknown>): Described {
  const relation = objectOf(content['m.relates_to'])
  if (row.event_type === 'm.room.encrypted') return { does: t('live.does.writesEncrypted') }
  if (row.event_type === 'm.room.redaction') return { does: t('live.does.redacts') }
  if (row.event_type === 'm.sticker') return { does: t('live.does.sticker'), ...glimpseOf(content.body) }
  if (row.event_type === 'm.reaction')
    return { does: t('live.does.reacts', { key: oneLine(relation.key).slice(0, 40) }) }
  const edited = objectOf(content['m.new_content'])
  if (relation.rel_type === 'm.replace') return { does: t('live.does.edits'), ...glimpseOf(edited.body) }
  const file = files[String(content.msgtype)]
  if (file) return { does: t(file), ...glimpseOf(content.filename ?? content.body) }
  const verb = content.msgtype === 'm.emote' ? 'emote' : content.msgtype === 'm.notice' ? 'notice' : 'writes'
  return { does: t(`live.does.${verb}`), ...glimpseOf(content.body) }
}

function describeMember(
  row: RoomEventRow,
  content: Record<string, unknown>,
  nameOf: (userId: string) => string,
): Described {
  const before = objectOf(objectOf(row.event.unsigned).prev_content).membership
  const isOwn = row.sender === row.state_key
  const who = row.state_key ? nameOf(row.state_key) : '?'
  switch (content.membership) {
    case 'join':
      return { does: t(before === 'join' ? 'live.does.profile' : 'live.does.joins') }
    case 'invite':
      return { does: t('live.does.invites', { who }) }
    case 'ban':
      return { does: t('live.does.bans', { who }), ...glimpseOf(content.reason) }
    case 'knock':
      return { does: t('live.does.knocks'), ...glimpseOf(content.reason) }
    default:
      if (isOwn) return { does: t(before === 'invite' ? 'live.does.declines' : 'live.does.leaves') }
      return {
        does: t(before === 'ban' ? 'live.does.unbans' : 'live.does.removes', { who }),
        ...glimpseOf(content.reason),
      }
  }
}

/** Content comes from anybody: nothing in it has a shape until it is looked at. */
const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

const oneLine = (value: unknown): string =>
  typeof value === 'string'
    ? value
        .slice(0, longestGlimpse * 2)
        .replace(/\s+/g, ' ')
        .trim()
        .slice(0, longestGlimpse)
    : ''

function glimpseOf(value: unknown): { glimpse?: string } {
  const glimpse = oneLine(value)
  return glimpse ? { glimpse } : {}
}

const searchable = new WeakMap<RoomEventRow, string>()

/** What the filter looks through: names, IDs, type and what the line shows; lower case. */
export function searchTextOf(row: RoomEventRow, roomName: string, nameOf: (userId: string) => string): string {
  const known = searchable.get(row)
  if (known) return known
  const { does, glimpse = '' } = describeEvent(row, nameOf)
  const text = [roomName, nameOf(row.sender), row.sender, row.event_type, does, glimpse].join('\n').toLocaleLowerCase()
  searchable.set(row, text)
  return text
}
