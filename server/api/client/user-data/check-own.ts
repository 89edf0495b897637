/** Account data and profiles belong to their user alone. */
import { forbidden } from '../../../kernel/errors.js'
import type { UserId } from '../../../kernel/identifiers.js'
import type { Requester } from '../../../users/requester.js'

/** @throws MatrixError 403 `M_FORBIDDEN` when it is somebody else's */
export function checkOwn(requester: Pick<Requester, 'userId'>, userId: UserId): void {
  if (requester.userId !== userId) throw forbidden('That belongs to another user.')
}
