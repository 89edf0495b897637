/**
 * GET /_matrix/federation/v1/query/{queryType} (operationId `queryInfo`)
 *
 * Any other question: none but `profile` and `directory` (which have routes of their own) can be
 * answered.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryquerytype
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { notFound } from '../../../kernel/errors.js'

export const queryInfoEndpoint = defineEndpoint({
  operationId: 'queryInfo',
  method: 'GET',
  path: '/_matrix/federation/v1/query/:queryType',
  auth: 'signed',
  params: Type.Object({ queryType: Type.String() }),
  errors: ['M_NOT_FOUND'],
  handle(): object {
    throw notFound('That is nothing this server can be asked for.')
  },
})
