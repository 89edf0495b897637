/**
 * PUT /_matrix/client/v3/directory/list/appservice/{networkId}/{roomId} (operationId `updateAppserviceRoomDirectoryVisibility`)
 *
 * An application service lists a room in the directory of its network, or takes it out.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#put_matrixclientv3directorylistappservicenetworkidroomid
 */
import { Type } from 'typebox'
import type { OwnUsers } from '../../../appservices/own-users.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { PublicRooms } from '../../../rooms/public-rooms.js'

type Needs = Pick<OwnUsers, 'appserviceOf'> & Pick<PublicRooms, 'setNetworkVisibility'>

export const updateAppserviceRoomDirectoryVisibilityEndpoint = defineEndpoint({
  operationId: 'updateAppserviceRoomDirectoryVisibility',
  method: 'PUT',
  path: '/_matrix/client/v3/directory/list/appservice/:networkId/:roomId',
  auth: 'access-token',
  params: Type.Object({ networkId: Type.String({ maxLength: 255 }), roomId: RoomIdSchema }),
  body: Type.Object({ visibility: Type.Union([Type.Literal('public'), Type.Literal('private')]) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, body, requester }, hs: Needs) {
    const { id } = hs.appserviceOf(requester)
    const { networkId, roomId } = params
    await hs.setNetworkVisibility({ instanceId: `${id}|${networkId}`, roomId, visibility: body.visibility })
    return {}
  },
})
