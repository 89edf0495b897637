/**
 * State changes as sentences: "Ana joined", "Bo set the topic".
 *
 * Membership changes of the same kind are put together: "Ana, Bo and Cy joined".
 */
import type { RoomEventRow } from '../../../../server/api/live/rows.js'
import { formatList } from '../../../i18n/format.js'
import { type TextKey, t } from '../../../i18n/index.js'

export type NameOf = (userId: string) => string

type MembershipKind =
  | 'joined'
  | 'left'
  | 'invited'
  | 'kicked'
  | 'banned'
  | 'unbanned'
  | 'rejected'
  | 'withdrew'
  | 'knocked'
  | 'profile'

/** Who did it is part of the sentence; otherwise the members alone are. */
const namesActor = new Set<MembershipKind>(['invited', 'kicked', 'banned', 'unbanned', 'withdrew'])

/** One sentence per change, equal ones put together, in order. */
export function describeStateChanges(
  rows: readonly RoomEventRow[],
  before: readonly (Record<string, unknown> | undefined)[],
  nameOf: NameOf,
): string[] {
  const sentences: (string | { kind: MembershipKind; actor: string; members: string[] })[] = []
  rows.forEach((row, index) => {
    if (row.event_type !== 'm.room.member') {
      sentences.push(describeOther(row, nameOf))
      return
    }
    const kind = membershipKind(row, before[index])
    const actor = namesActor.has(kind) ? row.sender : ''
    const same = sentences.find((each) => typeof each === 'object' && each.kind === kind && each.actor === actor)
    const member = row.state_key ?? row.sender
    if (typeof same === 'object') same.members.push(member)
    else sentences.push({ kind, actor, members: [member] })
  })
  return sentences.map((each) => (typeof each === 'string' ? each : describeMembers(each, nameOf)))
}

function describeMembers(
  { kind, actor, members }: { kind: MembershipKind; actor: string; members: string[] },
  nameOf: NameOf,
) {
  const unique = [...new Set(members)]
  const shown = unique.slice(0, 4).map((member) => nameOf(member))
  if (unique.length > 4) shown.push(`+${unique.length - 4}`)
  return t(`state.${kind}`, { names: formatList(shown), name: actor ? nameOf(actor) : '' })
}

export function membershipKind(row: RoomEventRow, before: Record<string, unknown> | undefined): MembershipKind {
  const membership = (row.event.content as { membership?: unknown } | undefined)?.membership
  const was = before?.membership
  const isOwn = row.sender === row.state_key
  if (membership === 'join') return was === 'join' ? 'profile' : 'joined'
  if (membership === 'invite') return 'invited'
  if (membership === 'ban') return 'banned'
  if (membership === 'knock') return 'knocked'
  if (was === 'ban') return 'unbanned'
  if (was === 'invite') return isOwn ? 'rejected' : 'withdrew'
  return isOwn ? 'left' : 'kicked'
}

/** Types whose value is quoted: the content's member, the text with it, the text without. */
const quoted: Record<string, [string, TextKey, TextKey]> = {
  'm.room.name': ['name', 'state.name', 'state.nameGone'],
  'm.room.topic': ['topic', 'state.topic', 'state.topicGone'],
  'm.room.canonical_alias': ['alias', 'state.alias', 'state.aliasGone'],
}
const plain: Record<string, TextKey> = {
  'm.room.create': 'state.created',
  'm.room.avatar': 'state.avatar',
  'm.room.join_rules': 'state.joinRules',
  'm.room.history_visibility': 'state.history',
  'm.room.power_levels': 'state.powers',
  'm.room.encryption': 'state.encryption',
  'm.room.tombstone': 'state.tombstone',
  'm.room.pinned_events': 'state.pins',
}

function describeOther(row: RoomEventRow, nameOf: NameOf): string {
  const name = nameOf(row.sender)
  const quote = quoted[row.event_type]
  if (quote) {
    const [member, withValue, without] = quote
    const value = (row.event.content as Record<string, unknown> | undefined)?.[member]
    return typeof value === 'string' && value
      ? t(withValue, { name, value: value.slice(0, 200) })
      : t(without, { name })
  }
  const key = plain[row.event_type]
  return key ? t(key, { name }) : t('state.other', { name })
}
