/**
 * POST /_matrix/client/v3/user_directory/search (operationId `searchUserDirectory`)
 *
 * Users whose name or ID has the term in it, among those whom the requester may know.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { SearchUsers } from '../../../users/user-directory.js'

type Needs = { searchUsers: SearchUsers }

const limits = { default: 10, largest: 100 } as const

export const searchUserDirectoryEndpoint = defineEndpoint({
  operationId: 'searchUserDirectory',
  method: 'POST',
  path: '/_matrix/client/v3/user_directory/search',
  auth: 'access-token',
  rateLimit: 'directory',
  body: Type.Object({ search_term: Type.String(), limit: Type.Optional(Type.Integer({ minimum: 0 })) }),
  maxBodyBytes: 16 * 1024,
  response: Type.Object({
    results: Type.Array(
      Type.Object({
        user_id: UserIdSchema,
        display_name: Type.Optional(Type.String()),
        avatar_url: Type.Optional(Type.String()),
      }),
    ),
    limited: Type.Boolean(),
  }),
  async handle({ body, requester }, hs: Needs) {
    const limit = Math.min(body.limit ?? limits.default, limits.largest)
    const { users, isLimited } = await hs.searchUsers(requester.userId, body.search_term, limit)
    const results = users.map(({ userId, displayName, avatarUrl }) => ({
      user_id: userId,
      ...(displayName !== undefined && { display_name: displayName }),
      ...(avatarUrl !== undefined && { avatar_url: avatarUrl }),
    }))
    return { results, limited: isLimited }
  },
})
