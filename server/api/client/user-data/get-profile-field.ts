/**
 * GET /_matrix/client/v3/profile/{userId}/{keyName} (operationId `getProfileField`)
 *
 * One field of a profile.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuseridkeyname
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { notFound } from '../../../kernel/errors.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { Profiles } from '../../../users/profile.js'

type Needs = Pick<Profiles, 'readProfile'>

export const getProfileFieldEndpoint = defineEndpoint({
  operationId: 'getProfileField',
  method: 'GET',
  path: '/_matrix/client/v3/profile/:userId/:keyName',
  auth: 'none',
  params: Type.Object({ userId: UserIdSchema, keyName: Type.String() }),
  response: Type.Record(Type.String(), Type.Unknown()),
  errors: ['M_NOT_FOUND'],
  async handle({ params: { userId, keyName } }, hs: Needs) {
    const profile = await hs.readProfile(userId)
    if (!Object.hasOwn(profile, keyName)) throw notFound('The profile has no such field.')
    return { [keyName]: profile[keyName] }
  },
})
