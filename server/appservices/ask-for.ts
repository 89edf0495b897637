/**
 * Users and rooms that a service has not made yet: somebody asks for them, and the service may make them now.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#querying
 */
import type { RoomAlias, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { AskAppservice } from './appservice-client.js'
import type { Appservice, Appservices } from './appservices.js'

export type AskFor = {
  /** Whether some service says that it has made the room. */
  askForAlias(alias: RoomAlias): Promise<boolean>
  askForUser(userId: UserId): Promise<boolean>
}

const timeoutMs = 10_000

export function makeAskFor(needs: {
  appservices: Pick<Appservices, 'all'>
  ask: AskAppservice
  log: Logger
  closing: AbortSignal
}): AskFor {
  const { ask, log, closing: signal } = needs

  async function askAll(services: readonly Appservice[], path: string): Promise<boolean> {
    for (const service of services) {
      try {
        if ((await ask(service, { method: 'GET', path, timeoutMs, signal })).status === 200) return true
      } catch (error) {
        log.info({ err: error, appservice: service.id }, 'an application service could not be asked')
      }
    }
    return false
  }

  const told = needs.appservices.all.filter(({ url }) => url !== undefined)
  return {
    askForAlias: (alias) =>
      askAll(
        told.filter((each) => each.isOwnAlias(alias)),
        `/_matrix/app/v1/rooms/${encodeURIComponent(alias)}`,
      ),
    askForUser: (userId) =>
      askAll(
        told.filter((each) => each.isOwnUser(userId)),
        `/_matrix/app/v1/users/${encodeURIComponent(userId)}`,
      ),
  }
}
