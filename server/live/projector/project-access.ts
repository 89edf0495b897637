/**
 * The lane `access`: `room_access:[room, user]`, what each user of this server may see of a room, and `room_roles`, what
 * that makes them there.
 *
 * One row for each membership of a local user and nothing else, so that it is written long before a room's thousands of
 * other rows are; the lane of events goes behind it. Rows are worked out from the durable history of the user's
 * memberships as it is by now: a lane that lags shows rather less of an older stay than anything of a room that was left.
 */

import { roleOf, storedLevel } from '../../events/roles.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { RoomRoleRow } from '../../kernel/live-rows.js'
import type { Room, Rooms } from '../../rooms/room.js'
import type { LiveTables } from '../../store/live.js'
import { readAccessLevels, readLocalUserIds } from '../../store/projection-store.js'
import type { Reader } from '../../store/reader.js'
import { deleteRow, upsertRow, type Write } from '../../store/writes.js'
import { type LaneParts, rowsPerWrite } from './lane.js'
import type { ReadBounds } from './visibility.js'
import { type Work, whoMoved } from './work.js'

export type AccessNeeds = {
  db: Reader
  live: Pick<LiveTables, 'writeLive' | 'empty'>
  rooms: Pick<Rooms, 'get' | 'membershipsOf'>
  readBounds: ReadBounds
  isLocal(userId: UserId): boolean
}

/** Histories that are read side by side, in one query: a thousand would be everybody's wait. */
const readAtOnce = 200
const levelsPerPage = 500

export function accessLane(needs: AccessNeeds): LaneParts {
  const { db, live, rooms, readBounds, isLocal } = needs

  async function rowsIn(roomId: RoomId, userId: UserId, room: Room | undefined): Promise<Write[]> {
    const own = (await rooms.membershipsOf(userId)).get(roomId)
    if (!own) return nothingOf(roomId, userId)
    const bounds = await readBounds(roomId, userId)
    const power_level = room ? storedLevel(room.powerLevels.userLevel(userId)) : 0
    return [
      upsertRow('room_access', { id: [roomId, userId], membership: own.membership, power_level, ...bounds }),
      roleRow(roomId, userId, own.membership, power_level),
    ]
  }

  async function rowsOf(room: Room | undefined, roomId: RoomId, userIds: readonly UserId[]): Promise<Write[]> {
    const writes: Write[] = []
    for (let start = 0; start < userIds.length; start += readAtOnce) {
      const some = userIds.slice(start, start + readAtOnce)
      for (const rows of await Promise.all(some.map((userId) => rowsIn(roomId, userId, room)))) writes.push(...rows)
    }
    return writes
  }

  /** Of those who are not written anew anyway, the ones whose power level is another. */
  async function levels(room: Room, written: ReadonlySet<UserId>): Promise<Write[]> {
    const writes: Write[] = []
    for (let after: UserId | '' = ''; ; ) {
      const page = await readAccessLevels(db, room.roomId, after, levelsPerPage)
      for (const { user_id, power_level, membership } of page) {
        const level = storedLevel(room.powerLevels.userLevel(user_id))
        if (level === power_level || written.has(user_id)) continue
        writes.push(upsertRow('room_access', { id: [room.roomId, user_id], power_level: level }))
        writes.push(roleRow(room.roomId, user_id, membership, level))
      }
      if (page.length < levelsPerPage) return writes
      after = page.at(-1)!.user_id
    }
  }

  return {
    name: 'access',
    version: 2,
    streamMs: 15,
    takes: (work) => whoMoved(work, isLocal) !== undefined,
    async build(works) {
      const writes: Write[] = []
      for (const [roomId, { everybody, users, hasNewLevels }] of gather(works, isLocal)) {
        const room = await rooms.get(roomId)
        const userIds = everybody && room ? [...new Set([...room.localMembers.keys(), ...users])] : [...users]
        for (const write of await rowsOf(room, roomId, userIds)) writes.push(write)
        if (room && hasNewLevels) for (const write of await levels(room, new Set(userIds))) writes.push(write)
      }
      return writes.length > rowsPerWrite ? { silent: writes } : { loud: writes }
    },
    /** A bound that cannot be written must not stay open. */
    leaveOut(work) {
      const moved = whoMoved(work, isLocal)
      return [...(moved?.users ?? [])].flatMap((userId) => nothingOf(work.roomId ?? '', userId))
    },
    async rebuild(_position, signal) {
      await needs.live.empty('room_access', signal)
      await needs.live.empty('room_roles', signal)
      for (const userId of await readLocalUserIds(db)) {
        const roomIds = [...(await rooms.membershipsOf(userId)).keys()]
        for (let start = 0; start < roomIds.length && !signal.aborted; start += readAtOnce) {
          const some = roomIds.slice(start, start + readAtOnce)
          const rows = some.map(async (roomId) => rowsIn(roomId, userId, await rooms.get(roomId)))
          await live.writeLive((await Promise.all(rows)).flat())
        }
        if (signal.aborted) return
      }
    },
  }
}

const nothingOf = (roomId: RoomId | '', userId: UserId): Write[] => [
  deleteRow('room_access', [roomId, userId]),
  deleteRow('room_roles', [roomId, userId]),
]

/** Kept whole in no other place: worked out of the row of `room_access` that is written with it. */
function roleRow(roomId: RoomId, userId: UserId, membership: string, level: number): Write {
  const row: RoomRoleRow = { room_id: roomId, user_id: userId, role: roleOf(membership, level) }
  return upsertRow('room_roles', { id: [roomId, userId], ...row })
}

type Moves = { everybody: boolean; users: Set<UserId>; hasNewLevels: boolean }

/** Each room once, in the order of the stream. */
function gather(works: readonly Work[], isLocal: (userId: UserId) => boolean): Map<RoomId, Moves> {
  const moves = new Map<RoomId, Moves>()
  for (const work of works) {
    const moved = whoMoved(work, isLocal)
    if (!moved || !work.roomId) continue
    const known = moves.get(work.roomId) ?? { everybody: false, users: new Set(), hasNewLevels: false }
    moves.set(work.roomId, known)
    known.everybody ||= moved.everybody
    known.hasNewLevels ||= moved.hasNewLevels
    for (const userId of moved.users) known.users.add(userId)
  }
  return moves
}
