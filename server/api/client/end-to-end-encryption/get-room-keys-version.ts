/**
 * GET /_matrix/client/v3/room_keys/version/{version} (operationId `getRoomKeysVersion`)
 *
 * One key backup: how to use it, how many keys it has, and what changes when they do.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversionversion
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { BackupSchema, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'readBackup'>

export const getRoomKeysVersionEndpoint = defineEndpoint({
  operationId: 'getRoomKeysVersion',
  method: 'GET',
  path: '/_matrix/client/v3/room_keys/version/:version',
  auth: 'access-token',
  params: VersionQuery,
  response: BackupSchema,
  errors: ['M_NOT_FOUND'],
  handle: ({ requester, params }, hs: Needs) => hs.readBackup(requester.userId, params.version),
})
