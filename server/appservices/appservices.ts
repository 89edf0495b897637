/**
 * The application services of this server, and what is theirs: users, aliases and rooms by namespace.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#registration
 */
import { MatrixError } from '../kernel/errors.js'
import { type RoomAlias, type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { hashToken } from '../users/tokens.js'
import type { AppserviceRegistration, Namespace } from './registration.js'

export type Appservice = AppserviceRegistration & {
  /** The user that it acts as where it names no other. */
  readonly sender: UserId
  /** Whether a user of this server is its own: in its namespace, or its sender. */
  isOwnUser(userId: UserId): boolean
  /** Whether what a user of any server does is in its namespace. */
  concernsUser(userId: UserId): boolean
  isOwnAlias(alias: RoomAlias): boolean
  isOwnRoom(roomId: RoomId): boolean
}

export type Appservices = {
  readonly all: readonly Appservice[]
  findByToken(token: string): Appservice | undefined
  findById(id: string): Appservice | undefined
  /** @throws MatrixError 400 `M_EXCLUSIVE` for a name that some service has for itself, unless it is this one */
  checkUserIsFree(userId: UserId, by: Appservice | undefined): void
  checkAliasIsFree(alias: RoomAlias, by: Appservice | undefined): void
}

const isIn = (namespaces: readonly Namespace[], text: string) => namespaces.some(({ regex }) => regex.test(text))
const isExclusive = (namespaces: readonly Namespace[], text: string) =>
  namespaces.some(({ exclusive, regex }) => exclusive && regex.test(text))

export function makeAppservices(registrations: readonly AppserviceRegistration[], serverName: ServerName): Appservices {
  const all = registrations.map((registration): Appservice => {
    const { namespaces } = registration
    const sender = `@${registration.senderLocalpart}:${serverName}` as UserId // its local part was checked
    return {
      ...registration,
      sender,
      isOwnUser: (userId) =>
        userId === sender || (serverNameOf(userId) === serverName && isIn(namespaces.users, userId)),
      concernsUser: (userId) => userId === sender || isIn(namespaces.users, userId),
      isOwnAlias: (alias) => isIn(namespaces.aliases, alias),
      isOwnRoom: (roomId) => isIn(namespaces.rooms, roomId),
    }
  })
  // By hash: how long a look-up takes tells nothing of a token.
  const byToken = new Map(all.map((each) => [hashToken(each.asToken), each]))
  const byId = new Map(all.map((each) => [each.id, each]))

  return {
    all,
    findByToken: (token) => byToken.get(hashToken(token)),
    findById: (id) => byId.get(id),
    checkUserIsFree(userId, by) {
      for (const each of all)
        if (each !== by && (each.sender === userId || isExclusive(each.namespaces.users, userId)))
          throw new MatrixError(400, 'M_EXCLUSIVE', 'That name belongs to an application service.')
    },
    checkAliasIsFree(alias, by) {
      for (const each of all)
        if (each !== by && isExclusive(each.namespaces.aliases, alias))
          throw new MatrixError(400, 'M_EXCLUSIVE', 'That alias belongs to an application service.')
    },
  }
}
