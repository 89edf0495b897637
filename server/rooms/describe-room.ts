/**
 * What a room tells of itself to those who are not in it, and who that is.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms
 */
import { isJsonObject, stateKeyOf } from '../events/pdu.js'
import { parseMxcUri, parseRoomAlias, parseRoomId, type RoomId } from '../kernel/identifiers.js'
import { describePublicRoom, type PublicRoom } from './public-rooms.js'
import type { Room } from './room.js'

/** As the spec's `RoomSummary`. */
export type RoomSummary = PublicRoom & {
  /** Rooms whose members may join; only with the join rules that ask for such. */
  allowed_room_ids?: RoomId[]
  encryption?: string
  room_version?: string
}

export function describeRoom(room: Room): RoomSummary {
  const joinRules = room.state.get(stateKeyOf('m.room.join_rules', ''))?.pdu.content
  const allowed = asksForMembership(joinRules?.join_rule) ? allowedRooms(joinRules?.allow) : []
  const algorithm = room.state.get(stateKeyOf('m.room.encryption', ''))?.pdu.content.algorithm
  return {
    ...describePublicRoom(room),
    ...(allowed.length > 0 && { allowed_room_ids: allowed }),
    ...(typeof algorithm === 'string' && { encryption: algorithm }),
    room_version: room.version,
  }
}

/**
 * Whether anybody may know of the room, who wants to join it or only to look.
 *
 * @param isMemberOf whether who asks (a user, or a server through one of its users) is joined to that room
 */
export function isOpenTo(
  summary: Pick<RoomSummary, 'join_rule' | 'world_readable' | 'allowed_room_ids'>,
  isMemberOf: (roomId: RoomId) => boolean,
): boolean {
  const { join_rule: rule, world_readable, allowed_room_ids: allowed = [] } = summary
  if (world_readable || rule === 'public' || rule === 'knock' || rule === 'knock_restricted') return true
  return rule === 'restricted' && allowed.some(isMemberOf)
}

const asksForMembership = (rule: unknown) => rule === 'restricted' || rule === 'knock_restricted'

function allowedRooms(allow: unknown): RoomId[] {
  const entries = Array.isArray(allow) ? allow : []
  return entries.flatMap((entry: unknown) => {
    const isMembership = isJsonObject(entry) && entry.type === 'm.room_membership'
    return (isMembership && parseRoomId(entry.room_id)) || []
  })
}

/** Reads a summary that another server gave, member by member: what has the wrong type is left out. */
export function readSummary(value: unknown): RoomSummary | undefined {
  if (!isJsonObject(value)) return undefined
  const roomId = parseRoomId(value.room_id)
  const { num_joined_members: count, world_readable, guest_can_join } = value
  if (!roomId || !Number.isSafeInteger(count)) return undefined
  const text = (name: string) => (typeof value[name] === 'string' && value[name] !== '' ? value[name] : undefined)
  const optional = {
    name: text('name'),
    topic: text('topic'),
    canonical_alias: parseRoomAlias(value.canonical_alias),
    avatar_url: parseMxcUri(value.avatar_url) && text('avatar_url'),
    room_type: text('room_type'),
    encryption: text('encryption') ?? text('im.nheko.summary.encryption'),
    room_version: text('room_version') ?? text('im.nheko.summary.room_version'),
    allowed_room_ids: Array.isArray(value.allowed_room_ids)
      ? value.allowed_room_ids.flatMap((id: unknown) => parseRoomId(id) ?? [])
      : undefined,
  }
  return {
    room_id: roomId,
    num_joined_members: Math.max(0, count as number),
    world_readable: world_readable === true,
    guest_can_join: guest_can_join === true,
    join_rule: text('join_rule') ?? 'public', // as servers answered before there were others
    ...Object.fromEntries(Object.entries(optional).filter(([, each]) => each !== undefined)),
  }
}
