/**
 * DELETE /_matrix/client/v3/profile/{userId}/{keyName} (operationId `deleteProfileField`)
 *
 * Removes one field of one's own profile.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3profileuseridkeyname
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { Profiles } from '../../../users/profile.js'
import { checkOwn } from './check-own.js'

type Needs = Pick<Profiles, 'setProfileField'>

export const deleteProfileFieldEndpoint = defineEndpoint({
  operationId: 'deleteProfileField',
  method: 'DELETE',
  path: '/_matrix/client/v3/profile/:userId/:keyName',
  auth: 'access-token',
  guests: true,
  notIfSuspended: true,
  params: Type.Object({ userId: UserIdSchema, keyName: Type.String() }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_KEY_TOO_LARGE'],
  async handle({ params: { userId, keyName }, requester }, hs: Needs) {
    checkOwn(requester, userId)
    await hs.setProfileField(userId, keyName, undefined)
    return {}
  },
})
