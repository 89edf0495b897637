/**
 * GET /_matrix/client/v3/thirdparty/protocol/{protocol} (operationId `getProtocolMetadata`)
 *
 * What a network that bridges lead to is called and looked up by.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocolprotocol
 */
import { Type } from 'typebox'
import type { ThirdParty } from '../../../appservices/third-party.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { notFound } from '../../../kernel/errors.js'

type Needs = { thirdParty: Pick<ThirdParty, 'readProtocol'> }

export const getProtocolMetadataEndpoint = defineEndpoint({
  operationId: 'getProtocolMetadata',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/protocol/:protocol',
  auth: 'access-token',
  params: Type.Object({ protocol: Type.String() }),
  response: Type.Record(Type.String(), Type.Unknown()),
  errors: ['M_NOT_FOUND'],
  async handle({ params, signal }, hs: Needs) {
    const protocol = await hs.thirdParty.readProtocol(params.protocol, signal)
    if (!protocol) throw notFound('No bridge leads to that network.')
    return protocol
  },
})
