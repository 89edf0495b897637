/**
 * POST /_matrix/client/v3/room_keys/version (operationId `postRoomKeysVersion`)
 *
 * Begins a new key backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3room_keysversion
 */
import { Type } from 'typebox'
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { NewBackupSchema } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'createBackup'>

export const postRoomKeysVersionEndpoint = defineEndpoint({
  operationId: 'postRoomKeysVersion',
  method: 'POST',
  path: '/_matrix/client/v3/room_keys/version',
  auth: 'access-token',
  body: NewBackupSchema,
  response: Type.Object({ version: Type.String() }),
  errors: ['M_TOO_LARGE'],
  handle: ({ requester, body }, hs: Needs) => hs.createBackup(requester.userId, body),
})
