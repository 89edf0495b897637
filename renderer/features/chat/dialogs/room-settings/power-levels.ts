/**
 * Power levels as people set them: what asks for how much, and who has how much. Pure.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels
 */
export type PowerLevels = {
  users?: Record<string, unknown>
  users_default?: unknown
  events?: Record<string, unknown>
  events_default?: unknown
  state_default?: unknown
  notifications?: Record<string, unknown>
} & Record<string, unknown>

/** What is set here: a member of the content, or an event type. */
export const permissions = [
  { key: 'send', type: 'm.room.message' },
  { key: 'invite', member: 'invite', otherwise: 0 },
  { key: 'kick', member: 'kick', otherwise: 50 },
  { key: 'ban', member: 'ban', otherwise: 50 },
  { key: 'redact', member: 'redact', otherwise: 50 },
  { key: 'name', type: 'm.room.name' },
  { key: 'topic', type: 'm.room.topic' },
  { key: 'avatar', type: 'm.room.avatar' },
  { key: 'pins', type: 'm.room.pinned_events' },
  { key: 'powers', type: 'm.room.power_levels' },
] as const satisfies readonly ({ key: string; type: string } | { key: string; member: string; otherwise: number })[]

export type Permission = (typeof permissions)[number]

export const namedLevels = [0, 50, 100] as const

const numberOf = (value: unknown, otherwise: number) => {
  const number = typeof value === 'string' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : otherwise
}

/** What setting this state, or sending a message, asks for. */
export const levelFor = (levels: PowerLevels, type: string): number =>
  numberOf(
    levels.events?.[type],
    type === 'm.room.message' ? numberOf(levels.events_default, 0) : numberOf(levels.state_default, 50),
  )

export const levelOf = (levels: PowerLevels, permission: Permission): number =>
  'type' in permission ? levelFor(levels, permission.type) : numberOf(levels[permission.member], permission.otherwise)

export function withLevel(levels: PowerLevels, permission: Permission, level: number): PowerLevels {
  if ('type' in permission) return { ...levels, events: { ...levels.events, [permission.type]: level } }
  return { ...levels, [permission.member]: level }
}

/** @param level the usual one takes the user out of the list */
export function withUser(levels: PowerLevels, userId: string, level: number): PowerLevels {
  const users = { ...levels.users }
  if (level === numberOf(levels.users_default, 0)) delete users[userId]
  else users[userId] = level
  return { ...levels, users }
}
