/**
 * DELETE /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId} (operationId `deleteRoomKeyBySessionId`)
 *
 * Deletes one key of a backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomidsessionid
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { BackupStateSchema, SessionParams, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'deleteKeys'>

export const deleteRoomKeyBySessionIdEndpoint = defineEndpoint({
  operationId: 'deleteRoomKeyBySessionId',
  method: 'DELETE',
  path: '/_matrix/client/v3/room_keys/keys/:roomId/:sessionId',
  auth: 'access-token',
  params: SessionParams,
  query: VersionQuery,
  response: BackupStateSchema,
  errors: ['M_NOT_FOUND'],
  handle: ({ requester, query, params }, hs: Needs) => hs.deleteKeys(requester.userId, query.version, params),
})
