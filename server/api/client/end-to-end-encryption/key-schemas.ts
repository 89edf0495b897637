/** Shapes of keys as clients upload them. What else they say is signed along, and kept. */
import { Type } from 'typebox'
import type { KeyObject } from '../../../encryption/key-shapes.js'
import { parseUserId, type UserId, UserIdSchema } from '../../../kernel/identifiers.js'

const SignaturesSchema = Type.Record(Type.String(), Type.Record(Type.String(), Type.String()))

export const DeviceKeysSchema = Type.Object(
  {
    user_id: UserIdSchema,
    device_id: Type.String(),
    algorithms: Type.Array(Type.String()),
    keys: Type.Record(Type.String(), Type.String()),
    signatures: SignaturesSchema,
  },
  { additionalProperties: true },
)

const KeyObjectSchema = Type.Unsafe<KeyObject>(
  Type.Union([
    Type.String(),
    Type.Object({ key: Type.String(), signatures: Type.Optional(SignaturesSchema) }, { additionalProperties: true }),
  ]),
)
/** By `<algorithm>:<key_id>`. */
export const NamedKeysSchema = Type.Record(Type.String(), KeyObjectSchema)

/** How long other servers are waited for. */
export const TimeoutSchema = Type.Optional(Type.Integer({ minimum: 0 }))
const defaultTimeoutMs = 10_000
const maxTimeoutMs = 20_000
export const readTimeout = (timeout: number | undefined) => Math.min(timeout ?? defaultTimeoutMs, maxTimeoutMs)

/** Users by their IDs; what is no user ID is nobody, and passed over. */
export function byUser<From, To>(given: Readonly<Record<string, From>>, read: (of: From) => To): Map<UserId, To> {
  const users = new Map<UserId, To>()
  for (const [name, of] of Object.entries(given)) {
    const userId = parseUserId(name)
    if (userId) users.set(userId, read(of))
  }
  return users
}
