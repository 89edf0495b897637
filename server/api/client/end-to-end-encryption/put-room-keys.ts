/**
 * PUT /_matrix/client/v3/room_keys/keys (operationId `putRoomKeys`)
 *
 * Stores keys of several rooms in the newest backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeys
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { BackupStateSchema, RoomsSchema, toKeys, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'storeKeys'>

export const putRoomKeysEndpoint = defineEndpoint({
  operationId: 'putRoomKeys',
  method: 'PUT',
  path: '/_matrix/client/v3/room_keys/keys',
  auth: 'access-token',
  query: VersionQuery,
  body: RoomsSchema,
  response: BackupStateSchema,
  errors: ['M_NOT_FOUND', 'M_WRONG_ROOM_KEYS_VERSION', 'M_TOO_LARGE'],
  handle: ({ requester, query, body }, hs: Needs) => hs.storeKeys(requester.userId, query.version, toKeys(body.rooms)),
})
