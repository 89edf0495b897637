/**
 * DELETE /_matrix/client/v3/room_keys/keys (operationId `deleteRoomKeys`)
 *
 * Deletes all keys of a backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeys
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { BackupStateSchema, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'deleteKeys'>

export const deleteRoomKeysEndpoint = defineEndpoint({
  operationId: 'deleteRoomKeys',
  method: 'DELETE',
  path: '/_matrix/client/v3/room_keys/keys',
  auth: 'access-token',
  query: VersionQuery,
  response: BackupStateSchema,
  errors: ['M_NOT_FOUND'],
  handle: ({ requester, query }, hs: Needs) => hs.deleteKeys(requester.userId, query.version, {}),
})
