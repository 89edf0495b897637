/**
 * Device lists of other servers' users, kept for as long as somebody here shares a room with them: so long their server tells
 * every change, and key queries are answered from here, also while that server is away.
 *
 *  1. What a key query brings is kept, unless the user's server told of a change while it was under way.
 *  2. An update that stands on what is kept is applied, in the commit that tells our users of it.
 *  3. One that does not (something was missed) forgets what is kept, and the whole list is asked for.
 *  4. Who shares no room any more is forgotten.
 *
 * Bounded for each user and each server; what goes beyond is asked for each time, as for users who share no room.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#device-management
 */
import { LRUCache } from 'lru-cache'
import type { AskForKeys, KeysAnswer } from '../encryption/query-keys.js'
import {
  addToAnswer,
  listInAnswer,
  parseUserDevices,
  type RemoteDeviceList,
  withSigningKeys,
  withUpdate,
} from '../encryption/remote-device-list.js'
import type { Edu } from '../events/edu.js'
import { parseStateMapKey } from '../events/pdu.js'
import { type DeviceId, type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { VersionedCache } from '../kernel/versioned-cache.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import { isHere, type Rooms } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import {
  deleteRemoteDeviceList,
  readRemoteDeviceListSizes,
  readRemoteDeviceLists,
  readUsersWithDeviceLists,
  setRemoteDeviceList,
} from '../store/remote-device-store.js'
import type { Change, Write } from '../store/writes.js'
import { type FederationClient, pathOf } from './federation-client.js'
import { FederationError } from './federation-error.js'
import { makeKeyedQueue } from './keyed-queue.js'
import { sharedRoomsOf } from './receive-edus.js'

/** Writes what updates make of the lists together with what else belongs to them. */
export type TakeDeviceUpdates = (
  origin: ServerName,
  updates: ReadonlyMap<UserId, readonly Edu[]>,
  commit: (kept: { writes: Write[]; durable: () => void }) => Promise<unknown>,
) => Promise<void>

export type RemoteDeviceLists = {
  askForKeys: AskForKeys
  takeUpdates: TakeDeviceUpdates
  onChanges(changes: readonly Change[]): void
  /** @param isPutBack the database is an older copy: what was told since is missing */
  start(isPutBack: boolean): Promise<void>
  stop(): void
  close(): Promise<void>
}

type Needs = {
  db: Database
  log: Logger
  serverName: ServerName
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'readServers'>
  client: FederationClient
  /** Asks the servers, whatever is kept. */
  askServers: AskForKeys
}

export const deviceListLimits = {
  /** One user's list, in characters. */
  perUser: 256 * 1024,
  /** All that is kept of one server. */
  perServer: 32 * 1024 * 1024,
  usersPerServer: 20_000,
  /** Lists of one server that wait to be asked for as a whole; others are, when somebody queries them. */
  waiting: 100,
}
const cacheBytes = 16_000_000
const rowsAtOnce = 500
const maxServersInMemory = 1_000
const timeoutMs = 20_000

/** A question under way, and of whom it may tell what is not true any more. */
type Flight = { spoiled: Set<UserId> }
type Size = { bytes: number; users: Map<UserId, number> }

