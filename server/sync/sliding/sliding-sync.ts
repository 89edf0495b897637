/**
 * Simplified sliding sync: a client names windows on lists of its rooms, and is told of the rooms that they show; what
 * it was told of each stands with its connection. A room that leaves the window is told on from there when it comes back.
 *
 * 1. All rooms are put in order from memory, the lists' filters and windows say which are shown.
 * 2. Of those shown, each is looked at only if the client has not been told all of it.
 * 3. An answer without news waits, as that of /sync does.
 *
 * Proposal: MSC4186 (simplified sliding sync)
 */
import type { JsonObject } from '../../events/pdu.js'
import type { Clock } from '../../kernel/clock.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { RoomMembership, Rooms } from '../../rooms/room.js'
import type { Database } from '../../store/reader.js'
import type { ReadAccountDataOf } from '../account-data-changes.js'
import { mapRooms } from '../each-room.js'
import { type EphemeralStream, serialOf } from '../ephemeral-stream.js'
import { emptyFilter } from '../filter.js'
import type { Presence } from '../presence.js'
import type { Receipts } from '../receipts.js'
import type { StreamNotifier } from '../stream-notifier.js'
import type { SyncContext } from '../sync-context.js'
import type { SyncToken } from '../sync-token.js'
import type { BumpStamps } from './bump-stamp.js'
import { makeConnections, type Told, type ToldRoom } from './connections.js'
import type { BuildExtensions, ToldNow } from './extensions.js'
import type { RoomParameters, SlidingRequest } from './request.js'
import { directRooms, type ListAnswer, listRooms, needsRooms } from './room-lists.js'
import { asksForMore, type BuildRoom, type BuiltRoom, joinParameters } from './room-section.js'

export type SlidingAnswer = {
  pos: string
  lists: Record<string, ListAnswer>
  rooms: JsonObject
  extensions: JsonObject
}

/** @throws MatrixError 400 `M_UNKNOWN_POS` */
export type SlidingSync = (request: SlidingRequest) => Promise<SlidingAnswer>

const maxTimeoutMs = 5 * 60_000

type Needs = {
  db: Pick<Database, 'position'>
  rooms: Pick<Rooms, 'getMany' | 'peek' | 'membershipsOf' | 'lastPosition'>
  clock: Clock
  stream: EphemeralStream
  notifier: Pick<StreamNotifier, 'follow' | 'wait' | 'count'>
  presence: Pick<Presence, 'onSync' | 'onSyncEnd'>
  receipts: Pick<Receipts, 'load' | 'lastPosition'>
  readAccountDataOf: ReadAccountDataOf
  buildRoom: BuildRoom
  buildExtensions: BuildExtensions
  bumpStamps: BumpStamps
}

/** A room that the lists or subscriptions show. */
type Shown = { row: RoomMembership; parameters: RoomParameters; lists: string[] }
type Built = { answer: Omit<SlidingAnswer, 'pos'>; told: Told; hasNews: boolean }

