/**
 * GET /_matrix/client/v3/room_keys/version (operationId `getRoomKeysVersionCurrent`)
 *
 * The newest key backup: how to use it, how many keys it has, and what changes when they do.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversion
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { BackupSchema } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'readBackup'>

export const getRoomKeysVersionCurrentEndpoint = defineEndpoint({
  operationId: 'getRoomKeysVersionCurrent',
  method: 'GET',
  path: '/_matrix/client/v3/room_keys/version',
  auth: 'access-token',
  response: BackupSchema,
  errors: ['M_NOT_FOUND'],
  handle: ({ requester }, hs: Needs) => hs.readBackup(requester.userId),
})
