/** The body of both ways to join: what the spec gives no meaning to goes into the member event, as other servers have it. */
import { type Static, Type } from 'typebox'
import type { JsonObject } from '../../../events/pdu.js'

export const JoinBodySchema = Type.Object({ reason: Type.Optional(Type.String()) })

/** Set by this server alone, or not of the event. */
const reserved = new Set([
  ...['membership', 'displayname', 'avatar_url', 'is_direct', 'reason', 'third_party_signed', 'third_party_invite'],
  'join_authorised_via_users_server',
])

export function readJoinBody(body: Static<typeof JoinBodySchema>): { reason?: string; custom?: JsonObject } {
  const custom = Object.entries(body).filter(([name]) => !reserved.has(name))
  return {
    ...(body.reason === undefined ? {} : { reason: body.reason }),
    ...(custom.length > 0 ? { custom: Object.fromEntries(custom) } : {}),
  }
}
