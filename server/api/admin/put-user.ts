/**
 * PUT /_synapse/admin/v2/users/{userId} (operationId `putUser`)
 *
 * Makes an account (201) or changes one (200): password, name, avatar, administrator, locked, deactivated.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { json } from '../../http/reply.js'
import { forbidden, invalidParam, MatrixError } from '../../kernel/errors.js'
import { localpartOf, type ServerName, serverNameOf, type UserId, UserIdSchema } from '../../kernel/identifiers.js'
import type { ManageAccount } from '../../users/manage-account.js'
import type { Profiles } from '../../users/profile.js'
import type { ReadAccounts } from '../../users/read-accounts.js'
import type { RegisterUser } from '../../users/register-user.js'
import { AdminUserSchema, toAdminUser } from './admin-user.js'

type Needs = Pick<ReadAccounts, 'readAccount'> &
  ManageAccount &
  Pick<Profiles, 'setProfileField'> & { serverName: ServerName; registerUser: RegisterUser }

const BodySchema = Type.Object({
  password: Type.Optional(Type.String()),
  logout_devices: Type.Optional(Type.Boolean()),
  displayname: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  avatar_url: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  admin: Type.Optional(Type.Boolean()),
  locked: Type.Optional(Type.Boolean()),
  deactivated: Type.Optional(Type.Boolean()),
})

export const putUserEndpoint = defineEndpoint({
  operationId: 'putUser',
  method: 'PUT',
  path: '/_synapse/admin/v2/users/:userId',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  body: BodySchema,
  response: AdminUserSchema,
  errors: ['M_INVALID_PARAM', 'M_INVALID_USERNAME', 'M_WEAK_PASSWORD', 'M_FORBIDDEN'],
  async handle({ params: { userId }, body, requester }, hs: Needs) {
    if (serverNameOf(userId) !== hs.serverName) throw invalidParam('That is not a user of this server.')
    const isSelf = userId === requester.userId
    if (isSelf && (body.admin === false || body.deactivated || body.locked))
      throw forbidden('You cannot take your own rights away.')
    const isNew = await hs.readAccount(userId).then(() => false, isMissing)
    if (isNew) {
      const { password, displayname, admin = false } = body
      await hs.registerUser({ localpart: localpartOf(userId), password, displayName: displayname ?? undefined, admin })
    }
    await change(userId, isNew ? { avatar_url: body.avatar_url } : body, hs)
    return json(isNew ? 201 : 200, toAdminUser(await hs.readAccount(userId)))
  },
})

function isMissing(error: unknown): true {
  if (error instanceof MatrixError && error.status === 404) return true
  throw error
}

async function change(userId: UserId, body: Static<typeof BodySchema>, hs: Needs): Promise<void> {
  const { displayname, avatar_url, password, admin, locked, deactivated } = body
  if (displayname !== undefined) await hs.setProfileField(userId, 'displayname', displayname ?? undefined)
  if (avatar_url !== undefined) await hs.setProfileField(userId, 'avatar_url', avatar_url ?? undefined)
  if (password !== undefined) await hs.setPassword(userId, password, (body.logout_devices ?? true) ? null : undefined)
  if (admin !== undefined) await hs.setAdmin(userId, admin)
  if (locked !== undefined) await hs.setStatus(userId, locked ? 'locked' : 'active')
  if (deactivated) await hs.deactivate(userId, false)
}
