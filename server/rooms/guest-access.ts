/**
 * Whether a room lets guests in. What other servers do with their guests nobody here knows.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#guest-access
 */
import { stateKeyOf } from '../events/pdu.js'
import { MatrixError } from '../kernel/errors.js'
import type { Snapshot } from './room.js'
import type { SendEventOptions } from './send-event.js'

export const guestAccessKey = stateKeyOf('m.room.guest_access', '')

export const letsGuestsIn = (room: Pick<Snapshot, 'state'>): boolean =>
  room.state.get(guestAccessKey)?.pdu.content.guest_access === 'can_join'

/** @throws MatrixError 403 where the room does not ask guests in, or only another server could tell */
export function checkGuestAccess(room: Pick<Snapshot, 'state'> | undefined): void {
  if (!room || !letsGuestsIn(room))
    throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'The room does not let guests in.')
}

/** For a guest's own join: asked again under the room's lock, since access may be withdrawn at the same moment. */
export function joinOptions(isGuest: boolean | undefined): Pick<SendEventOptions, 'check'> {
  if (!isGuest) return {}
  return {
    check(room) {
      checkGuestAccess(room)
      return undefined
    },
  }
}
