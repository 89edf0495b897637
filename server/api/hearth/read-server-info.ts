/**
 * GET /_hearth/client/v1/server_info (operationId `readServerInfo`)
 *
 * What a signed-in user may know of this server: its name, version, and how it is reached; and whether they are to
 * choose a password of their own.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { type ServerName, ServerNameSchema } from '../../kernel/identifiers.js'
import type { ReadAccounts } from '../../users/read-accounts.js'

type Needs = {
  serverName: ServerName
  version: string
  federates: boolean
  publicBaseUrl: string | undefined
  /** Milliseconds since the epoch. */
  startedAt: number
  dataDir: string
  readAccount: ReadAccounts['readAccount']
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
    /** The password was handed out by an administrator. */
    must_change_password: Type.Boolean(),
    started_at: Type.Integer(),
    data_dir: Type.Optional(Type.String()),
  }),
  handle: async ({ requester }, hs: Needs) => ({
    server_name: hs.serverName,
    version: hs.version,
    federation: hs.federates,
    ...(hs.publicBaseUrl !== undefined && { public_baseurl: hs.publicBaseUrl }),
    is_admin: requester.isAdmin,
    must_change_password: (await hs.readAccount(requester.userId)).must_change_password ?? false,
    started_at: hs.startedAt,
    ...(requester.isAdmin && { data_dir: hs.dataDir }), // a path says who owns the machine
  }),
})
