/**
 * DELETE /_hearth/admin/v1/invitations/{id} (operationId `revokeInvitation`)
 *
 * Takes an invitation back: nobody registers with it from then on, however far they had come.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { Invitations } from '../../users/invitations.js'

type Needs = Pick<Invitations, 'revokeInvitation'>

export const revokeInvitationEndpoint = defineEndpoint({
  operationId: 'revokeInvitation',
  method: 'DELETE',
  path: '/_hearth/admin/v1/invitations/:id',
  auth: 'admin',
  params: Type.Object({ id: Type.String() }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  async handle({ params }, hs: Needs) {
    await hs.revokeInvitation(params.id)
    return {}
  },
})
