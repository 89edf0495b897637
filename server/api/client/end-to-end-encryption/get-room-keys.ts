/**
 * GET /_matrix/client/v3/room_keys/keys (operationId `getRoomKeys`)
 *
 * All keys of a backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeys
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomsSchema, toRooms, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'readKeys'>

export const getRoomKeysEndpoint = defineEndpoint({
  operationId: 'getRoomKeys',
  method: 'GET',
  path: '/_matrix/client/v3/room_keys/keys',
  auth: 'access-token',
  query: VersionQuery,
  response: RoomsSchema,
  errors: ['M_NOT_FOUND'],
  handle: async ({ requester, query }, hs: Needs) => toRooms(await hs.readKeys(requester.userId, query.version, {})),
})
