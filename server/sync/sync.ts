/**
 * /sync: what is new for a device since a token, waiting for something where there is nothing.
 *
 * 1. The rooms are chosen in one go, with the position that the answer goes up to: each is
 *    looked at only if something in it is newer than the token. Nothing is read for that.
 * 2. Each room's section is built for itself.
 * 3. An empty answer is not given as long as there is time: the notifier wakes us, and we look again
 *    from where we had come.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
import type { PresenceState } from '../events/edu.js'
import { ignoredUsersType } from '../events/ignored-users.js'
import type { JsonObject } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import type { DeviceId, RoomId, UserId } from '../kernel/identifiers.js'
import type { RoomMembership, Rooms } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import { itemsSince, type ReadAccountDataOf } from './account-data-changes.js'
import { fieldPaths } from './client-events.js'
import type { ReadDeviceLists } from './device-lists.js'
import { mapRooms } from './each-room.js'
import { type EphemeralStream, serialOf } from './ephemeral-stream.js'
import { type ReadFilter, resolveSyncFilter, type SyncFilter } from './filter.js'
import type { ReadStrippedState } from './invited-room.js'
import type { BuildJoinedRoom } from './joined-room.js'
import type { ReadKeyCounts } from './key-counts.js'
import type { LazyMembers } from './lazy-members.js'
import type { BuildLeftRoom } from './left-room.js'
import type { Presence } from './presence.js'
import type { ReadPresence } from './presence-section.js'
import type { Receipts } from './receipts.js'
import type { StreamNotifier } from './stream-notifier.js'
import type { SyncContext } from './sync-context.js'
import { formatSyncToken, parseSyncToken, readSince, type SyncToken } from './sync-token.js'
import type { ToDeviceInbox } from './to-device-inbox.js'
import type { Typing } from './typing.js'

export type SyncRequest = {
  userId: UserId
  deviceId: DeviceId
  sid: string
  since?: string | undefined
  /** ID of a stored filter, or JSON. */
  filter?: string | undefined
  fullState: boolean
  setPresence: PresenceState
  timeoutMs: number
  useStateAfter: boolean
  signal: AbortSignal
}

export type SyncAnswer = { next_batch: string } & JsonObject

/** @throws MatrixError 400 for a bad token or filter */
export type Sync = (request: SyncRequest) => Promise<SyncAnswer>

const maxTimeoutMs = 5 * 60_000

export type SyncNeeds = {
  db: Pick<Database, 'position'>
  rooms: Pick<Rooms, 'getMany' | 'membershipsOf' | 'lastPosition'>
  clock: Clock
  stream: EphemeralStream
  notifier: Pick<StreamNotifier, 'follow' | 'wait' | 'count'>
  presence: Pick<Presence, 'onSync' | 'onSyncEnd'>
  typing: Pick<Typing, 'serialOf'>
  receipts: Pick<Receipts, 'load' | 'lastPosition'>
  lazyMembers: LazyMembers
  inbox: Pick<ToDeviceInbox, 'exchange'>
  readDeviceLists: ReadDeviceLists
  readKeyCounts: ReadKeyCounts
  /** A device has seen what this database has not: it is an older copy. */
  onPutBack: (device: { userId: UserId; deviceId: DeviceId }) => Promise<void>
  readFilter: ReadFilter
  readAccountDataOf: ReadAccountDataOf
  /** The user's push rules, for accounts that never changed them. */
  readPushRules: (userId: UserId) => Promise<object>
  readPresence: ReadPresence
  buildJoinedRoom: BuildJoinedRoom
  buildLeftRoom: BuildLeftRoom
  readStrippedState: ReadStrippedState
}

type Chosen = Record<'join' | 'invite' | 'knock' | 'leave', RoomMembership[]>
type Built = { answer: SyncAnswer; token: SyncToken; isEmpty: boolean }

