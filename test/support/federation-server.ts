/**
 * A homeserver of rooms and federation alone: real database, real rooms, real TLS between servers on
 * loopback; its users are driven by calls instead of clients.
 *
 * Names are made up (`a.test`) and found by SRV records of a resolver that the test holds, so that the
 * whole way of discovery is gone, and a server may come back at another port.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { federationEndpoints } from '../../server/api/federation/index.js'
import { makeReadKeyBundles } from '../../server/encryption/key-bundles.js'
import { makeDeliverToDevices } from '../../server/encryption/send-to-device.js'
import type { PresenceEdu, ReceiptEdu, TypingEdu } from '../../server/events/edu.js'
import type { JsonObject } from '../../server/events/pdu.js'
import { type Federation, makeFederation } from '../../server/federation/federation.js'
import type { Dns } from '../../server/federation/resolve-server-name.js'
import { makeAdmission } from '../../server/http/admission.js'
import { buildApp } from '../../server/http/app.js'
import { bindEndpoints } from '../../server/http/endpoint.js'
import { makeHttpMetrics } from '../../server/http/metrics.js'
import { systemClock } from '../../server/kernel/clock.js'
import { readConfig } from '../../server/kernel/config.js'
import { MatrixError, notFound } from '../../server/kernel/errors.js'
import {
  parseServerName,
  parseUserId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../server/kernel/identifiers.js'
import { createLogger, type Logger } from '../../server/kernel/logger.js'
import { fileSecretBox } from '../../server/kernel/secrets.js'
import { loadSigningKeys, type SigningKeys } from '../../server/keys/signing-key.js'
import { readWithAuthChains } from '../../server/rooms/auth-chain.js'
import { draftEvent, signEvent } from '../../server/rooms/build-event.js'
import { outlierWrite } from '../../server/rooms/import-room.js'
import { isHere } from '../../server/rooms/room.js'
import { makeRoomOperations, type RoomOperations } from '../../server/rooms/room-operations.js'
import { stretchesOf } from '../../server/rooms/segments.js'
import { readStateBeforeEvent } from '../../server/rooms/state-before.js'
import { toStoredEvent } from '../../server/rooms/stored-event.js'
import { defineAccesses } from '../../server/store/accesses.js'
import { type OpenDatabase, openDatabase } from '../../server/store/database.js'
import { makeFederationSessions } from '../../server/store/federation-sessions.js'
import { loadSessionKeys } from '../../server/store/key-files.js'
import { outboxWrites } from '../../server/store/outbox-store.js'
import { makeToDeviceInbox } from '../../server/sync/to-device-inbox.js'
import type { Certificate } from './test-ca.js'

/** Where each server name is to be found: port on 127.0.0.1. */
export type Ports = Map<string, number>

/** Looks names up as `ports` says at that moment. */
export const dnsOf = (ports: Ports): Dns => ({
  lookup: async () => [{ address: '127.0.0.1', family: 4 }],
  async srv(record) {
    const port = ports.get(record.replace('_matrix-fed._tcp.', ''))
    return port === undefined ? [] : [{ name: 'loopback.test', port, priority: 0, weight: 0 }]
  },
})

export type FederationServerOptions = {
  name: string
  dataDir: string
  certificate: Certificate
  caPem: string
  ports: Ports
  port?: number
  config?: Record<string, string>
  logger?: Logger
}

export type FederationServer = {
  readonly name: ServerName
  readonly port: number
  readonly federation: Federation
  readonly db: OpenDatabase
  readonly ops: RoomOperations
  readonly signingKeys: SigningKeys
  readonly heard: { typing: TypingEdu[]; receipts: ReceiptEdu[]; presence: PresenceEdu[] }
  user(localpart: string): UserId
  sendText(roomId: RoomId, sender: UserId, body: string): Promise<string>
  /** Bodies of the messages in the timeline, oldest first. */
  messages(roomId: RoomId): Promise<string[]>
  membershipOf(roomId: RoomId, userId: UserId): Promise<string | undefined>
  /** Stops taking requests; the rest of the server goes on. */
  closeListener(): Promise<void>
  openListener(): Promise<void>
  close(): Promise<void>
}

