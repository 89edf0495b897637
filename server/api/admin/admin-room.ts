/** A room in Synapse's form. */
import { Type } from 'typebox'
import type { RoomFacts } from '../../rooms/list-rooms.js'

const textOrNull = Type.Union([Type.String(), Type.Null()])

export const AdminRoomSchema = Type.Object({
  room_id: Type.String(),
  name: textOrNull,
  canonical_alias: textOrNull,
  topic: textOrNull,
  avatar: textOrNull,
  joined_members: Type.Integer(),
  joined_local_members: Type.Integer(),
  version: Type.String(),
  creator: Type.String(),
  encryption: textOrNull,
  federatable: Type.Boolean(),
  public: Type.Boolean(),
  join_rules: textOrNull,
  guest_access: textOrNull,
  history_visibility: textOrNull,
  state_events: Type.Integer(),
  room_type: textOrNull,
})

export const toAdminRoom = (room: RoomFacts) => ({
  room_id: room.roomId,
  name: room.name ?? null,
  canonical_alias: room.canonicalAlias ?? null,
  topic: room.topic ?? null,
  avatar: room.avatarUrl ?? null,
  joined_members: room.joinedMembers,
  joined_local_members: room.joinedLocalMembers,
  version: room.version,
  creator: room.creator,
  encryption: room.encryption ?? null,
  federatable: room.isFederatable,
  public: room.isPublished,
  join_rules: room.joinRule ?? null,
  guest_access: room.guestAccess ?? null,
  history_visibility: room.historyVisibility ?? null,
  state_events: room.stateEvents,
  room_type: room.roomType ?? null,
})
