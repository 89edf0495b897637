/**
 * GET /_hearth/client/v1/server_info (operationId `readServerInfo`)
 *
 * What a signed-in user may know of this server: its name, version, and how it is reached.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { type ServerName, ServerNameSchema } from '../../kernel/identifiers.js'

type Needs = {
  serverName: ServerName
  version: string
  federates: boolean
  publicBaseUrl: string | undefined
  /** Milliseconds since the epoch. */
  startedAt: number
  dataDir: string
}

export const readServerInfoEndpoint = defineEndpoint({
  operationId: 'readServerInfo',
  method: 'GET',
  path: '/_hearth/client/v1/server_info',
  auth: 'access-token',
  response: Type.Object({
    server_name: ServerNameSchema,
    version: Type.String(),
    federation: Type.Boolean(),
    public_baseurl: Type.Optional(Type.String()),
    is_admin: Type.Boolean(),
    started_at: Type.Integer(),
    data_dir: Type.Optional(Type.String()),
  }),
  handle: ({ requester }, hs: Needs) => ({
    server_name: hs.serverName,
    version: hs.version,
    federation: hs.federates,
    ...(hs.publicBaseUrl !== undefined && { public_baseurl: hs.publicBaseUrl }),
    is_admin: requester.isAdmin,
    started_at: hs.startedAt,
    ...(requester.isAdmin && { data_dir: hs.dataDir }), // a path says who owns the machine
  }),
})
