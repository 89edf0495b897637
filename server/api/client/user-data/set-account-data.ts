/**
 * PUT /_matrix/client/v3/user/{userId}/account_data/{type} (operationId `setAccountData`)
 *
 * Sets one's own account data of a type; every device hears of it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridaccount_datatype
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { AccountData } from '../../../users/account-data.js'
import { checkOwn } from './check-own.js'

/** It goes whole into each first sync of the user. */
export const maxAccountDataBytes = 512 * 1024

type Needs = Pick<AccountData, 'setAccountData'>

export const setAccountDataEndpoint = defineEndpoint({
  operationId: 'setAccountData',
  method: 'PUT',
  path: '/_matrix/client/v3/user/:userId/account_data/:type',
  auth: 'access-token',
  guests: true,
  maxBodyBytes: maxAccountDataBytes,
  params: Type.Object({ userId: UserIdSchema, type: Type.String() }),
  body: Type.Record(Type.String(), Type.Unknown()),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_BAD_JSON'],
  async handle({ params, body, requester }, hs: Needs) {
    checkOwn(requester, params.userId)
    await hs.setAccountData(params.userId, undefined, params.type, body)
    return {}
  },
})
