/**
 * Names: which are a service's own, and which are anybody's.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#server-admin-style-permissions
 */
import { forbidden, MatrixError } from '../kernel/errors.js'
import { parseRoomAlias, parseUserId, type RoomAlias, type ServerName, type UserId } from '../kernel/identifiers.js'
import { toLocalUserId } from '../users/check-password.js'
import type { Requester } from '../users/requester.js'
import type { Appservice, Appservices } from './appservices.js'

export type OwnUsers = {
  /**
   * The service whose token it is.
   *
   * @throws MatrixError 401 `M_MISSING_TOKEN`, `M_UNKNOWN_TOKEN`
   */
  requireAppservice(token: string | undefined): Appservice
  /** The service that a request comes from. @throws MatrixError 403 for everybody else's */
  appserviceOf(requester: Requester): Appservice
  /** @throws MatrixError 400 `M_EXCLUSIVE` for a name that is not the service's, or that is another one's */
  checkOwnName(service: Appservice, name: string): void
  /** @throws MatrixError 400 `M_EXCLUSIVE` for a name that some service has for itself */
  checkFreeName(name: string): void
  checkFreeAlias(alias: RoomAlias, requester: Requester): void
  /** Of an alias of this server. */
  checkFreeAliasName(name: string, requester: Requester): void
  /** A user of a service that is to be logged in. @throws MatrixError 400 `M_EXCLUSIVE`, 403 where there is no such account */
  checkOwnUser(service: Appservice, user: string): Promise<{ userId: UserId }>
  /** A user whom some service has not made yet is made now, where it wants to. */
  ensureUser(userId: UserId): Promise<void>
}

export function makeOwnUsers(needs: {
  appservices: Appservices
  serverName: ServerName
  isActiveUser(userId: UserId): Promise<boolean>
  askForUser(userId: UserId): Promise<boolean>
}): OwnUsers {
  const { appservices, serverName, isActiveUser, askForUser } = needs
  /** Undefined for a name that is none; whoever makes the account refuses it. */
  const userIdOf = (name: string): UserId | undefined => parseUserId(`@${name.toLowerCase()}:${serverName}`)
  const idOf = (requester: Requester) => requester.appservice?.id

  function checkFreeAlias(alias: RoomAlias, requester: Requester): void {
    const id = idOf(requester)
    appservices.checkAliasIsFree(alias, id === undefined ? undefined : appservices.findById(id))
  }

  return {
    requireAppservice(token) {
      if (token === undefined)
        throw new MatrixError(401, 'M_MISSING_TOKEN', 'This needs the token of an application service.')
      const service = appservices.findByToken(token)
      if (!service) throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'That is no token of an application service.')
      return service
    },
    appserviceOf(requester) {
      const id = idOf(requester)
      const service = id === undefined ? undefined : appservices.findById(id)
      if (!service) throw new MatrixError(403, 'M_FORBIDDEN', 'Only application services may do that.')
      return service
    },
    checkOwnName(service, name) {
      const userId = userIdOf(name)
      if (!userId) return
      if (!service.isOwnUser(userId))
        throw new MatrixError(400, 'M_EXCLUSIVE', 'That name is not in the namespace of the application service.')
      appservices.checkUserIsFree(userId, service)
    },
    checkFreeName(name) {
      const userId = userIdOf(name)
      if (userId) appservices.checkUserIsFree(userId, undefined)
    },
    checkFreeAlias,
    checkFreeAliasName(name, requester) {
      const alias = parseRoomAlias(`#${name}:${serverName}`)
      if (alias) checkFreeAlias(alias, requester)
    },
    async checkOwnUser(service, user) {
      const userId = toLocalUserId(user, serverName)
      if (!userId || !service.isOwnUser(userId))
        throw new MatrixError(400, 'M_EXCLUSIVE', 'That user is not in the namespace of the application service.')
      if (!(await isActiveUser(userId))) throw forbidden('There is no such account.')
      return { userId }
    },
    async ensureUser(userId) {
      if (!appservices.all.some((each) => each.isOwnUser(userId)) || (await isActiveUser(userId))) return
      await askForUser(userId)
    },
  }
}
