/**
 * Federation, or its absence: what rooms, users and media may ask other servers for, and what other servers
 * may ask of us.
 *
 * Built in two steps, since federation needs rooms and rooms need it: `startFederation` first, `connect` once the
 * rooms are there.
 */

import type { AdmitServer } from './federation/authenticate-server.js'
import {
  type Connections,
  type FederationEndpointNeeds,
  makeFederation,
  type RemoteServers,
} from './federation/federation.js'
import type { FederationSender } from './federation/federation-sender.js'
import { type AddressServers, makeAddressServers } from './federation/lasting-edus.js'
import { noRemoteServers } from './federation/no-federation.js'
import { makeIsServerAllowed } from './federation/server-policy.js'
import { MatrixError } from './kernel/errors.js'
import type { ServerName } from './kernel/identifiers.js'
import { loggerFor } from './kernel/logger.js'
import { version } from './kernel/version.js'
import type { SigningKeys } from './keys/signing-key.js'
import { readWithAuthChains } from './rooms/auth-chain.js'
import { draftEvent, signEvent } from './rooms/build-event.js'
import type { OutboxWrites } from './rooms/build-step.js'
import { outlierWrite } from './rooms/import-room.js'
import { readStateBeforeEvent } from './rooms/state-before.js'
import { toStoredEvent } from './rooms/stored-event.js'
import type { Base } from './start-base.js'
import { makeFederationSessions } from './store/federation-sessions.js'
import { outboxWrites } from './store/outbox-store.js'
import type { SendEdu } from './sync/outgoing-edus.js'

/** What `connect` is given; the pure functions of rooms are added here. */
export type RoomsAndSync = Omit<
  Connections,
  'draftEvent' | 'signEvent' | 'outlierWrite' | 'toStoredEvent' | 'readWithAuthChains' | 'readStateBeforeEvent'
>

export type FederationPart = {
  readonly remote: RemoteServers
  readonly outboxWrites: OutboxWrites
  readonly sendEdu: SendEdu | undefined
  readonly addressServers: AddressServers
  readonly sender: FederationSender | undefined
  readonly admitServer: AdmitServer
  connect(connections: RoomsAndSync): FederationEndpointNeeds | undefined
  /** With the listeners open. */
  start(): Promise<void>
  close(): Promise<void>
}

export function refuseServers(): never {
  throw new MatrixError(403, 'M_FORBIDDEN', 'This server does not talk to other servers.')
}

const off: FederationPart = {
  remote: noRemoteServers,
  outboxWrites: () => [],
  sendEdu: undefined,
  addressServers: () => () => ({ writes: [], changes: [] }),
  sender: undefined,
  admitServer: () => refuseServers(),
  connect: () => undefined,
  async start() {},
  async close() {},
}

export async function startFederation(
  base: Base,
  options: { serverName: ServerName; signingKeys: SigningKeys; federates: boolean },
): Promise<FederationPart> {
  if (!options.federates) return off
  const { config, db, clock, logger } = base
  const key = base.sessionKeys.federation
  const sessions = makeFederationSessions({ rpc: db.root, key, clock, logger: loggerFor(logger, 'federation') })
  const federation = await makeFederation({
    ...{ config, db, clock, logger },
    serverName: options.serverName,
    signingKeys: options.signingKeys,
    withFederationSession: sessions.withFederationSession,
    softwareVersion: version,
    isPutBack: base.isPutBack,
  })
  const isServerAllowed = makeIsServerAllowed(config)
  let stopListening: (() => void) | undefined
  return {
    remote: federation.remote,
    // Nothing would ever send what is written for the others.
    outboxWrites: (destinations, ...event) => outboxWrites(destinations.filter(isServerAllowed), ...event),
    sendEdu: federation.sender.sendEdu,
    addressServers: makeAddressServers({ serverName: options.serverName, isServerAllowed }),
    sender: federation.sender,
    admitServer: federation.admitServer,
    connect(connections) {
      stopListening = db.onCommitted('send', federation.onChanges)
      return federation.connect({
        ...connections,
        ...{ draftEvent, signEvent, outlierWrite, toStoredEvent, readWithAuthChains, readStateBeforeEvent },
      })
    },
    start: federation.start,
    async close() {
      stopListening?.()
      await federation.close()
      await sessions.close()
    },
  }
}
