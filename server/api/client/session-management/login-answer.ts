/**
 * What logging in answers, whichever way it was done.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login
 */
import { type Static, Type } from 'typebox'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { NewSession } from '../../../users/login-sessions.js'

export const LoginAnswerSchema = Type.Object({
  user_id: UserIdSchema,
  access_token: Type.String(),
  device_id: Type.String(),
  refresh_token: Type.Optional(Type.String()),
  expires_in_ms: Type.Optional(Type.Integer()),
  well_known: Type.Optional(Type.Object({ 'm.homeserver': Type.Object({ base_url: Type.String() }) })),
})
export type LoginAnswer = Static<typeof LoginAnswerSchema>
export type ToLoginAnswer = (session: NewSession) => LoginAnswer

/** @param publicBaseUrl where clients should go from now on, if that is configured */
export const makeToLoginAnswer =
  (publicBaseUrl: string | undefined): ToLoginAnswer =>
  (session) => ({
    user_id: session.userId,
    access_token: session.accessToken,
    device_id: session.deviceId,
    ...(session.refreshToken !== undefined && { refresh_token: session.refreshToken }),
    ...(session.expiresInMs !== undefined && { expires_in_ms: session.expiresInMs }),
    ...(publicBaseUrl !== undefined && { well_known: { 'm.homeserver': { base_url: publicBaseUrl } } }),
  })
