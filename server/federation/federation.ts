/**
 * Federation as one part: built in two steps, because rooms need it (to join through other servers) and
 * it needs rooms (to take in what other servers send).
 *
 * `makeFederation` gives what rooms, users and media ask other servers for; `connect` is called once with
 * the finished rooms. Until then every question is a programming error.
 */

import type { ReadKeyBundles } from '../encryption/key-bundles.js'
import type { AskForKeys } from '../encryption/query-keys.js'
import type { DeliverToDevices } from '../encryption/send-to-device.js'
import type { ReceiptEdu, TypingEdu } from '../events/edu.js'
import type { PduEvent, StateMap, UnsignedPdu } from '../events/pdu.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import type { Clock } from '../kernel/clock.js'
import type { HomeserverConfig } from '../kernel/config.js'
import type { ServerName, UserId } from '../kernel/identifiers.js'
import { type Logger, loggerFor } from '../kernel/logger.js'
import { type KeyRing, makeKeyRing } from '../keys/key-ring.js'
import { makePublishServerKeys, type PublishServerKeys } from '../keys/server-keys-document.js'
import type { SigningKeys } from '../keys/signing-key.js'
import type { AcceptPdu } from '../rooms/accept-pdu.js'
import type { BuiltEvent, draftEvent, Signer } from '../rooms/build-event.js'
import type { ImportRoom } from '../rooms/import-room.js'
import type { InsertHistory } from '../rooms/insert-history.js'
import type { Remote } from '../rooms/member-operations.js'
import type { SetOutsideMembership } from '../rooms/outside-membership.js'
import type { Room, StoredEvent } from '../rooms/room.js'
import type { RoomsForWriting } from '../rooms/rooms.js'
import type { SendEvent } from '../rooms/send-event.js'
import type { ReadEventRow } from '../store/event-store.js'
import type { FederationSessions } from '../store/federation-sessions.js'
import type { Database } from '../store/reader.js'
import type { Change, Write } from '../store/writes.js'
import type { SharedPresence } from '../sync/presence.js'
import type { QueryEventByTime } from '../sync/read-event-by-time.js'
import { makeAskForKeys } from './ask-for-keys.js'
import { makeStartSearch } from './ask-in-turn.js'
import { type AdmitServer, makeAdmitServer } from './authenticate-server.js'
import { type BackfillRoom, makeBackfillRoom } from './backfill-room.js'
import { makeOpenSocket, transportRulesOf } from './connector.js'
import { type Destinations, makeDestinations } from './destinations.js'
import { type ExchangeThirdPartyInvite, makeExchangeThirdPartyInvite } from './exchange-third-party-invite.js'
import { type FederationClient, makeFederationClient } from './federation-client.js'
import { type FederationSender, makeFederationSender } from './federation-sender.js'
import { makeAcceptFetching } from './fetch-missing.js'
import { makeFetchOutliers } from './fetch-outliers.js'
import { type FetchRemoteMedia, makeFetchRemoteMedia } from './fetch-remote-media.js'
import { makeInsertOutliers } from './insert-outliers.js'
import { makeJoinRemoteRoom } from './join-remote-room.js'
import { type MakeMembership, makeMakeMembership } from './make-membership.js'
import { makeQueryEventByTime } from './query-event-by-time.js'
import { makeQueryServerKeys, type QueryServerKeys } from './query-server-keys.js'
import { makeReadHistory, type ReadHistory } from './read-history.js'
import { makeReceiveEdus, sharedRoomsOf } from './receive-edus.js'
import { makeReceiveInvite, type ReceiveInvite } from './receive-invite.js'
import { makeReceiveLastingEdus } from './receive-lasting-edus.js'
import { makeReceivePdus } from './receive-pdus.js'
import { makeTransactionReceiver, type ReceiveTransaction } from './receive-transaction.js'
import { makeReceiveWithdrawal } from './receive-withdrawal.js'
import { makeRemoteDeviceLists } from './remote-device-lists.js'
import { makeRemoteKeys, type RemoteKeys } from './remote-keys.js'
import { makeRemoteMemberships } from './remote-memberships.js'
import { makeRemoteQueries, type RemoteQueries } from './remote-queries.js'
import { type Dns, makeResolveServerName } from './resolve-server-name.js'
import { makeRoomForServer } from './room-for-server.js'
import { makeDeviceListSender } from './send-device-lists.js'
import { makeSendMembership, type SendMembership } from './send-membership.js'
import { partsOfServerName } from './server-name-parts.js'
import { makeIsServerAllowed } from './server-policy.js'
import { makeServerShares } from './server-shares.js'
import { makeStateAnswers, type ReadWithAuthChains } from './state-answers.js'
import { systemDns } from './system-dns.js'
import { makeLeaveTeller } from './tell-leaves.js'
import { makeTraffic } from './traffic.js'
import { makeFetchWellKnown, makeTransport } from './transport.js'
import { makeVerifyPdus } from './verify-pdus.js'
import { makeWellKnownCache } from './well-known.js'

