/**
 * Requests of application services: their one token stands for whichever of their users the query names.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#identity-assertion
 */
import { forbidden, MatrixError } from '../kernel/errors.js'
import { type DeviceId, parseUserId } from '../kernel/identifiers.js'
import type { Authenticate, AuthenticateOwnUser } from '../users/authenticate.js'
import type { Appservices } from './appservices.js'

export function makeActAs(needs: {
  appservices: Appservices
  authenticate: Authenticate
  authenticateOwnUser: AuthenticateOwnUser
}): Authenticate {
  const { appservices, authenticate, authenticateOwnUser } = needs
  if (appservices.all.length === 0) return authenticate
  return (token, from) => {
    const service = appservices.findByToken(token)
    if (!service) return authenticate(token, from)
    const { userId: named, deviceId: namedDevice } = from.actsAs ?? {}
    const userId = named === undefined ? service.sender : parseUserId(named)
    if (!userId || !service.isOwnUser(userId)) throw forbidden('That user is none of the application service.')
    if (namedDevice === '' || (namedDevice?.length ?? 0) > 255)
      throw new MatrixError(400, 'M_UNKNOWN_DEVICE', 'That user has no such device.')
    return authenticateOwnUser(service, { userId, deviceId: namedDevice as DeviceId | undefined }, from.evenIfLocked)
  }
}
