/**
 * DELETE /_matrix/client/v3/room_keys/version/{version} (operationId `deleteRoomKeysVersion`)
 *
 * Deletes a key backup and the keys in it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keysversionversion
 */
import { Type } from 'typebox'
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'deleteBackup'>

export const deleteRoomKeysVersionEndpoint = defineEndpoint({
  operationId: 'deleteRoomKeysVersion',
  method: 'DELETE',
  path: '/_matrix/client/v3/room_keys/version/:version',
  auth: 'access-token',
  params: VersionQuery,
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  handle: async ({ requester, params }, hs: Needs) => {
    await hs.deleteBackup(requester.userId, params.version)
    return {}
  },
})