/** What the rest of the server may ask other servers for. */
export type RemoteServers = Remote &
  RemoteQueries &
  Pick<RemoteKeys, 'askForKeys' | 'claimRemoteKeys'> & {
    fetchRemoteMedia: FetchRemoteMedia
    backfillRoom: BackfillRoom
    queryEventByTime: QueryEventByTime
  }

export type FederationNeeds = {
  config: HomeserverConfig
  serverName: ServerName
  db: Database
  clock: Clock
  logger: Logger
  signingKeys: SigningKeys
  withFederationSession: FederationSessions['withFederationSession']
  softwareVersion: string
  /** The database is an older copy than the one that was used last. */
  isPutBack: boolean
  /** For tests; default: the system's resolver. */
  dns?: Dns
}

/** The parts of rooms, users and sync that federation works with. */
export type Connections = {
  rooms: RoomsForWriting
  acceptPdu: AcceptPdu
  setOutsideMembership: SetOutsideMembership
  sendEvent: SendEvent
  importRoom: ImportRoom
  insertHistory: InsertHistory
  /** Pure functions of `rooms/`. */
  draftEvent: typeof draftEvent
  signEvent: (unsigned: UnsignedPdu, rules: RoomVersionRules, signer: Signer) => BuiltEvent
  outlierWrite: (event: PduEvent, rules: RoomVersionRules) => Write
  toStoredEvent: (row: ReadEventRow) => StoredEvent
  readWithAuthChains: ReadWithAuthChains
  readStateBeforeEvent: (rooms: RoomsForWriting, room: Room, event: PduEvent) => Promise<StateMap | undefined>
  receiveTyping: (typing: TypingEdu) => void | Promise<void>
  receiveReceipts: (receipts: readonly ReceiptEdu[]) => void | Promise<void>
  receivePresence: (presence: readonly SharedPresence[]) => void | Promise<void>
  isActiveUser: (userId: UserId) => Promise<boolean>
  deliverToDevices: DeliverToDevices
  readKeyBundles: ReadKeyBundles
  isErased: (userId: UserId) => boolean
}

/** Of `federationEndpoints`, what this part supplies; the rest are operations of rooms, users and media. */
export type FederationEndpointNeeds = ReadHistory &
  SendMembership & {
    receiveTransaction: ReceiveTransaction
    makeMembership: MakeMembership
    receiveInvite: ReceiveInvite
    exchangeThirdPartyInvite: ExchangeThirdPartyInvite
    publishServerKeys: PublishServerKeys
    queryServerKeys: QueryServerKeys
    readonly softwareVersion: string
    readonly allowPublicRooms: boolean
    readonly federationDelegate: string | undefined
  }

export type Federation = {
  readonly remote: RemoteServers
  readonly sender: FederationSender
  readonly client: FederationClient
  readonly keyRing: KeyRing
  /** For the listeners. */
  readonly admitServer: AdmitServer
  /** Called once. @returns what the endpoints need */
  connect(connections: Connections): FederationEndpointNeeds
  /** For `Database.onCommitted`. */
  onChanges(changes: readonly Change[]): void
  /** Begins to send, and to work off what was received before; after `connect` and with the listeners open. */
  start(): Promise<void>
  /** After the listeners are closed and before the database is. */
  close(): Promise<void>
}

