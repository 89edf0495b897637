/**
 * GET /_hearth/client/v1/onboarding (operationId `readOnboarding`)
 *
 * Whether this server has still to be set up, for a page on this machine.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { ServerNameSchema } from '../../kernel/identifiers.js'
import type { Onboarding } from '../../users/onboarding.js'

type Needs = { onboarding: Pick<Onboarding, 'readState'> }

export const readOnboardingEndpoint = defineEndpoint({
  operationId: 'readOnboarding',
  method: 'GET',
  path: '/_hearth/client/v1/onboarding',
  auth: 'loopback',
  response: Type.Object({
    state: Type.Union([Type.Literal('needed'), Type.Literal('done')]),
    server_name: Type.Optional(ServerNameSchema),
    data_dir: Type.String(),
  }),
  async handle(_request, hs: Needs) {
    const { state, serverName, dataDir } = await hs.onboarding.readState()
    return { state, ...(serverName && { server_name: serverName }), data_dir: dataDir }
  },
})
