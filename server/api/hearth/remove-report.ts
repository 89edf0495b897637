/**
 * DELETE /_hearth/admin/v1/reports/{id} (operationId `removeReport`)
 *
 * Takes a report off the list, once it has been dealt with.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { Reports } from '../../users/reports.js'

type Needs = Pick<Reports, 'removeReport'>

export const removeReportEndpoint = defineEndpoint({
  operationId: 'removeReport',
  method: 'DELETE',
  path: '/_hearth/admin/v1/reports/:id',
  auth: 'admin',
  params: Type.Object({ id: Type.String() }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  async handle({ params }, hs: Needs) {
    await hs.removeReport(params.id)
    return {}
  },
})
