/**
 * PUT /_matrix/client/v3/profile/{userId}/{keyName} (operationId `setProfileField`)
 *
 * Sets one field of one's own profile; name and avatar change in every room the user is in.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { missingParam } from '../../../kernel/errors.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { Profiles } from '../../../users/profile.js'
import { checkOwn } from './check-own.js'

type Needs = Pick<Profiles, 'setProfileField'>

export const setProfileFieldEndpoint = defineEndpoint({
  operationId: 'setProfileField',
  method: 'PUT',
  path: '/_matrix/client/v3/profile/:userId/:keyName',
  auth: 'access-token',
  guests: true,
  notIfSuspended: true,
  params: Type.Object({ userId: UserIdSchema, keyName: Type.String() }),
  body: Type.Record(Type.String(), Type.Unknown()),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_MISSING_PARAM', 'M_BAD_JSON', 'M_PROFILE_TOO_LARGE', 'M_KEY_TOO_LARGE'],
  async handle({ params: { userId, keyName }, body, requester }, hs: Needs) {
    checkOwn(requester, userId)
    if (!Object.hasOwn(body, keyName)) throw missingParam(`The body has no ${keyName}.`)
    await hs.setProfileField(userId, keyName, body[keyName] ?? undefined)
    return {}
  },
})
