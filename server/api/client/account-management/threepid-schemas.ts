/** Shapes that endpoints of mail addresses and phone numbers (3PIDs) share. */
import { Type } from 'typebox'

export const MediumSchema = Type.Union([Type.Literal('email'), Type.Literal('msisdn')])
/** Session IDs and secrets of clients. */
export const SecretSchema = Type.String({ pattern: '^[0-9a-zA-Z.=_-]{1,255}$' })
/** What goes into a header as it is. */
export const BearerTokenSchema = Type.String({ pattern: '^[!-~]+$', maxLength: 4096 })
export const UnbindResultSchema = Type.Object({
  id_server_unbind_result: Type.Union([Type.Literal('success'), Type.Literal('no-support')]),
})
export const IdentityCredentialsSchema = Type.Object({
  client_secret: SecretSchema,
  id_server: Type.String(),
  id_access_token: BearerTokenSchema,
  sid: SecretSchema,
})