export async function makeFederation(needs: FederationNeeds): Promise<Federation> {
  const { config, serverName, db, clock, signingKeys } = needs
  const log = loggerFor(needs.logger, 'federation')
  const isServerAllowed = makeIsServerAllowed(config)
  const dns = needs.dns ?? systemDns()
  const transport = makeTransport({ openSocket: makeOpenSocket({ dns, rules: transportRulesOf(config) }) })
  const wellKnown = makeWellKnownCache({ fetchWellKnown: makeFetchWellKnown({ transport }), clock })
  const destinations = makeDestinations({ db, clock, log })
  await destinations.load()
  const client = makeFederationClient({
    serverName,
    signingKey: signingKeys.current,
    resolveServerName: makeResolveServerName({ dns, wellKnown, clock }),
    transport,
    destinations,
    isServerAllowed,
  })
  const keyRing = makeKeyRing({
    db,
    clock,
    log: loggerFor(needs.logger, 'keys'),
    serverName,
    signingKeys,
    ask: makeAskForKeys({ client }),
    trustedKeyServers: config.federation.trusted_key_servers,
  })
  const traffic = makeTraffic()
  let connected: Connected | undefined
  const parts = () => {
    if (!connected) throw new Error('federation is used before it is connected')
    return connected
  }
  const sender = makeFederationSender({
    db,
    clock,
    log: loggerFor(needs.logger, 'sender'),
    serverName,
    client,
    destinations,
    traffic,
    isServerAllowed,
    async serversInRoom(roomId) {
      const { rooms } = parts()
      const room = await rooms.get(roomId)
      return room ? (await rooms.readServers(room)).keys() : []
    },
  })
  const queries = makeRemoteQueries({ client })
  const remoteKeys = makeRemoteKeys({ client })

  return {
    sender,
    client,
    keyRing,
    admitServer: makeAdmitServer({ serverName, keyRing, clock, destinations, isServerAllowed }),
    remote: {
      ...queries,
      askForKeys: (...question) => parts().remoteDevices.askForKeys(...question),
      claimRemoteKeys: remoteKeys.claimRemoteKeys,
      fetchRemoteMedia: makeFetchRemoteMedia({ client }),
      joinRoom: (request) => parts().joinRemoteRoom(request),
      leaveRoom: (request) => parts().memberships.leaveRoom(request),
      knockRoom: (request) => parts().memberships.knockRoom(request),
      inviteUser: (request) => parts().memberships.inviteUser(request),
      backfillRoom: (...question) => parts().backfillRoom(...question),
      queryEventByTime: (...question) => parts().queryEventByTime(...question),
    },
    connect(connections) {
      if (connected) throw new Error('federation is connected twice')
      const built = connectParts(needs, connections, {
        ...{ log, client, keyRing, traffic, isServerAllowed, destinations },
        askServers: remoteKeys.askForKeys,
      })
      connected = built.parts
      return built.endpointNeeds
    },
    onChanges(changes) {
      sender.onChanges(changes)
      connected?.leaves.onChanges(changes)
      connected?.remoteDevices.onChanges(changes)
      connected?.deviceLists.onChanges(changes)
    },
    async start() {
      await parts().remoteDevices.start(needs.isPutBack)
      await parts().receiver.start()
      await sender.start()
      await parts().deviceLists.start()
      await parts().leaves.start()
    },
    async close() {
      connected?.receiver.stop()
      connected?.leaves.stop()
      connected?.remoteDevices.stop()
      await connected?.deviceLists.close()
      // Whatever still waits for another server fails now, so that nobody waits for it here.
      await Promise.all([sender.close(), transport.close()])
      await connected?.receiver.close()
      await connected?.leaves.close()
      await connected?.remoteDevices.close()
    },
  }
}

type Base = {
  log: Logger
  client: FederationClient
  keyRing: KeyRing
  traffic: ReturnType<typeof makeTraffic>
  isServerAllowed: ReturnType<typeof makeIsServerAllowed>
  destinations: Destinations
  /** For keys, whatever is kept here. */
  askServers: AskForKeys
}

type Connected = ReturnType<typeof connectParts>['parts']

