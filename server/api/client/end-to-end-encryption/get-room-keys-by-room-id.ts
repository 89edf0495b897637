/**
 * GET /_matrix/client/v3/room_keys/keys/{roomId} (operationId `getRoomKeysByRoomId`)
 *
 * The keys of one room in a backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomid
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomParams, SessionsSchema, toSessions, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'readKeys'>

export const getRoomKeysByRoomIdEndpoint = defineEndpoint({
  operationId: 'getRoomKeysByRoomId',
  method: 'GET',
  path: '/_matrix/client/v3/room_keys/keys/:roomId',
  auth: 'access-token',
  params: RoomParams,
  query: VersionQuery,
  response: SessionsSchema,
  errors: ['M_NOT_FOUND'],
  handle: async ({ requester, query, params }, hs: Needs) =>
    toSessions(await hs.readKeys(requester.userId, query.version, params), params.roomId),
})