export async function startFederationServer(options: FederationServerOptions): Promise<FederationServer> {
  const { name, dataDir, ports, logger = createLogger('silent') } = options
  const serverName = parseServerName(name)!
  const clock = systemClock
  await mkdir(dataDir, { recursive: true })
  const caPath = join(dataDir, 'ca.pem')
  await writeFile(caPath, options.caPem)
  const config = readConfig({
    dataDir,
    argv: {
      server_name: name,
      'federation.enabled': 'true',
      'federation.ca_certificate_path': caPath,
      'federation.allow_private_addresses': 'true',
      'federation.trusted_key_servers': '',
      ...options.config,
    },
  })
  const keysDir = join(dataDir, 'keys')
  const db = await openDatabase({ url: `rocksdb://${dataDir}/db`, logger })
  const sessionKeys = await loadSessionKeys(keysDir, fileSecretBox)
  await defineAccesses(db.root, sessionKeys)
  const sessions = makeFederationSessions({ rpc: db.root, key: sessionKeys.federation, clock, logger })
  const signingKeys = await loadSigningKeys(keysDir, fileSecretBox)
  const federation = await makeFederation({
    config,
    serverName,
    db,
    clock,
    logger,
    signingKeys,
    withFederationSession: sessions.withFederationSession,
    softwareVersion: 'test',
    isPutBack: false,
    dns: dnsOf(ports),
  })
  const memberProfile = async (userId: UserId): Promise<JsonObject> => ({ displayname: userId.slice(1).split(':')[0] })
  const ops = await makeRoomOperations({
    db,
    signer: { serverName, key: signingKeys.current, now: clock.now },
    defaultRoomVersion: config.default_room_version,
    anyoneMayPublish: true,
    memberProfile,
    outboxWrites,
    appservices: { interestedIn: () => [], askForAlias: async () => false },
    remote: federation.remote,
  })
  const heard: FederationServer['heard'] = { typing: [], receipts: [], presence: [] }
  const endpointNeeds = federation.connect({
    ...ops,
    draftEvent,
    signEvent,
    outlierWrite,
    toStoredEvent,
    readWithAuthChains,
    readStateBeforeEvent,
    receiveTyping: (typing) => void heard.typing.push(typing),
    receiveReceipts: (receipts) => void heard.receipts.push(...receipts),
    receivePresence: (presence) => void heard.presence.push(...presence),
    isErased: () => false,
    isActiveUser: async (userId) => !userId.startsWith('@nobody:'),
    deliverToDevices: makeDeliverToDevices({
      ...{ db, serverName },
      inbox: makeToDeviceInbox({ db, log: logger }),
    }),
    readKeyBundles: makeReadKeyBundles({ db }),
  })
  db.onCommitted('send', federation.onChanges)

  const endpoints = bindEndpoints(federationEndpoints as unknown as Parameters<typeof bindEndpoints<object>>[0], {
    ...endpointNeeds,
    ...ops,
    ...{ serverName, clock },
    readLocalProfile: async (userId: UserId) => (userId.startsWith('@nobody:') ? undefined : memberProfile(userId)),
    findMedia: async () => {
      throw notFound('no media in this test')
    },
  })
  let app: FastifyInstance | undefined
  let port = options.port ?? 0
  async function openListener(): Promise<void> {
    app = buildApp({
      endpoints,
      metrics: makeHttpMetrics(),
      side: 'federation',
      tls: { cert: Buffer.from(options.certificate.cert), key: Buffer.from(options.certificate.key) },
      authenticate: async () => {
        throw new MatrixError(401, 'M_MISSING_TOKEN', 'no clients in this test')
      },
      admitServer: federation.admitServer,
      charge: () => {},
      admission: makeAdmission({ clock, isTrustedProxy: () => false }),
      trustedProxies: [],
      logger,
      closing: new AbortController().signal,
      checkResponses: true,
    })
    await app.listen({ host: '127.0.0.1', port })
    port = (app.server.address() as AddressInfo).port
    ports.set(name, port)
  }
  async function closeListener(): Promise<void> {
    app?.server.closeAllConnections()
    await app?.close()
    app = undefined
  }
  await openListener()
  await federation.start()

  return {
    name: serverName,
    get port() {
      return port
    },
    ...{ federation, db, ops, signingKeys, heard },
    user: (localpart) => parseUserId(`@${localpart}:${name}`)!,
    sendText: (roomId, sender, body) =>
      ops.sendEvent(roomId, { type: 'm.room.message', sender, content: { msgtype: 'm.text', body } }),
    async messages(roomId) {
      const room = await ops.rooms.get(roomId)
      if (!room) return []
      const bodies: string[] = []
      for (const { low, high } of stretchesOf(room))
        for (let from = low; from <= high; from += 1000) {
          const page = await ops.rooms.readTimeline(roomId, from, Math.min(from + 999, high))
          for (const { pdu } of page)
            if (pdu.type === 'm.room.message') bodies.push(String(pdu.content.body ?? '(redacted)'))
        }
      return bodies
    },
    async membershipOf(roomId, userId) {
      const room = await ops.rooms.get(roomId)
      const inRoom = room && (await ops.rooms.readMember(room, userId))?.pdu.content.membership
      if (room && isHere(room) && inRoom !== undefined) return String(inRoom)
      return (await ops.rooms.membershipsOf(userId)).get(roomId)?.membership
    },
    closeListener,
    openListener,
    async close() {
      await closeListener()
      await federation.close()
      await sessions.close()
      await db.close()
    },
  }
}
