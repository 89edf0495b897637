/**
 * Rule `power-levels`: nobody gives or takes more power than they have.
 *
 * 1. Values are levels (of the room version's kind). 2. Version 12 does not list creators.
 * 3. The first power levels event is free. 4–6. Single levels, events and notifications, users:
 * each change within the sender's own level.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v11/#authorisation-rules
 */
import { parseUserId } from '../../kernel/identifiers.js'
import { isJsonObject, type JsonObject, type PduEvent } from '../pdu.js'
import { isCreator, readLevel, scalarLevels } from '../power-levels.js'
import type { RoomVersionRules } from '../room-versions.js'
import type { AuthState } from './auth-state.js'
import { allow, reject, type Verdict } from './verdict.js'

export function checkPowerLevels({ pdu }: PduEvent, state: AuthState): Verdict {
  const { rules, create, levels } = state
  const format = checkLevelFormat(pdu.content, rules) // 1
  if (!format.allowed) return format
  const { users } = pdu.content
  if (rules.creatorsAbovePowerLevels && isJsonObject(users)) {
    if (Object.keys(users).some((userId) => isCreator(userId, create, rules)))
      return reject('power-levels', 'users names a creator of the room') // 2
  }
  const old = state.get('m.room.power_levels', '')?.pdu.content
  if (!old) return allow // 3
  return checkChanges(old, pdu.content, levels.userLevel(pdu.sender), pdu.sender, rules)
}

/**
 * 1. From version 10 the rules ask for integers. Before, they only ask it of `users`; other values
 * that are no level are refused all the same, because the steps below cannot compare them.
 */
export function checkLevelFormat(content: JsonObject, rules: RoomVersionRules): Verdict {
  const isLevel = (value: unknown) => readLevel(value, rules) !== undefined
  for (const name of scalarLevels)
    if (Object.hasOwn(content, name) && !isLevel(content[name])) return reject('power-levels', `${name} is not a level`)
  for (const name of ['events', 'notifications', 'users']) {
    if (!Object.hasOwn(content, name)) continue
    const map = content[name]
    const isChecked = rules.powerLevelTypesChecked || name === 'users'
    if (!isJsonObject(map)) {
      if (isChecked) return reject('power-levels', `${name} is not an object`)
    } else if (!Object.values(map).every(isLevel)) {
      if (isChecked || name === 'events' || rules.notificationsInPowerLevelChecks)
        return reject('power-levels', `${name} has a value that is not a level`)
    }
  }
  const { users } = content
  if (isJsonObject(users) && !Object.keys(users).every((userId) => parseUserId(userId)))
    return reject('power-levels', 'users has a key that is not a user ID')
  return allow
}

function checkChanges(
  old: JsonObject,
  next: JsonObject,
  own: number,
  sender: string,
  rules: RoomVersionRules,
): Verdict {
  for (const [name, from, to] of changes(old, next, scalarLevels, rules)) {
    if (isAbove(from, own) || isAbove(to, own)) return reject('power-levels', `${name} is above the sender's level`) // 4
  }
  for (const map of rules.notificationsInPowerLevelChecks ? ['events', 'notifications'] : ['events']) {
    for (const [name, from, to] of mapChanges(old[map], next[map], rules)) {
      if (isAbove(from, own) || isAbove(to, own))
        return reject('power-levels', `${map} ${name} is above the sender's level`) // 5
    }
  }
  for (const [userId, from, to] of mapChanges(old.users, next.users, rules)) {
    if (userId !== sender && from !== undefined && from >= own)
      return reject('power-levels', `${userId} has no less power than the sender`) // 6
    if (isAbove(to, own)) return reject('power-levels', `${userId} would get more power than the sender has`) // 6
  }
  return allow // 7
}

type Change = [name: string, from: number | undefined, to: number | undefined]

const isAbove = (level: number | undefined, own: number) => level !== undefined && level > own

function* mapChanges(old: unknown, next: unknown, rules: RoomVersionRules): Iterable<Change> {
  const before = isJsonObject(old) ? old : {}
  const after = isJsonObject(next) ? next : {}
  yield* changes(before, after, new Set([...Object.keys(before), ...Object.keys(after)]), rules)
}

/** Entries whose level was added, removed or changed. `"50"` to `50` is no change. */
function* changes(
  old: JsonObject,
  next: JsonObject,
  names: Iterable<string>,
  rules: RoomVersionRules,
): Iterable<Change> {
  for (const name of names) {
    const from = Object.hasOwn(old, name) ? readLevel(old[name], rules) : undefined
    const to = Object.hasOwn(next, name) ? readLevel(next[name], rules) : undefined
    if (from !== to) yield [name, from, to]
  }
}
