/**
 * GET /_synapse/admin/v2/users (operationId `listUsers`)
 *
 * The accounts of this server, a page at a time.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { ReadAccounts } from '../../users/read-accounts.js'
import { AdminUserSchema, toAdminUser } from './admin-user.js'

type Needs = Pick<ReadAccounts, 'listAccounts'>

export const listUsersEndpoint = defineEndpoint({
  operationId: 'listUsers',
  method: 'GET',
  path: '/_synapse/admin/v2/users',
  auth: 'admin',
  query: Type.Object({
    from: Type.Optional(Type.Integer({ minimum: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    name: Type.Optional(Type.String()),
    user_id: Type.Optional(Type.String()),
    guests: Type.Optional(Type.Boolean()),
    deactivated: Type.Optional(Type.Boolean()),
  }),
  response: Type.Object({
    users: Type.Array(AdminUserSchema),
    total: Type.Integer(),
    next_token: Type.Optional(Type.String()),
  }),
  async handle({ query }, hs: Needs) {
    const { from = 0, limit = 100, guests = true, deactivated = false } = query
    const contains = query.name ?? query.user_id
    const filter = { withGuests: guests, withDeactivated: deactivated, ...(contains && { contains }) }
    const { users, total } = await hs.listAccounts(filter, from, limit)
    const next = from + users.length
    return { users: users.map(toAdminUser), total, ...(next < total && { next_token: String(next) }) }
  },
})