export function makeSlidingSync(needs: Needs): SlidingSync {
  const { db, rooms, clock, stream, notifier, presence, receipts } = needs
  const connectionOf = makeConnections()

  return async (request) => {
    const { userId, sid, signal, pos, body } = request
    const connection = connectionOf(sid, body.conn_id)
    const told = connection.toldAt(pos)
    const deadline = clock.elapsed() + Math.min(Math.max(request.timeoutMs, 0), maxTimeoutMs)
    presence.onSync(userId, sid, request.setPresence)
    try {
      await notifier.follow(userId)
      for (;;) {
        const seen = notifier.count(userId)
        const { answer, told: next, hasNews } = await build(request, told)
        const leftMs = deadline - clock.elapsed()
        const isDue = pos === undefined || hasNews || signal.aborted || leftMs <= 0
        if (isDue || !(await notifier.wait(userId, seen, leftMs, signal)))
          return { pos: connection.tell(next), ...answer }
      }
    } finally {
      presence.onSyncEnd(userId, sid)
    }
  }

  async function build(request: SlidingRequest, told: Told): Promise<Built> {
    const { userId, deviceId, sid, body } = request
    const { lists = {}, extensions = {} } = body
    const [memberships, account] = await Promise.all([rooms.membershipsOf(userId), needs.readAccountDataOf(userId)])
    if (Object.values(lists).some(needsRooms)) await rooms.getMany(presentIn(memberships), userId)
    // From here to the choice of rooms nothing may wait: position, memberships and rooms belong together.
    const token: SyncToken = { position: db.position, boot: stream.boot, serial: stream.serial }
    const contextOf = (from: SyncToken | undefined): SyncContext => ({
      ...{ userId, filter: emptyFilter, from, fromSerial: serialOf(stream, from), upTo: token.position, account },
      view: { userId, sid, omitRoomId: true },
      ...{ fullState: false, useStateAfter: true },
      sent: { ofRoom: () => new Set(), forgetRoom() {} }, // what was sent stands with the connection
    })
    const listed: Record<string, ListAnswer> = {}
    const shown = choose(request, memberships, account, listed)
    const left = leftSince(memberships, told)
    const due = [...shown.values()].filter((room) => isDue(room, told.rooms.get(room.row.roomId), userId))
    const direct = directRooms(account)
    const newToUs = due.filter(({ row }) => !told.rooms.has(row.roomId)).map(({ row }) => row.roomId)
    await receipts.load(newToUs)

    const built = await mapRooms(
      [...due, ...left],
      async ({ row, parameters }): Promise<[RoomId, BuiltRoom]> => {
        const known = told.rooms.get(row.roomId)
        const room = await needs.buildRoom({
          context: contextOf(known?.token),
          membership: row,
          parameters,
          told: known,
          connectionPosition: told.token?.position ?? 0,
          isDirect: direct.has(row.roomId),
        })
        return [row.roomId, room]
      },
      (some) =>
        rooms.getMany(
          some.map(({ row }) => row.roomId),
          userId,
        ),
    )
    const sections = Object.fromEntries(built.flatMap(([id, { section }]) => (section ? [[id, section]] : [])))
    const toldNow: ToldNow[] = [...shown.values()].flatMap(({ row: { roomId, membership } }) => {
      if (membership !== 'join') return []
      const known = told.rooms.get(roomId)
      return [{ roomId, context: contextOf(known?.token), isNew: known?.as !== 'joined' }]
    })
    const more = await needs.buildExtensions({
      ...{ extensions, rooms: toldNow, context: contextOf(told.token), device: { userId, deviceId } },
      listsOf: (roomId) => shown.get(roomId)?.lists ?? [],
    })

    const next = new Map<RoomId, ToldRoom>(told.rooms)
    for (const roomId of shown.keys()) {
      const known = next.get(roomId)
      if (known) next.set(roomId, { ...known, token })
    }
    for (const [roomId, room] of built) next.set(roomId, { ...room.told, token })
    const look = JSON.stringify(listed)
    return {
      answer: { lists: listed, rooms: sections as JsonObject, extensions: more.answer },
      told: { token, rooms: next, lists: look },
      hasNews: Object.keys(sections).length > 0 || more.hasNews || look !== told.lists,
    }
  }

  /** The rooms that the windows and subscriptions show, from memory alone. @param listed takes what is said of each list */
  function choose(
    { body }: SlidingRequest,
    memberships: ReadonlyMap<RoomId, RoomMembership>,
    account: SyncContext['account'],
    listed: Record<string, ListAnswer>,
  ): Map<RoomId, Shown> {
    const shown = new Map<RoomId, Shown>()
    const show = (row: RoomMembership | undefined, parameters: RoomParameters, list?: string) => {
      if (!row || !isPresent(row, account)) return
      const before = shown.get(row.roomId)
      const lists = [...(before?.lists ?? []), ...(list === undefined ? [] : [list])]
      shown.set(row.roomId, { row, parameters: joinParameters(before?.parameters, parameters), lists })
    }
    const ordered = [...memberships.values()]
      .filter((row) => isPresent(row, account))
      .map((row) => ({ row, stamp: stampOf(row) }))
      .sort((a, b) => b.stamp - a.stamp)
    for (const [name, list] of Object.entries(body.lists ?? {})) {
      const { answer, shown: roomIds } = listRooms(list, ordered, { account, peek: rooms.peek })
      listed[name] = answer
      for (const roomId of roomIds) show(memberships.get(roomId), list, name)
    }
    for (const [roomId, parameters] of Object.entries(body.room_subscriptions ?? {}))
      show(memberships.get(roomId as RoomId), parameters)
    return shown
  }

  function stampOf({ roomId, membership, position }: RoomMembership): number {
    if (membership !== 'join') return position
    const room = rooms.peek(roomId)
    return (
      (room ? needs.bumpStamps.of(room, position) : needs.bumpStamps.known(roomId)) ??
      rooms.lastPosition(roomId) ??
      position
    )
  }

  /** Whether the client may not know all of the room that it wants to know. */
  function isDue({ row, parameters }: Shown, told: ToldRoom | undefined, userId: UserId): boolean {
    if (!told) return true
    const { position } = told.token
    if (row.position > position) return true
    if (row.membership !== 'join') return told.as !== 'outside'
    if (told.as !== 'joined' || (rooms.lastPosition(row.roomId) ?? Infinity) > position) return true
    if ((receipts.lastPosition(row.roomId) ?? 0) > position) return true // what is unread has changed
    return asksForMore(parameters, told, userId)
  }

  /** Rooms that the client has as its own, and the user is out of. */
  function leftSince(memberships: ReadonlyMap<RoomId, RoomMembership>, told: Told): Shown[] {
    const left: Shown[] = []
    for (const [roomId, { as }] of told.rooms) {
      const row = memberships.get(roomId)
      if (as === 'left' || !row || (row.membership !== 'leave' && row.membership !== 'ban')) continue
      left.push({ row, parameters: {}, lists: [] })
    }
    return left
  }
}

/** Rooms one is in, or may come into; who one ignores invites nobody. */
const isPresent = ({ membership, sender }: RoomMembership, { ignored }: SyncContext['account']) =>
  membership === 'join' || membership === 'knock' || (membership === 'invite' && !ignored.has(sender))

const presentIn = (memberships: ReadonlyMap<RoomId, RoomMembership>): RoomId[] =>
  [...memberships.values()].filter(({ membership }) => membership === 'join').map(({ roomId }) => roomId)
