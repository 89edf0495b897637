/**
 * Users who closed their account and asked to be erased: what they said is for those who were there when they said it,
 * and for nobody who comes later.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
 */
import type { UserId } from '../kernel/identifiers.js'
import type { Reader } from '../store/reader.js'
import { readErased } from '../store/user-store.js'

export type ErasedUsers = {
  isErased(userId: UserId): boolean
  /** Once that is durable. */
  add(userId: UserId): void
}

export async function loadErasedUsers(db: Reader): Promise<ErasedUsers> {
  const erased = new Set(await readErased(db))
  return { isErased: (userId) => erased.has(userId), add: (userId) => void erased.add(userId) }
}
