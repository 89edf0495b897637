/**
 * PUT /_matrix/client/v3/room_keys/version/{version} (operationId `putRoomKeysVersion`)
 *
 * Changes how a key backup is used: its `auth_data`, and nothing else.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keysversionversion
 */
import { Type } from 'typebox'
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { NewBackupSchema, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'updateBackup'>

export const putRoomKeysVersionEndpoint = defineEndpoint({
  operationId: 'putRoomKeysVersion',
  method: 'PUT',
  path: '/_matrix/client/v3/room_keys/version/:version',
  auth: 'access-token',
  params: VersionQuery,
  body: NewBackupSchema,
  response: Type.Object({}),
  errors: ['M_NOT_FOUND', 'M_INVALID_PARAM', 'M_TOO_LARGE'],
  handle: async ({ requester, params, body }, hs: Needs) => {
    await hs.updateBackup(requester.userId, params.version, body)
    return {}
  },
})
