/**
 * GET /.well-known/matrix/support (operationId `getWellknownSupport`)
 *
 * Whom to ask about this server. 404 where the configuration names nobody.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixsupport
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { HomeserverConfig } from '../../kernel/config.js'
import { notFound } from '../../kernel/errors.js'
import { UserIdSchema } from '../../kernel/identifiers.js'

type Needs = { supportContact: HomeserverConfig['support'] }

export const getWellknownSupportEndpoint = defineEndpoint({
  operationId: 'getWellknownSupport',
  method: 'GET',
  path: '/.well-known/matrix/support',
  auth: 'none',
  response: Type.Object({
    contacts: Type.Optional(
      Type.Array(
        Type.Object({
          role: Type.String(),
          email_address: Type.Optional(Type.String()),
          matrix_id: Type.Optional(UserIdSchema),
        }),
      ),
    ),
    support_page: Type.Optional(Type.String()),
  }),
  errors: ['M_NOT_FOUND'],
  handle(_request, hs: Needs) {
    const { contact_email: email, contact_user_id: userId, page_url: page } = hs.supportContact
    const contact = { ...(email && { email_address: email }), ...(userId && { matrix_id: userId }) }
    const hasContact = Object.keys(contact).length > 0
    if (!hasContact && !page) throw notFound('This server names nobody to ask.')
    return {
      ...(hasContact && { contacts: [{ role: 'm.role.admin', ...contact }] }),
      ...(page && { support_page: page }),
    }
  },
})
