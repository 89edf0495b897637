/**
 * POST /_hearth/client/v1/invitation (operationId `readInvitation`)
 *
 * What an invitation is to, for whoever shows its token: the server, who invites, and the rooms. The token comes in the
 * body, so that no address carries it.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { type RoomId, RoomIdSchema, type ServerName, ServerNameSchema, UserIdSchema } from '../../kernel/identifiers.js'
import type { Invitations } from '../../users/invitations.js'
import type { Profiles } from '../../users/profile.js'

type Needs = Pick<Invitations, 'describeInvitation'> &
  Pick<Profiles, 'readLocalProfile'> & {
    serverName: ServerName
    readRoomName(roomId: RoomId): Promise<string | undefined>
  }

export const readInvitationEndpoint = defineEndpoint({
  operationId: 'readInvitation',
  method: 'POST',
  path: '/_hearth/client/v1/invitation',
  auth: 'none',
  rateLimit: 'registration',
  body: Type.Object({ token: Type.String({ maxLength: 200 }) }),
  response: Type.Object({
    server_name: ServerNameSchema,
    inviter: Type.Object({ user_id: UserIdSchema, displayname: Type.Optional(Type.String()) }),
    expires_ts: Type.Optional(Type.Integer()),
    rooms: Type.Array(Type.Object({ room_id: RoomIdSchema, name: Type.Optional(Type.String()) })),
  }),
  errors: ['M_NOT_FOUND'],
  async handle({ body }, hs: Needs) {
    const { created_by, expiry_time, room_ids } = await hs.describeInvitation(body.token)
    const displayname = (await hs.readLocalProfile(created_by))?.displayname
    const rooms = await Promise.all(
      room_ids.map(async (room_id) => {
        const name = await hs.readRoomName(room_id)
        return { room_id, ...(name !== undefined && { name }) }
      }),
    )
    return {
      server_name: hs.serverName,
      inviter: { user_id: created_by, ...(displayname !== undefined && { displayname }) },
      ...(expiry_time !== undefined && { expires_ts: expiry_time }),
      rooms,
    }
  },
})
