/**
 * POST /_synapse/admin/v1/federation/destinations/{destination}/reset_connection (operationId `resetDestination`)
 *
 * Forgets that a server could not be reached, and tries at once.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/federation.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { notFound } from '../../kernel/errors.js'
import { type ServerName, ServerNameSchema } from '../../kernel/identifiers.js'

type Needs = {
  readDestinations(): Promise<{ server_name: string }[]>
  retryDestination(serverName: ServerName): void
}

export const resetDestinationEndpoint = defineEndpoint({
  operationId: 'resetDestination',
  method: 'POST',
  path: '/_synapse/admin/v1/federation/destinations/:destination/reset_connection',
  auth: 'admin',
  params: Type.Object({ destination: ServerNameSchema }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  async handle({ params: { destination } }, hs: Needs) {
    const known = await hs.readDestinations()
    if (!known.some(({ server_name }) => server_name === destination)) throw notFound('There is no such destination.')
    hs.retryDestination(destination)
    return {}
  },
})
