/**
 * What the rules may ask about the state an event is judged against.
 *
 * Everything is looked up on demand: most rules need three or four entries.
 */
import type { PduEvent } from '../pdu.js'
import { type PowerLevels, readPowerLevels } from '../power-levels.js'
import type { RoomVersionRules } from '../room-versions.js'

/** State before the event. It must not answer with events that were rejected. */
export type GetState = (type: string, stateKey: string) => PduEvent | undefined

export type AuthState = {
  readonly create: PduEvent
  readonly rules: RoomVersionRules
  readonly get: GetState
  readonly levels: PowerLevels
  /** `content.membership` of a user, undefined where the room has no usable member event of theirs. */
  membershipOf(userId: string): string | undefined
  /** The join rule; `invite` where the room has none, as all servers hold it although no rule says so. */
  joinRule(): string
}

export function readAuthState(create: PduEvent, get: GetState, rules: RoomVersionRules): AuthState {
  const content = (type: string, stateKey: string) => get(type, stateKey)?.pdu.content
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  return {
    create,
    rules,
    get,
    levels: readPowerLevels(content('m.room.power_levels', ''), create, rules),
    membershipOf: (userId) => text(content('m.room.member', userId)?.membership),
    joinRule() {
      const joinRules = content('m.room.join_rules', '')
      return joinRules ? (text(joinRules.join_rule) ?? '') : 'invite'
    },
  }
}
