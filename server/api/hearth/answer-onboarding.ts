/**
 * POST /_hearth/client/v1/onboarding (operationId `answerOnboarding`)
 *
 * Sets the server up: its name, which never changes, its first account, which is its administrator, and a room
 * for notes. Works once, for whoever shows the secret of this start (`X-Hearth-Setup`), and from this machine only.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { forbidden } from '../../kernel/errors.js'
import { ServerNameSchema, UserIdSchema } from '../../kernel/identifiers.js'
import type { Onboarding } from '../../users/onboarding.js'
import { type SetupSecret, setupSecretHeader } from '../../users/setup-secret.js'

type Needs = { onboarding: Pick<Onboarding, 'answer'>; setupSecret: Pick<SetupSecret, 'isRight'> }

export const answerOnboardingEndpoint = defineEndpoint({
  operationId: 'answerOnboarding',
  method: 'POST',
  path: '/_hearth/client/v1/onboarding',
  auth: 'loopback',
  rateLimit: 'login',
  body: Type.Object({
    server_name: ServerNameSchema,
    username: Type.String(),
    password: Type.String({ minLength: 8 }),
    display_name: Type.Optional(Type.String({ maxLength: 255 })),
    federation: Type.Union([Type.Literal('local'), Type.Literal('federated')]),
  }),
  response: Type.Object({
    user_id: UserIdSchema,
    access_token: Type.String(),
    device_id: Type.String(),
    notes_room_id: Type.Optional(Type.String()),
  }),
  errors: ['M_FORBIDDEN', 'M_INVALID_PARAM', 'M_INVALID_USERNAME', 'M_USER_IN_USE', 'M_WEAK_PASSWORD'],
  async handle({ body, headers }, hs: Needs) {
    if (!hs.setupSecret.isRight(headers[setupSecretHeader]))
      throw forbidden('Open the address that the server printed when it started.')
    const session = await hs.onboarding.answer({
      serverName: body.server_name,
      username: body.username,
      password: body.password,
      displayName: body.display_name || undefined,
      federation: body.federation,
    })
    return {
      user_id: session.userId,
      access_token: session.accessToken,
      device_id: session.deviceId,
      ...(session.notesRoomId && { notes_room_id: session.notesRoomId }),
    }
  },
})
