/** An invitation as administrators see it: everything but its token. */
import { Type } from 'typebox'
import { RoomIdSchema, UserIdSchema } from '../../kernel/identifiers.js'
import type { Invitation } from '../../users/invitations.js'

export const InvitationSchema = Type.Object({
  id: Type.String(),
  /** Milliseconds since the epoch. */
  created_ts: Type.Integer(),
  created_by: UserIdSchema,
  expires_ts: Type.Optional(Type.Integer()),
  /** Accounts it is good for in all, and those that were made with it. */
  uses_allowed: Type.Optional(Type.Integer()),
  uses: Type.Integer(),
  room_ids: Type.Array(RoomIdSchema),
  label: Type.Optional(Type.String()),
})

export const toInvitation = (row: Invitation) => ({
  id: row.hash,
  created_ts: row.created_at,
  created_by: row.created_by,
  ...(row.expiry_time !== undefined && { expires_ts: row.expiry_time }),
  ...(row.uses_allowed !== undefined && { uses_allowed: row.uses_allowed }),
  uses: row.completed,
  room_ids: row.room_ids,
  ...(row.label !== undefined && { label: row.label }),
})
