/**
 * POST /_matrix/client/v3/user/{userId}/filter (operationId `defineFilter`)
 *
 * Keeps a filter under an ID, for use in /sync and elsewhere.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { AccountData } from '../../../users/account-data.js'
import { checkOwn } from '../user-data/check-own.js'

type Needs = Pick<AccountData, 'defineFilter'> & {
  /** Throws MatrixError 400 `M_BAD_JSON` for what is no filter. */
  checkFilter(definition: unknown): void
}

export const defineFilterEndpoint = defineEndpoint({
  operationId: 'defineFilter',
  method: 'POST',
  path: '/_matrix/client/v3/user/:userId/filter',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Record(Type.String(), Type.Unknown()),
  response: Type.Object({ filter_id: Type.String() }),
  errors: ['M_FORBIDDEN', 'M_BAD_JSON'],
  async handle({ params: { userId }, body, requester }, hs: Needs) {
    checkOwn(requester, userId)
    hs.checkFilter(body)
    return { filter_id: await hs.defineFilter(userId, body) }
  },
})
