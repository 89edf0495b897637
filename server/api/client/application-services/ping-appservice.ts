/**
 * POST /_matrix/client/v1/appservice/{appserviceId}/ping (operationId `pingAppservice`)
 *
 * An application service asks whether this server reaches it.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#post_matrixclientv1appserviceappserviceidping
 */
import { Type } from 'typebox'
import type { OwnUsers } from '../../../appservices/own-users.js'
import type { PingAppservice } from '../../../appservices/ping.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { forbidden } from '../../../kernel/errors.js'

type Needs = Pick<OwnUsers, 'appserviceOf'> & { pingAppservice: PingAppservice }

export const pingAppserviceEndpoint = defineEndpoint({
  operationId: 'pingAppservice',
  method: 'POST',
  path: '/_matrix/client/v1/appservice/:appserviceId/ping',
  auth: 'access-token',
  params: Type.Object({ appserviceId: Type.String() }),
  body: Type.Object({ transaction_id: Type.Optional(Type.String()) }),
  response: Type.Object({ duration_ms: Type.Integer() }),
  errors: ['M_FORBIDDEN', 'M_URL_NOT_SET', 'M_BAD_STATUS', 'M_CONNECTION_FAILED', 'M_CONNECTION_TIMEOUT'],
  async handle({ params, body, requester, signal }, hs: Needs) {
    const service = hs.appserviceOf(requester)
    if (service.id !== params.appserviceId) throw forbidden('That is another application service.')
    const { durationMs } = await hs.pingAppservice(service, body.transaction_id, signal)
    return { duration_ms: durationMs }
  },
})
