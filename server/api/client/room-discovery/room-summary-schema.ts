/** The shape of a room's summary, which several endpoints answer with. */
import { Type } from 'typebox'
import { RoomIdSchema } from '../../../kernel/identifiers.js'

export const RoomSummarySchema = Type.Object({
  room_id: RoomIdSchema,
  num_joined_members: Type.Integer(),
  world_readable: Type.Boolean(),
  guest_can_join: Type.Boolean(),
  join_rule: Type.String(),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  canonical_alias: Type.Optional(Type.String()),
  avatar_url: Type.Optional(Type.String()),
  room_type: Type.Optional(Type.String()),
  allowed_room_ids: Type.Optional(Type.Array(RoomIdSchema)),
  encryption: Type.Optional(Type.String()),
  room_version: Type.Optional(Type.String()),
})

/** A room of a space's hierarchy. */
export const SpaceRoomSchema = Type.Intersect([
  RoomSummarySchema,
  Type.Object({
    children_state: Type.Array(
      Type.Object({
        type: Type.String(),
        state_key: Type.String(),
        content: Type.Record(Type.String(), Type.Unknown()),
        sender: Type.String(),
        origin_server_ts: Type.Integer(),
      }),
    ),
  }),
])
