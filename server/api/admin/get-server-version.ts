/**
 * GET /_synapse/admin/v1/server_version (operationId `getServerVersion`)
 *
 * The version of this server.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'

type Needs = { version: string }

export const getServerVersionEndpoint = defineEndpoint({
  operationId: 'getServerVersion',
  method: 'GET',
  path: '/_synapse/admin/v1/server_version',
  auth: 'admin',
  response: Type.Object({ server_version: Type.String() }),
  handle: (_request, hs: Needs) => ({ server_version: `Hearth ${hs.version}` }),
})
