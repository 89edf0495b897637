/**
 * POST /_matrix/client/v3/createRoom (operationId `createRoom`)
 *
 * Creates a room with the requester as its creator.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
 */
import { Type } from 'typebox'
import type { OwnUsers } from '../../../appservices/own-users.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { MatrixError } from '../../../kernel/errors.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { CreateRoom } from '../../../rooms/create-room.js'

type Needs = Pick<OwnUsers, 'checkFreeAliasName'> & { createRoom: CreateRoom }

/** Each becomes an event, all of them one commit: more would keep everybody waiting. */
const maxInvites = 250
const maxInitialState = 250

const JsonObjectSchema = Type.Record(Type.String(), Type.Unknown())

export const createRoomEndpoint = defineEndpoint({
  operationId: 'createRoom',
  method: 'POST',
  path: '/_matrix/client/v3/createRoom',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'create',
  body: Type.Object({
    creation_content: Type.Optional(JsonObjectSchema),
    initial_state: Type.Optional(
      Type.Array(
        Type.Object({ type: Type.String(), state_key: Type.Optional(Type.String()), content: JsonObjectSchema }),
        { maxItems: maxInitialState },
      ),
    ),
    invite: Type.Optional(Type.Array(UserIdSchema, { maxItems: maxInvites })),
    invite_3pid: Type.Optional(Type.Array(Type.Unknown())),
    is_direct: Type.Optional(Type.Boolean()),
    name: Type.Optional(Type.String()),
    power_level_content_override: Type.Optional(JsonObjectSchema),
    preset: Type.Optional(
      Type.Union([Type.Literal('private_chat'), Type.Literal('public_chat'), Type.Literal('trusted_private_chat')]),
    ),
    room_alias_name: Type.Optional(Type.String()),
    room_version: Type.Optional(Type.String()),
    topic: Type.Optional(Type.String()),
    visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])),
  }),
  response: Type.Object({ room_id: RoomIdSchema }),
  errors: [
    'M_EXCLUSIVE',
    'M_ROOM_IN_USE',
    'M_INVALID_ROOM_STATE',
    'M_UNSUPPORTED_ROOM_VERSION',
    'M_INVALID_PARAM',
    'M_FORBIDDEN',
  ],
  async handle({ body, requester }, hs: Needs) {
    if (body.invite_3pid?.length)
      throw new MatrixError(400, 'M_INVALID_PARAM', 'This server cannot invite people by e-mail or telephone number')
    if (body.room_alias_name !== undefined) hs.checkFreeAliasName(body.room_alias_name, requester)
    const roomId = await hs.createRoom({
      creator: requester.userId,
      preset: body.preset,
      visibility: body.visibility,
      roomVersion: body.room_version,
      aliasLocalpart: body.room_alias_name,
      name: body.name,
      topic: body.topic,
      invite: body.invite,
      isDirect: body.is_direct,
      creationContent: body.creation_content,
      initialState: body.initial_state,
      powerLevelContentOverride: body.power_level_content_override,
    })
    return { room_id: roomId }
  },
})
