/**
 * Power levels: who may do what, read from the content of `m.room.power_levels`.
 *
 * Old room versions write levels as strings or floats. A value that cannot be read counts as absent
 * here; whether an event with such a value may be sent at all is for the auth rules. Nothing is
 * copied: a room's event can name thousands of users, and a rule asks about two.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels
 */
import type { UserId } from '../kernel/identifiers.js'
import { isJsonObject, type JsonObject, type PduEvent } from './pdu.js'
import type { RoomVersionRules } from './room-versions.js'

/** Levels that stand alone in the content, with what they are where not given. */
export const defaultLevels = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  kick: 50,
  redact: 50,
  invite: 0,
} as const
export type ScalarLevel = keyof typeof defaultLevels
export const scalarLevels = Object.keys(defaultLevels) as readonly ScalarLevel[]
const defaultNotificationLevel = 50

export type PowerLevels = {
  /** Level of a user, joined or not. Infinity for the creators of a version-12 room. */
  userLevel(userId: string): number
  /** Level needed to send an event of that type. */
  levelFor(type: string, isState: boolean): number
  readonly ban: number
  readonly kick: number
  readonly invite: number
  readonly redact: number
  /** Level needed to notify everybody in the way that `key` names, e.g. `room`. */
  notificationLevel(key: string): number
}

/**
 * @param content content of the room's power levels event, undefined where it has none: then the
 *                creator has 100 (versions 1–11) and everybody else 0
 * @param create  the room's create event
 */
export function readPowerLevels(
  content: JsonObject | undefined,
  create: PduEvent,
  rules: RoomVersionRules,
): PowerLevels {
  const scalar = (name: ScalarLevel) => readLevel(content?.[name], rules) ?? defaultLevels[name]
  const entry = (map: 'users' | 'events' | 'notifications', key: string) =>
    readLevel(entryOf(content?.[map], key), rules)
  return {
    userLevel(userId) {
      if (rules.creatorsAbovePowerLevels && isCreator(userId, create, rules)) return Number.POSITIVE_INFINITY
      if (!content) return !rules.creatorsAbovePowerLevels && isCreator(userId, create, rules) ? 100 : 0
      return entry('users', userId) ?? scalar('users_default')
    },
    levelFor: (type, isState) => entry('events', type) ?? scalar(isState ? 'state_default' : 'events_default'),
    get ban() {
      return scalar('ban')
    },
    get kick() {
      return scalar('kick')
    },
    get invite() {
      return scalar('invite')
    },
    get redact() {
      return scalar('redact')
    },
    notificationLevel: (key) => entry('notifications', key) ?? defaultNotificationLevel,
  }
}

/** The user whom the auth rules call the creator; undefined where the create event of an old version names none. */
export function creatorOf(create: PduEvent, rules: RoomVersionRules): UserId | undefined {
  if (rules.creatorIs === 'sender') return create.pdu.sender
  const creator = create.pdu.content.creator
  return typeof creator === 'string' ? (creator as UserId) : undefined // compared with user IDs, never parsed
}

/** Whether the user created the room; in version 12 also as one of its additional creators. */
export function isCreator(userId: string, create: PduEvent, rules: RoomVersionRules): boolean {
  if (userId === creatorOf(create, rules)) return true
  const additional = create.pdu.content.additional_creators
  return rules.creatorsAbovePowerLevels && Array.isArray(additional) && additional.includes(userId)
}

const entryOf = (map: unknown, key: string) => (isJsonObject(map) && Object.hasOwn(map, key) ? map[key] : undefined)

const integerString = /^\s*[+-]?[0-9]+\s*$/

/**
 * One power level.
 *
 * @returns undefined where it is absent or not a level in this room version
 */
export function readLevel(value: unknown, rules: RoomVersionRules): number | undefined {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    return rules.powerLevelFloats && Number.isFinite(value) ? Math.trunc(value) : undefined
  }
  if (typeof value !== 'string' || !rules.powerLevelStrings || !integerString.test(value)) return undefined
  const level = Number(value)
  return Number.isSafeInteger(level) ? level : undefined
}
