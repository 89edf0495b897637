/**
 * GET /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId} (operationId `getRoomKeyBySessionId`)
 *
 * One key of a backup.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomidsessionid
 */
import type { KeyBackup } from '../../../encryption/key-backup.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { notFound } from '../../../kernel/errors.js'
import { KeyBackupDataSchema, SessionParams, VersionQuery } from './backup-schemas.js'

type Needs = Pick<KeyBackup, 'readKeys'>

export const getRoomKeyBySessionIdEndpoint = defineEndpoint({
  operationId: 'getRoomKeyBySessionId',
  method: 'GET',
  path: '/_matrix/client/v3/room_keys/keys/:roomId/:sessionId',
  auth: 'access-token',
  params: SessionParams,
  query: VersionQuery,
  response: KeyBackupDataSchema,
  errors: ['M_NOT_FOUND'],
  handle: async ({ requester, query, params }, hs: Needs) => {
    const keys = await hs.readKeys(requester.userId, query.version, params)
    const key = keys.get(params.roomId)?.get(params.sessionId)
    if (!key) throw notFound('There is no such key in the backup.')
    return key
  },
})
