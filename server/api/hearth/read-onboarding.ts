/**
 * GET /_hearth/client/v1/onboarding (operationId `readOnboarding`)
 *
 * Whether this server has still to be set up, and once it is, its name: anybody may know that. The rest is for whoever may answer the
 * questions (see `answer-onboarding.ts`), and without it the page says how to get there.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { ServerNameSchema } from '../../kernel/identifiers.js'
import type { Onboarding } from '../../users/onboarding.js'
import { type SetupSecret, setupSecretHeader } from '../../users/setup-secret.js'

type Needs = { onboarding: Pick<Onboarding, 'readState'>; setupSecret: Pick<SetupSecret, 'isRight'> }

export const readOnboardingEndpoint = defineEndpoint({
  operationId: 'readOnboarding',
  method: 'GET',
  path: '/_hearth/client/v1/onboarding',
  auth: 'none',
  response: Type.Object({
    state: Type.Union([Type.Literal('needed'), Type.Literal('done')]),
    server_name: Type.Optional(ServerNameSchema),
    data_dir: Type.Optional(Type.String()),
  }),
  async handle({ headers, isLoopback }, hs: Needs) {
    const { state, serverName, dataDir } = await hs.onboarding.readState()
    if (state === 'done') return { state, ...(serverName && { server_name: serverName }) }
    if (!isLoopback || !hs.setupSecret.isRight(headers[setupSecretHeader])) return { state }
    return { state, ...(serverName && { server_name: serverName }), data_dir: dataDir }
  },
})