export function makeRemoteDeviceLists(needs: Needs): RemoteDeviceLists {
  const { db, log, rooms, client } = needs
  const kept = new VersionedCache<UserId, { list: RemoteDeviceList | undefined }>('remote_device_lists', cacheBytes)
  const sizes = new LRUCache<ServerName, Size>({ max: maxServersInMemory })
  const flights = new Set<Flight>()
  const inTurn = makeKeyedLock()
  const resyncs = makeKeyedQueue<ServerName>()
  const going = new Set<Promise<void>>()
  let isClosed = false

  const keep = (work: Promise<unknown>) => {
    const settled = work
      .then(() => undefined)
      .catch((error: unknown) => log.warn({ err: error }, 'a device list of another server could not be kept'))
      .finally(() => going.delete(settled))
    going.add(settled)
  }

  const forgetInMemory = (userIds: Iterable<UserId>) => {
    for (const userId of userIds) kept.delete(userId)
  }

  const isShared = async (userId: UserId) => (await sharedRoomsOf(rooms, userId)).length > 0

  const readLists = (userIds: readonly UserId[]) =>
    kept.getMany(new Set(userIds), async (missing) => {
      const rows = new Map((await readRemoteDeviceLists(db, missing)).map((row) => [row.user_id, row.list]))
      return missing.map((key) => {
        const text = rows.get(key)
        const list = text === undefined ? undefined : (JSON.parse(text) as RemoteDeviceList)
        return { key, value: { list }, bytes: 200 + 2 * (text?.length ?? 0) }
      })
    })

  async function sizeOf(server: ServerName): Promise<Size> {
    const known = sizes.get(server)
    if (known) return known
    const rows = await readRemoteDeviceListSizes(db, server, deviceListLimits.usersPerServer)
    const size = {
      bytes: rows.reduce((sum, row) => sum + row.bytes, 0),
      users: new Map(rows.map((row) => [row.user_id, row.bytes])),
    }
    sizes.set(server, size)
    return size
  }

  /**
   * The write for a list, in its server's turn; undefined or too much: it is forgotten.
   *
   * @returns the write, where one is needed
   */
  function place(size: Size, userId: UserId, list: RemoteDeviceList | undefined): Write | undefined {
    const before = size.users.get(userId) ?? 0
    const text = list && JSON.stringify(list)
    const bytes = size.bytes - before + (text?.length ?? 0)
    const fits =
      text !== undefined &&
      text.length <= deviceListLimits.perUser &&
      bytes <= deviceListLimits.perServer &&
      (before > 0 || size.users.size < deviceListLimits.usersPerServer)
    if (fits) {
      size.users.set(userId, text.length)
      size.bytes = bytes
      return setRemoteDeviceList(userId, text)
    }
    size.bytes -= before
    return size.users.delete(userId) ? deleteRemoteDeviceList(userId) : undefined
  }

  /** Writes lists of one server, each unless word of a change came meanwhile or no room is shared. */
  const keepLists = (server: ServerName, lists: ReadonlyMap<UserId, RemoteDeviceList>, flight: Flight) =>
    inTurn(server, async () => {
      const users = [...lists.keys()]
      for (let start = 0; start < users.length; start += rowsAtOnce) {
        const written: UserId[] = []
        const writes: Write[] = []
        const size = await sizeOf(server)
        for (const userId of users.slice(start, start + rowsAtOnce)) {
          if (flight.spoiled.has(userId) || !(await isShared(userId))) continue
          const write = place(size, userId, lists.get(userId))
          if (write) writes.push(write)
          written.push(userId)
        }
        await commit(server, writes, written)
      }
    })

  async function commit(server: ServerName, writes: Write[], users: readonly UserId[]): Promise<void> {
    if (writes.length === 0) return
    const durable = () => forgetInMemory(users)
    try {
      await db.commit(() => ({ writes, changes: [], result: undefined, durable }))
    } catch (error) {
      sizes.delete(server)
      throw error
    }
  }

  const forget = (userIds: readonly UserId[]) =>
    Promise.all(
      [...byServer(userIds)].map(([server, users]) =>
        inTurn(server, async () => {
          const size = await sizeOf(server)
          const writes = users.flatMap((userId) => place(size, userId, undefined) ?? [])
          await commit(server, writes, users)
        }),
      ),
    )

  async function resync(userId: UserId): Promise<void> {
    const server = serverNameOf(userId)
    for (let tries = 0; tries < 3 && !isClosed; tries++) {
      const flight: Flight = { spoiled: new Set() }
      flights.add(flight)
      try {
        if (!(await isShared(userId))) return
        const path = pathOf('/_matrix/federation/v1/user/devices/:userId', { userId })
        const answer = await client.request({ destination: server, method: 'GET', path, timeoutMs })
        const list = parseUserDevices(answer, userId)
        if (!list) return
        await keepLists(server, new Map([[userId, list]]), flight)
        if (!flight.spoiled.has(userId)) return
      } catch (error) {
        if (!(error instanceof FederationError)) throw error
        return // whoever queries the user asks again
      } finally {
        flights.delete(flight)
      }
    }
  }

  async function sweep(userIds: readonly UserId[]): Promise<void> {
    const gone: UserId[] = []
    for (const userId of userIds) {
      const size = await sizeOf(serverNameOf(userId))
      if (size.users.has(userId) && !(await isShared(userId))) gone.push(userId)
    }
    if (gone.length > 0) await forget(gone)
  }

  /** Nobody of this server is in the room any more: of its servers each user may be the last of the shared ones. */
  async function sweepRoom(roomId: RoomId): Promise<void> {
    const room = await rooms.get(roomId)
    if (!room || isHere(room)) return
    for (const server of (await rooms.readServers(room)).keys()) await sweep([...(await sizeOf(server)).users.keys()])
  }

  const askForKeys: AskForKeys = async (wanted, askedMs) => {
    const answer: Omit<KeysAnswer, 'user_signing_keys'> = {
      ...{ device_keys: {}, master_keys: {}, self_signing_keys: {}, failures: {} },
    }
    const lists = await readLists([...wanted.keys()])
    const shared = new Set<UserId>()
    const ask = new Map<UserId, readonly DeviceId[]>()
    for (const [userId, devices] of wanted) {
      const list = lists.get(userId)?.list
      const isKept = await isShared(userId)
      if (isKept) shared.add(userId)
      if (list && isKept) addToAnswer(answer, userId, list, devices)
      else ask.set(userId, isKept ? [] : devices)
    }
    if (ask.size === 0) return answer
    const flight: Flight = { spoiled: new Set() }
    flights.add(flight)
    try {
      const told = await needs.askServers(ask, askedMs)
      Object.assign(answer.failures, told.failures)
      const fresh = new Map<UserId, RemoteDeviceList>()
      for (const userId of ask.keys()) {
        const list = listInAnswer(told, userId)
        if (list) addToAnswer(answer, userId, list, wanted.get(userId) ?? [])
        if (list && shared.has(userId)) fresh.set(userId, list)
      }
      const kept = [...byServer(fresh.keys())].map(([server, users]) =>
        keepLists(server, new Map(users.map((userId) => [userId, fresh.get(userId)!])), flight),
      )
      keep(Promise.all(kept).finally(() => flights.delete(flight)))
    } catch (error) {
      flights.delete(flight)
      throw error
    }
    return answer
  }

  return {
    askForKeys,

    takeUpdates: (origin, updates, write) =>
      inTurn(origin, async () => {
        for (const { spoiled } of flights) for (const userId of updates.keys()) spoiled.add(userId)
        const lists = await readLists([...updates.keys()])
        const size = await sizeOf(origin)
        const writes: Write[] = []
        const missed: UserId[] = []
        for (const [userId, edus] of updates) {
          const before = lists.get(userId)?.list
          if (!before) continue
          const after = edus.reduce<RemoteDeviceList | undefined>(
            (list, edu) => list && applied(list, userId, edu),
            before,
          )
          const placed = place(size, userId, after)
          if (placed) writes.push(placed)
          if (!after) missed.push(userId)
        }
        const durable = () => forgetInMemory(updates.keys())
        try {
          await write({ writes, durable })
        } catch (error) {
          sizes.delete(origin)
          throw error
        }
        for (const userId of missed)
          if (!isClosed && resyncs.waiting(origin) < deviceListLimits.waiting)
            keep(resyncs.run(origin, () => resync(userId)))
      }),

    onChanges(changes) {
      for (const change of changes) {
        if (change.kind === 'event') {
          const { type, stateKey, pdu, roomId, isCurrentState, historical } = change
          if (type !== 'm.room.member' || !isCurrentState || historical) continue
          if ((pdu.content as { membership?: unknown }).membership === 'join') continue
          moved(roomId, stateKey as UserId)
        } else if (change.kind === 'state')
          for (const key of change.keys ?? []) {
            const [type, stateKey] = parseStateMapKey(key)
            if (type === 'm.room.member') moved(change.roomId, stateKey as UserId)
          }
      }
    },

    async start(isPutBack) {
      while (isPutBack) {
        const users = await readUsersWithDeviceLists(db, rowsAtOnce)
        if (users.length === 0) return
        const writes = users.map(deleteRemoteDeviceList)
        const durable = () => forgetInMemory(users)
        await db.commit(() => ({ writes, changes: [], result: undefined, durable }))
      }
    },
    stop() {
      isClosed = true
    },
    async close() {
      await Promise.all(going)
    },
  }

  function moved(roomId: RoomId, userId: UserId): void {
    if (isClosed) return
    keep(serverNameOf(userId) === needs.serverName ? sweepRoom(roomId) : sweep([userId]))
  }
}

function byServer(userIds: Iterable<UserId>): Map<ServerName, UserId[]> {
  const servers = new Map<ServerName, UserId[]>()
  for (const userId of userIds) {
    const server = serverNameOf(userId)
    servers.set(server, [...(servers.get(server) ?? []), userId])
  }
  return servers
}

function applied(list: RemoteDeviceList, userId: UserId, { edu_type, content }: Edu): RemoteDeviceList | undefined {
  return edu_type === 'm.device_list_update'
    ? withUpdate(list, userId, content)
    : withSigningKeys(list, userId, content)
}
