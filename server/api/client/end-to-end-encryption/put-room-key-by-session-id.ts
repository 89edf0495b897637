/**
 * PUT /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId} (operationId `putRoomKeyBySessionId`)
 *
 * Stores one key in the newest backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomidsessionid
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { BackupStateSchema, KeyBackupDataSchema, SessionParams, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'storeKeys'>

export const putRoomKeyBySessionIdEndpoint = defineEndpoint({
  operationId: 'putRoomKeyBySessionId',
  method: 'PUT',
  path: '/_matrix/client/v3/room_keys/keys/:roomId/:sessionId',
  auth: 'access-token',
  params: SessionParams,
  query: VersionQuery,
  body: KeyBackupDataSchema,
  response: BackupStateSchema,
  errors: ['M_NOT_FOUND', 'M_WRONG_ROOM_KEYS_VERSION', 'M_TOO_LARGE'],
  handle: ({ requester, query, params, body }, hs: Needs) =>
    hs.storeKeys(requester.userId, query.version, new Map([[params.roomId, new Map([[params.sessionId, body]])]])),
})