export function makeSync(needs: SyncNeeds): Sync {
  const { db, rooms, clock, stream, notifier, presence, typing, receipts, lazyMembers } = needs

  return async (request) => {
    const { userId, sid, signal } = request
    const filter = await resolveSyncFilter(needs.readFilter, userId, request.filter)
    const since = request.since === undefined ? undefined : await readSinceOf(request, request.since)
    const deadline = clock.elapsed() + Math.min(Math.max(request.timeoutMs, 0), maxTimeoutMs)
    presence.onSync(userId, sid, request.setPresence)
    try {
      await notifier.follow(userId)
      for (let from = since; ; ) {
        const seen = notifier.count(userId)
        const built = await build(request, filter, since, from)
        const isDue = since === undefined || request.fullState || !built.isEmpty || signal.aborted
        const leftMs = deadline - clock.elapsed()
        if (isDue || leftMs <= 0 || !(await notifier.wait(userId, seen, leftMs, signal))) {
          lazyMembers.gave(sid, built.answer.next_batch)
          return built.answer
        }
        from = built.token
      }
    } finally {
      presence.onSyncEnd(userId, sid)
    }
  }

  async function readSinceOf({ userId, deviceId }: SyncRequest, text: string): Promise<SyncToken> {
    if ((parseSyncToken(text)?.position ?? 0) > db.position) await needs.onPutBack({ userId, deviceId })
    return readSince(text, db.position)
  }

  /** @param since what the client has acknowledged; `from` may be further, where there was nothing to tell */
  async function build(
    request: SyncRequest,
    filter: SyncFilter,
    since: SyncToken | undefined,
    from: SyncToken | undefined,
  ): Promise<Built> {
    const { userId, deviceId, sid } = request
    const [memberships, account] = await Promise.all([rooms.membershipsOf(userId), needs.readAccountDataOf(userId)])
    if (from && from.boot !== stream.boot) await receipts.load(joinedIn(memberships))
    // From here to the choice of rooms nothing may wait: position, memberships and rooms belong together.
    const token: SyncToken = { position: db.position, boot: stream.boot, serial: stream.serial }
    const context: SyncContext = {
      userId,
      filter,
      view: { userId, sid, omitRoomId: true, fields: fieldPaths(filter.eventFields), format: filter.eventFormat },
      from,
      fromSerial: serialOf(stream, from),
      upTo: token.position,
      fullState: request.fullState,
      useStateAfter: request.useStateAfter,
      sent: lazyMembers.of(sid, request.since),
      account,
    }
    const chosen = choose(context, memberships)
    const [sections, presenceEvents, { messages, upTo: toDevice }, keyCounts, deviceLists, accountData] =
      await Promise.all([
        buildRooms(context, chosen),
        needs.readPresence(context),
        needs.inbox.exchange({ userId, deviceId }, since?.toDevice ?? since?.position ?? 0, token.position),
        needs.readKeyCounts({ userId, deviceId }),
        readDeviceLists(context),
        readAccountData(context),
      ])
    const news = {
      ...(Object.keys(sections).length > 0 ? { rooms: sections } : {}),
      ...(presenceEvents.length > 0 ? { presence: { events: presenceEvents } } : {}),
      ...(accountData.length > 0 ? { account_data: { events: accountData } } : {}),
      ...(messages.length > 0 ? { to_device: { events: messages.map(({ position: _, ...event }) => event) } } : {}),
      ...deviceLists,
    }
    const answer: SyncAnswer = {
      next_batch: formatSyncToken({ ...token, toDevice }),
      ...news,
      device_one_time_keys_count: keyCounts.oneTimeKeys,
      device_unused_fallback_key_types: keyCounts.unusedFallbackKeys,
    }
    return { answer, token, isEmpty: Object.keys(news).length === 0 }
  }

  /** The rooms in which something may be new. From memory alone. */
  function choose(context: SyncContext, memberships: ReadonlyMap<RoomId, RoomMembership>): Chosen {
    const { from, filter, fromSerial, fullState, account } = context
    const chosen: Chosen = { join: [], invite: [], knock: [], leave: [] }
    const ignoresOthers = (account.global.get(ignoredUsersType)?.position ?? 0) > (from?.position ?? 0)
    for (const row of memberships.values()) {
      const { roomId, membership } = row
      // Whom one ignores no more may have invited one meanwhile.
      const isChanged = !from || row.position > from.position || (membership === 'invite' && ignoresOthers)
      if (membership === 'join') {
        if (isChanged || fullState || hasNews(roomId, from, fromSerial, account)) chosen.join.push(row)
      } else if (!isChanged) continue
      else if (membership === 'invite') {
        if (!account.ignored.has(row.sender)) chosen.invite.push(row)
      } else if (membership === 'knock') chosen.knock.push(row)
      // What one device has forgotten the others have yet to hear the end of.
      else if (from || (filter.includeLeave && !row.forgotten)) chosen.leave.push(row)
    }
    for (const rows of Object.values(chosen)) keepMatching(rows, filter)
    return chosen
  }

  function hasNews(roomId: RoomId, from: SyncToken, fromSerial: number, account: SyncContext['account']): boolean {
    return (
      (rooms.lastPosition(roomId) ?? 0) > from.position ||
      typing.serialOf(roomId) > fromSerial ||
      (receipts.lastPosition(roomId) ?? (from.boot === stream.boot ? 0 : Infinity)) > from.position ||
      (account.lastPosition > from.position && itemsSince(account.rooms.get(roomId), from.position).length > 0)
    )
  }

  async function buildRooms(context: SyncContext, chosen: Chosen): Promise<JsonObject> {
    const of = (rows: RoomMembership[], build: (row: RoomMembership) => Promise<JsonObject | undefined>) =>
      mapRooms(
        rows,
        async (row) => [row.roomId, await build(row)] as const,
        (some) =>
          rooms.getMany(
            some.map(({ roomId }) => roomId),
            context.userId,
          ),
      )
    if (!context.from) await receipts.load(chosen.join.map(({ roomId }) => roomId))
    const sections = {
      join: await of(chosen.join, (membership) => needs.buildJoinedRoom({ context, membership })),
      invite: await of(chosen.invite, async (row) => ({
        invite_state: { events: await needs.readStrippedState(context.userId, row) },
      })),
      knock: await of(chosen.knock, async (row) => ({
        knock_state: { events: await needs.readStrippedState(context.userId, row) },
      })),
      leave: await of(chosen.leave, (membership) => needs.buildLeftRoom({ context, membership })),
    }
    const told: Record<string, JsonObject> = {}
    for (const [name, entries] of Object.entries(sections)) {
      const present = entries.filter(([, section]) => section !== undefined)
      if (present.length > 0) told[name] = Object.fromEntries(present)
    }
    return told
  }

  async function readAccountData({ userId, from, filter, account }: SyncContext): Promise<JsonObject[]> {
    const items = account.lastPosition > (from?.position ?? -1) ? itemsSince(account.global, from?.position ?? -1) : []
    if (!from && !account.global.has('m.push_rules'))
      items.push({ type: 'm.push_rules', content: { global: await needs.readPushRules(userId) } })
    return items.filter((item) => filter.accountData({ type: String(item.type) }))
  }

  /** A first sync tells none: the client asks for the devices of those it meets. */
  async function readDeviceLists({ userId, from, upTo }: SyncContext): Promise<JsonObject> {
    if (!from) return {}
    const lists = await needs.readDeviceLists(userId, from.position, upTo)
    return lists.changed.length + lists.left.length > 0 ? { device_lists: lists } : {}
  }
}

const joinedIn = (memberships: ReadonlyMap<RoomId, RoomMembership>): RoomId[] =>
  [...memberships.values()].filter(({ membership }) => membership === 'join').map(({ roomId }) => roomId)

function keepMatching(rows: RoomMembership[], { matchesRoom }: SyncFilter): void {
  const kept = rows.filter(({ roomId }) => matchesRoom(roomId))
  rows.splice(0, rows.length, ...kept)
}
