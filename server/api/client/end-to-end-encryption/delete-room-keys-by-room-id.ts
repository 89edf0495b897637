/**
 * DELETE /_matrix/client/v3/room_keys/keys/{roomId} (operationId `deleteRoomKeysByRoomId`)
 *
 * Deletes the keys of one room in a backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomid
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { BackupStateSchema, RoomParams, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'deleteKeys'>

export const deleteRoomKeysByRoomIdEndpoint = defineEndpoint({
  operationId: 'deleteRoomKeysByRoomId',
  method: 'DELETE',
  path: '/_matrix/client/v3/room_keys/keys/:roomId',
  auth: 'access-token',
  params: RoomParams,
  query: VersionQuery,
  response: BackupStateSchema,
  errors: ['M_NOT_FOUND'],
  handle: ({ requester, query, params }, hs: Needs) => hs.deleteKeys(requester.userId, query.version, params),
})
