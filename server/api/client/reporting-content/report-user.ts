/**
 * POST /_matrix/client/v3/users/{userId}/report (operationId `reportUser`)
 *
 * Tells the administrators of a user, by anybody.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3usersuseridreport
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { Reports } from '../../../users/reports.js'

type Needs = Pick<Reports, 'reportUser'>

export const reportUserEndpoint = defineEndpoint({
  operationId: 'reportUser',
  method: 'POST',
  path: '/_matrix/client/v3/users/:userId/report',
  auth: 'access-token',
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Object({ reason: Type.String() }),
  maxBodyBytes: 32 * 1024,
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  async handle({ params, body, requester }, hs: Needs) {
    await hs.reportUser(requester.userId, params.userId, body)
    return {}
  },
})
