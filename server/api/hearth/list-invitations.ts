/**
 * GET /_hearth/admin/v1/invitations (operationId `listInvitations`)
 *
 * The invitations that somebody can still use, newest first.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { Invitations } from '../../users/invitations.js'
import { InvitationSchema, toInvitation } from './invitation-schema.js'

type Needs = Pick<Invitations, 'listInvitations'>

export const listInvitationsEndpoint = defineEndpoint({
  operationId: 'listInvitations',
  method: 'GET',
  path: '/_hearth/admin/v1/invitations',
  auth: 'admin',
  response: Type.Object({ invitations: Type.Array(InvitationSchema) }),
  handle: async (_request, hs: Needs) => ({ invitations: (await hs.listInvitations()).map(toInvitation) }),
})
