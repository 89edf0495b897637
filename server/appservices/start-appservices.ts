/**
 * Builds what this server has to do with application services. Rooms ask it whom an event is for, and it reads rooms to
 * tell them; so it is built in two steps.
 */
import type { Clock } from '../kernel/clock.js'
import type { ServerName, UserId } from '../kernel/identifiers.js'
import { type Logger, loggerFor } from '../kernel/logger.js'
import { makeOutbound } from '../outbound/outbound.js'
import type { Authenticator } from '../users/authenticate.js'
import type { Accounts } from '../users/start-accounts.js'
import { makeActAs } from './act-as.js'
import { makeAskAppservice } from './appservice-client.js'
import { type AppserviceSender, startAppserviceSender } from './appservice-sender.js'
import { makeAppservices } from './appservices.js'
import { makeAskFor } from './ask-for.js'
import { makeInterest } from './interest.js'
import { makeOwnUsers } from './own-users.js'
import { makePing } from './ping.js'
import { makeReadEvents } from './read-events.js'
import { readRegistrations } from './registration.js'
import { makeThirdParty } from './third-party.js'

type Needs = {
  clock: Clock
  serverName: ServerName
  registrationFiles: readonly string[]
  verifyCertificates: boolean
  authenticator: Authenticator
  isActiveUser(userId: UserId): Promise<boolean>
  logger: Logger
}

type ToTell = Omit<
  Parameters<typeof startAppserviceSender>[0],
  'appservices' | 'interest' | 'ask' | 'readEvents' | 'log' | 'clock'
> & { rooms: Parameters<typeof makeReadEvents>[0]['rooms']; registration: Accounts['registration'] }

/** @throws ConfigError where a registration file is wrong */
export function startAppservices(needs: Needs) {
  const { clock, serverName, authenticator } = needs
  const log = loggerFor(needs.logger, 'appservices')
  const appservices = makeAppservices(readRegistrations(needs.registrationFiles), serverName)
  const interest = makeInterest(appservices)
  // Where a service is, the owner has said; most are on this machine.
  const outbound = makeOutbound({
    rules: { verifyCertificates: needs.verifyCertificates, allowPrivateAddresses: true },
  })
  const ask = makeAskAppservice(outbound)
  const closing = new AbortController()
  const askFor = makeAskFor({ appservices, ask, log, closing: closing.signal })
  let sender: AppserviceSender | undefined

  return {
    authenticate: makeActAs({ appservices, ...authenticator }),
    interestedIn: interest.interestedIn,
    ...askFor,
    typingChanged: (...typing: Parameters<AppserviceSender['typingChanged']>) => sender?.typingChanged(...typing),
    presenceChanged: (...presence: Parameters<AppserviceSender['presenceChanged']>) =>
      sender?.presenceChanged(...presence),
    operations: {
      appservices,
      pingAppservice: makePing({ ask, elapsed: clock.elapsed }),
      thirdParty: makeThirdParty({ appservices, ask, log }),
      ...makeOwnUsers({ appservices, serverName, isActiveUser: needs.isActiveUser, askForUser: askFor.askForUser }),
    },

    /** With the rooms there: makes the services' own accounts and begins to tell them what happens. */
    async connect({ registration, ...toTell }: ToTell): Promise<void> {
      for (const { senderLocalpart: localpart } of appservices.all)
        await registration.registerUser({ localpart, kind: 'service' }).catch((error: unknown) => {
          if ((error as { errcode?: string }).errcode !== 'M_USER_IN_USE') throw error // made at an earlier start
        })
      const readEvents = makeReadEvents({ rooms: toTell.rooms, now: clock.now })
      sender = await startAppserviceSender({ ...toTell, clock, log, appservices, interest, ask, readEvents })
    },

    async close(): Promise<void> {
      closing.abort()
      await sender?.close()
      await outbound.close()
    },
  }
}
