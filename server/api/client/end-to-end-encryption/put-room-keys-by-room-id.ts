/**
 * PUT /_matrix/client/v3/room_keys/keys/{roomId} (operationId `putRoomKeysByRoomId`)
 *
 * Stores keys of one room in the newest backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomid
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { BackupStateSchema, RoomParams, SessionsSchema, toKeys, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'storeKeys'>

export const putRoomKeysByRoomIdEndpoint = defineEndpoint({
  operationId: 'putRoomKeysByRoomId',
  method: 'PUT',
  path: '/_matrix/client/v3/room_keys/keys/:roomId',
  auth: 'access-token',
  params: RoomParams,
  query: VersionQuery,
  body: SessionsSchema,
  response: BackupStateSchema,
  errors: ['M_NOT_FOUND', 'M_WRONG_ROOM_KEYS_VERSION', 'M_TOO_LARGE'],
  handle: ({ requester, query, params, body }, hs: Needs) =>
    hs.storeKeys(requester.userId, query.version, toKeys({ [params.roomId]: body })),
})
