/**
 * POST /_matrix/client/v3/pushers/set (operationId `postPusher`)
 *
 * Adds, replaces or (with a null `kind`) deletes a pusher.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3pushersset
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Pushers } from '../../../push/pushers.js'

type Needs = Pick<Pushers, 'setPusher' | 'deletePusher'>

export const postPusherEndpoint = defineEndpoint({
  operationId: 'postPusher',
  method: 'POST',
  path: '/_matrix/client/v3/pushers/set',
  auth: 'access-token',
  body: Type.Object({
    pushkey: Type.String({ maxLength: 512 }),
    app_id: Type.String({ maxLength: 64 }),
    kind: Type.Union([Type.String(), Type.Null()]),
    app_display_name: Type.Optional(Type.String()),
    device_display_name: Type.Optional(Type.String()),
    profile_tag: Type.Optional(Type.String()),
    lang: Type.Optional(Type.String()),
    data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    append: Type.Optional(Type.Boolean()),
  }),
  response: Type.Object({}),
  errors: ['M_MISSING_PARAM', 'M_INVALID_PARAM'],
  async handle({ body, requester }, hs: Needs) {
    const { kind, append, ...pusher } = body
    if (kind === null) await hs.deletePusher(requester.userId, pusher.app_id, pusher.pushkey)
    else await hs.setPusher(requester, { ...pusher, kind }, append ?? false)
    return {}
  },
})