function connectParts(needs: FederationNeeds, connections: Connections, base: Base) {
  const { serverName, clock, config, signingKeys, db, withFederationSession } = needs
  const { rooms, acceptPdu, setOutsideMembership, draftEvent, signEvent, readWithAuthChains } = connections
  const { log, client, keyRing } = base
  const signingKey = signingKeys.current
  const signer: Signer = { serverName, key: signingKey, now: clock.now }
  const verifyPdus = makeVerifyPdus({ keyRing, clock })
  const insertOutliers = makeInsertOutliers({ rooms, outlierWrite: connections.outlierWrite })
  const startSearch = makeStartSearch({ serverName, rooms })
  const outliers = makeFetchOutliers({ rooms, insertOutliers, verifyPdus, client, clock, log })
  const acceptFetching = makeAcceptFetching({ rooms, acceptPdu, outliers, startSearch, client, log })
  const roomForServer = makeRoomForServer({ serverName, rooms })

  const remoteDevices = makeRemoteDeviceLists({
    ...{ db, log, serverName, rooms, client },
    askServers: base.askServers,
  })
  const receiver = makeTransactionReceiver({
    db,
    clock,
    log,
    withFederationSession,
    traffic: base.traffic,
    receivePdus: makeReceivePdus({
      serverName,
      rooms,
      acceptPdu,
      acceptFetching,
      verifyPdus,
      receiveWithdrawal: makeReceiveWithdrawal({ serverName, rooms, verifyPdus, setOutsideMembership, log }),
      log,
    }),
    receiveEdus: makeReceiveEdus({ ...connections, log }),
    receiveLastingEdus: makeReceiveLastingEdus({
      ...{ db, clock, log },
      deliverToDevices: connections.deliverToDevices,
      isShared: async (userId) => (await sharedRoomsOf(rooms, userId)).length > 0,
      takeUpdates: remoteDevices.takeUpdates,
    }),
  })
  const handshake = { serverName, clock, log, client, signer, signEvent }
  const memberships = makeRemoteMemberships({
    ...handshake,
    rooms,
    acceptPdu,
    verifyPdus,
    keyRing,
    setOutsideMembership,
    draftEvent,
  })
  const publishServerKeys = makePublishServerKeys({ serverName, signingKeys, clock })
  const parts = {
    rooms,
    receiver,
    remoteDevices,
    deviceLists: makeDeviceListSender({
      ...{ db, clock, log, serverName, rooms },
      readKeyBundles: connections.readKeyBundles,
      isServerAllowed: base.isServerAllowed,
    }),
    joinRemoteRoom: makeJoinRemoteRoom({
      ...handshake,
      rooms,
      verifyPdus,
      importRoom: connections.importRoom,
      insertOutliers,
      acceptFetching,
    }),
    memberships,
    leaves: makeLeaveTeller({
      ...{ db, clock, log, rooms },
      destinations: base.destinations,
      sendLeave: memberships.sendLeave,
    }),
    queryEventByTime: makeQueryEventByTime({ rooms, client, startSearch, log }),
    backfillRoom: makeBackfillRoom({
      rooms,
      client,
      verifyPdus,
      outliers,
      insertHistory: connections.insertHistory,
      startSearch,
      clock,
      log,
    }),
  }
  const readStateBefore = (room: Room, event: PduEvent) => connections.readStateBeforeEvent(rooms, room, event)
  const stateAnswers = makeStateAnswers({ readWithAuthChains, readStateBefore })
  const shares = makeServerShares({ clock })
  const history = makeReadHistory({
    rooms,
    roomForServer,
    withFederationSession,
    toStoredEvent: connections.toStoredEvent,
    isErased: connections.isErased,
    stateAnswers,
    shares,
  })
  const endpointNeeds: FederationEndpointNeeds = {
    ...history,
    ...makeSendMembership({
      serverName,
      signingKey,
      rooms,
      roomForServer,
      acceptPdu,
      verifyPdus,
      stateAnswers,
      shares,
      readPieces: history.readPieces,
    }),
    receiveTransaction: receiver.receiveTransaction,
    makeMembership: makeMakeMembership({ serverName, clock, rooms, roomForServer, draftEvent }),
    receiveInvite: makeReceiveInvite({
      serverName,
      signingKey,
      rooms,
      verifyPdus,
      setOutsideMembership,
      isActiveUser: connections.isActiveUser,
    }),
    exchangeThirdPartyInvite: makeExchangeThirdPartyInvite({
      ...{ serverName, roomForServer },
      sendEvent: connections.sendEvent,
      inviteUser: memberships.inviteUser,
    }),
    publishServerKeys,
    queryServerKeys: makeQueryServerKeys({
      serverName,
      signingKey,
      keyRing,
      publishServerKeys,
      isServerAllowed: base.isServerAllowed,
      clock,
    }),
    softwareVersion: needs.softwareVersion,
    allowPublicRooms: config.federation.allow_public_rooms,
    federationDelegate: delegateOf(serverName, config.public_baseurl),
  }
  return { parts, endpointNeeds }
}

/** Where other servers find us, if not at port 8448 of the name. A name with a port or an address delegates nothing. */
export function delegateOf(serverName: ServerName, publicBaseurl: string | undefined): string | undefined {
  const parts = partsOfServerName(serverName)
  if (publicBaseurl === undefined || !parts || parts.isIpLiteral || parts.port !== undefined) return undefined
  const url = new URL(publicBaseurl)
  return url.protocol === 'https:' ? `${url.hostname}:${url.port === '' ? 443 : url.port}` : undefined
}
