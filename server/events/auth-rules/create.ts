/**
 * Rule `create`: the first event of a room.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v11/#authorisation-rules
 * Spec: https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
import { parseUserId, serverNameIn, serverNameOf } from '../../kernel/identifiers.js'
import type { PduEvent } from '../pdu.js'
import { type RoomVersionRules, roomVersionRules } from '../room-versions.js'
import { allow, reject, type Verdict } from './verdict.js'

export function checkCreate({ pdu }: PduEvent, rules: RoomVersionRules): Verdict {
  const { content } = pdu
  if (pdu.prev_events.length > 0) return reject('create', 'a create event has no prev events')
  if (rules.roomIdIsCreateHash) {
    if (pdu.room_id !== undefined) return reject('create', 'the create event of this room version has no room_id')
  } else if (serverNameIn(pdu.room_id ?? '') !== serverNameOf(pdu.sender)) {
    return reject('create', "the room ID is not of the sender's server")
  }
  const version = content.room_version
  if (version !== undefined && (typeof version !== 'string' || !roomVersionRules(version)))
    return reject('create', 'unknown room version')
  if (rules.creatorIs === 'content.creator' && content.creator === undefined)
    return reject('create', 'content.creator is missing')
  return rules.creatorsAbovePowerLevels ? checkAdditionalCreators(content.additional_creators) : allow
}

function checkAdditionalCreators(creators: unknown): Verdict {
  if (creators === undefined) return allow
  const isValid = Array.isArray(creators) && creators.every((userId) => parseUserId(userId) !== undefined)
  return isValid ? allow : reject('create', 'additional_creators is not a list of user IDs')
}
