/**
 * The power levels of the room that replaces another one: the same people may do the same, in the words of the
 * new version.
 *
 * - Levels that an old version has as text or fractions become whole numbers, which new ones want.
 * - From version 12 the creators stand above all levels and are in no list; below it they need a place in it, so
 *   whoever stood above all has at least 100, and so has a creator who is none any more.
 * - A tombstone needs 150 from version 12, so that nobody but the creators closes a room unless the levels said
 *   otherwise, and 100 below.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
import { isJsonObject, type JsonObject, type PduEvent } from './pdu.js'
import { defaultLevels, isCreator, readLevel, scalarLevels } from './power-levels.js'
import type { RoomVersionRules } from './room-versions.js'

type Old = { content: JsonObject | undefined; create: PduEvent; rules: RoomVersionRules }
type New = { rules: RoomVersionRules; creators: readonly string[] }

const adminLevel = 100
const tombstone = { type: 'm.room.tombstone', fromVersion12: 150, before: 100 }

/** @param creators of the new room: who upgrades, and in version 12 the additional ones */
export function levelsOfReplacement(old: Old, { rules, creators }: New): JsonObject {
  const content = old.content ?? { users: oldCreators(old), state_default: 0 }
  const users = numbersIn(content.users, old.rules)
  for (const creator of Object.keys(oldCreators(old)))
    if (old.rules.creatorsAbovePowerLevels) users[creator] = Math.max(adminLevel, users[creator] ?? 0)
  if (rules.creatorsAbovePowerLevels) for (const creator of creators) delete users[creator]
  const levels: Record<string, unknown> = { ...content, users, events: eventLevels(content, old.rules, rules) }
  for (const name of scalarLevels) levels[name] = readLevel(content[name], old.rules) ?? defaultLevels[name]
  if (content.notifications !== undefined) levels.notifications = numbersIn(content.notifications, old.rules)
  return levels
}

/**
 * The same, but who makes the room may do whatever making it takes.
 *
 * @returns undefined where that one may do it anyhow
 */
export function levelsWhileMaking(levels: JsonObject, maker: string, rules: RoomVersionRules): JsonObject | undefined {
  if (rules.creatorsAbovePowerLevels) return undefined
  const users = levels.users as Record<string, number>
  const all = [levels, levels.users, levels.events].flatMap((each) => Object.values(each as JsonObject))
  const highest = Math.max(adminLevel, ...all.filter((level) => typeof level === 'number'))
  return users[maker] === highest ? undefined : { ...levels, users: { ...users, [maker]: highest } }
}

/** The levels of a room that has been replaced: nobody speaks or invites there but those who stand out. */
export function levelsOfClosedRoom(content: JsonObject | undefined, rules: RoomVersionRules): JsonObject {
  const read = (name: keyof typeof defaultLevels) => readLevel(content?.[name], rules) ?? defaultLevels[name]
  const least = Math.max(read('users_default') + 1, 50)
  const atLeast = (level: number) => Math.max(level, least)
  const events = Object.entries(isJsonObject(content?.events) ? content.events : {}).map(([type, level]) => [
    type,
    spokenTypes.has(type) ? atLeast(readLevel(level, rules) ?? 0) : level,
  ])
  return {
    ...content,
    ...(content?.events === undefined ? {} : { events: Object.fromEntries(events) }),
    events_default: atLeast(read('events_default')),
    invite: atLeast(read('invite')),
  }
}

const spokenTypes = new Set(['m.room.message', 'm.room.encrypted', 'm.sticker', 'm.reaction', 'm.poll.start'])

function oldCreators({ create, rules }: Old): Record<string, number> {
  const additional = create.pdu.content.additional_creators
  const named = [create.pdu.sender, create.pdu.content.creator, ...(Array.isArray(additional) ? additional : [])]
  const creators = named.filter((user): user is string => typeof user === 'string' && isCreator(user, create, rules))
  return Object.fromEntries(creators.map((user) => [user, adminLevel]))
}

function eventLevels(content: JsonObject, from: RoomVersionRules, to: RoomVersionRules): Record<string, number> {
  const levels = numbersIn(content.events, from)
  const level = levels[tombstone.type]
  if (to.creatorsAbovePowerLevels && (level === undefined || level === tombstone.before))
    levels[tombstone.type] = tombstone.fromVersion12
  if (!to.creatorsAbovePowerLevels && level === tombstone.fromVersion12) levels[tombstone.type] = tombstone.before
  return levels
}

/** Entries that are levels of that version, as whole numbers. */
function numbersIn(map: unknown, rules: RoomVersionRules): Record<string, number> {
  const entries = Object.entries(isJsonObject(map) ? map : {})
  const read = entries.map(([key, value]) => [key, readLevel(value, rules)] as const)
  return Object.fromEntries(read.filter((entry): entry is readonly [string, number] => entry[1] !== undefined))
}
