/**
 * GET /_matrix/client/v3/profile/{userId} (operationId `getUserProfile`)
 *
 * Name, avatar and further fields of a user, also of one on another server.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuserid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { Profiles } from '../../../users/profile.js'

type Needs = Pick<Profiles, 'readProfile'>

export const getUserProfileEndpoint = defineEndpoint({
  operationId: 'getUserProfile',
  method: 'GET',
  path: '/_matrix/client/v3/profile/:userId',
  auth: 'none',
  params: Type.Object({ userId: UserIdSchema }),
  response: Type.Record(Type.String(), Type.Unknown()),
  errors: ['M_NOT_FOUND'],
  handle: ({ params }, hs: Needs) => hs.readProfile(params.userId),
})
