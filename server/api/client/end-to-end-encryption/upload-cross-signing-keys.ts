/**
 * POST /_matrix/client/v3/keys/device_signing/upload (operationId `uploadCrossSigningKeys`)
 *
 * Publishes the user's cross-signing keys. Asks for the password where keys would be replaced.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload
 */
import { Type } from 'typebox'
import type { CrossSigning } from '../../../encryption/cross-signing.js'
import type { CrossSigningKey } from '../../../encryption/key-bundles.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'

type Needs = CrossSigning & { requireAuth: RequireAuth }

const KeySchema = Type.Unsafe<CrossSigningKey>(
  Type.Object(
    {
      user_id: UserIdSchema,
      usage: Type.Array(Type.String()),
      keys: Type.Record(Type.String(), Type.String(), { minProperties: 1, maxProperties: 1 }),
      signatures: Type.Optional(Type.Record(Type.String(), Type.Record(Type.String(), Type.String()))),
    },
    { additionalProperties: true },
  ),
)

export const uploadCrossSigningKeysEndpoint = defineEndpoint({
  operationId: 'uploadCrossSigningKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/device_signing/upload',
  auth: 'access-token',
  maxBodyBytes: 512 * 1024,
  body: Type.Object({
    master_key: Type.Optional(KeySchema),
    self_signing_key: Type.Optional(KeySchema),
    user_signing_key: Type.Optional(KeySchema),
    auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  response: Type.Object({}),
  errors: ['M_INVALID_SIGNATURE', 'M_MISSING_PARAM', 'M_BAD_JSON', 'M_FORBIDDEN', 'M_TOO_LARGE'],
  async handle({ body: { auth, ...given }, requester, ip, isLoopback }, hs: Needs) {
    const { userId } = requester
    const body =
      auth !== undefined || (await hs.needsProof(userId, keysIn(given)))
        ? (
            await hs.requireAuth({
              operation: 'uploadCrossSigningKeys',
              userId,
              flows: [['m.login.password']],
              body: given,
              auth,
              from: { ip, isLoopback, requester },
            })
          ).body
        : given
    await hs.uploadCrossSigningKeys(userId, keysIn(body))
    return {}
  },
})

type Given = { master_key?: CrossSigningKey; self_signing_key?: CrossSigningKey; user_signing_key?: CrossSigningKey }

const keysIn = ({ master_key, self_signing_key, user_signing_key }: Given) =>
  new Map([
    ...(master_key ? [['master', master_key] as const] : []),
    ...(self_signing_key ? [['self_signing', self_signing_key] as const] : []),
    ...(user_signing_key ? [['user_signing', user_signing_key] as const] : []),
  ])
