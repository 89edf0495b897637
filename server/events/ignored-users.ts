/**
 * What a user does not want to see of those they ignore: the one rule, which /sync, reading, counts, the room list
 * and its previews ask.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#ignoring-users
 */
import type { UserId } from '../kernel/identifiers.js'
import { isJsonObject } from './pdu.js'

export const ignoredUsersType = 'm.ignored_user_list'

const nobody: ReadonlySet<string> = new Set()

/** Whom the content of `m.ignored_user_list` names. Nobody ignores themselves: what they say must not be hidden from them. */
export function readIgnoredUsers(content: unknown, userId: UserId): ReadonlySet<string> {
  const users = isJsonObject(content) ? content.ignored_users : undefined
  return isJsonObject(users) ? new Set(Object.keys(users).filter((each) => each !== userId)) : nobody
}

/** Whether an event is kept from a reader who ignores these users: their state is not, since the room depends on it. */
export const isIgnored = (
  ignored: ReadonlySet<string>,
  { sender, state_key }: { readonly sender: string; readonly state_key?: unknown },
): boolean => state_key === undefined && ignored.has(sender)
