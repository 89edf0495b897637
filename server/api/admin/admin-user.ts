/** An account in Synapse's form. Facts that this server does not keep have the value that says so. */
import { Type } from 'typebox'
import type { Account } from '../../users/read-accounts.js'

const textOrNull = Type.Union([Type.String(), Type.Null()])

export const AdminUserSchema = Type.Object({
  name: Type.String(),
  displayname: textOrNull,
  avatar_url: textOrNull,
  is_guest: Type.Boolean(),
  admin: Type.Boolean(),
  deactivated: Type.Boolean(),
  locked: Type.Boolean(),
  suspended: Type.Boolean(),
  user_type: textOrNull,
  creation_ts: Type.Integer(),
})

/** `creation_ts` is in milliseconds since the epoch. */
export const toAdminUser = (user: Account) => ({
  name: user.user_id,
  displayname: user.displayname ?? null,
  avatar_url: user.avatar_url ?? null,
  is_guest: user.kind === 'guest',
  admin: user.admin,
  deactivated: user.status === 'deactivated',
  locked: user.status === 'locked',
  suspended: user.suspended ?? false,
  user_type: user.kind === 'service' ? 'bot' : null,
  creation_ts: user.created_at,
})
