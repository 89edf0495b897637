/**
 * GET /_matrix/federation/v1/query/profile (operationId `queryProfile`)
 *
 * The profile of a user of ours, or one field of it.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { notFound } from '../../../kernel/errors.js'
import { type ServerName, serverNameOf, UserIdSchema } from '../../../kernel/identifiers.js'
import type { Profiles } from '../../../users/profile.js'

type Needs = Pick<Profiles, 'readLocalProfile'> & { readonly serverName: ServerName }

export const queryProfileEndpoint = defineEndpoint({
  operationId: 'queryProfile',
  method: 'GET',
  path: '/_matrix/federation/v1/query/profile',
  auth: 'signed',
  query: Type.Object({ user_id: UserIdSchema, field: Type.Optional(Type.String()) }),
  response: Type.Record(Type.String(), Type.Unknown()),
  errors: ['M_NOT_FOUND'],
  async handle({ query }, hs: Needs) {
    const { user_id: userId, field } = query
    const profile = serverNameOf(userId) === hs.serverName ? await hs.readLocalProfile(userId) : undefined
    if (!profile) throw notFound('There is no such user here.')
    if (field === undefined) return profile
    return Object.hasOwn(profile, field) && profile[field] !== undefined ? { [field]: profile[field] } : {}
  },
})
