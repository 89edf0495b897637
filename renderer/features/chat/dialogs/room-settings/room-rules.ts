/**
 * What one hears of a room, as its push rules say: all, what is addressed to oneself, or nothing. Pure.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#push-rules
 */
export type RoomLoudness = 'usual' | 'all' | 'mentions' | 'mute'
export const loudnesses: readonly RoomLoudness[] = ['usual', 'all', 'mentions', 'mute']

type PushRule = { rule_id?: unknown; enabled?: unknown; actions?: unknown; conditions?: unknown }

const rulesOf = (content: Record<string, unknown> | undefined, kind: 'override' | 'room'): readonly PushRule[] => {
  const rules = (content?.global as Record<string, unknown> | undefined)?.[kind]
  return Array.isArray(rules) ? rules : []
}
const isOn = (rule: PushRule | undefined) => rule !== undefined && rule.enabled !== false
const notifies = ({ actions }: PushRule) => Array.isArray(actions) && actions.includes('notify')

/** @param content of `m.push_rules` */
export function loudnessOf(content: Record<string, unknown> | undefined, roomId: string): RoomLoudness {
  const override = rulesOf(content, 'override').find(({ rule_id }) => rule_id === roomId)
  if (override && isOn(override) && !notifies(override)) return 'mute'
  const room = rulesOf(content, 'room').find(({ rule_id }) => rule_id === roomId)
  if (!room || !isOn(room)) return 'usual'
  return notifies(room) ? 'all' : 'mentions'
}

/** The one rule that says so; undefined for what is usual. */
export function ruleFor(
  loudness: RoomLoudness,
  roomId: string,
): { kind: 'override' | 'room'; rule: object } | undefined {
  if (loudness === 'mute') {
    const conditions = [{ kind: 'event_match', key: 'room_id', pattern: roomId }]
    return { kind: 'override', rule: { conditions, actions: [] } }
  }
  if (loudness === 'mentions') return { kind: 'room', rule: { actions: [] } }
  if (loudness === 'all')
    return { kind: 'room', rule: { actions: ['notify', { set_tweak: 'sound', value: 'default' }] } }
  return undefined
}
