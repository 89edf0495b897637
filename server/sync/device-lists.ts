/**
 * Whose devices a user has to look at anew, and whose no more: the `device_lists` of /sync and /keys/changes.
 *
 * *Changed* is who shares a room with the user and either has other devices or keys than before, or did not share one before.
 * *Left* is who shared a room and shares none any more. Encrypted or not makes no difference, since a room may become
 * encrypted; but nobody follows the devices of thousands for it, so large rooms without encryption count only where
 * devices change.
 *
 * What changed and who moved is kept in memory, newest first thrown away last; an older token is answered from the database.
 * Where nothing moved, nothing is read.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user
 */
import { parseStateMapKey, stateKeyOf } from '../events/pdu.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Room, RoomMembership, Rooms } from '../rooms/room.js'
import {
  type DeviceListChange,
  type MemberMove,
  readDeviceListChanges,
  readMemberMoves,
  readMembersSince,
} from '../store/device-sync-store.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'

export type DeviceLists = { changed: UserId[]; left: UserId[] }

/** @param since what the client knows; `upTo` what it is told up to. Both are positions. */
export type ReadDeviceLists = (userId: UserId, since: number, upTo: number) => Promise<DeviceLists>

/** Entries kept in memory. */
const maxKept = 10_000
/** Joined members up to which a room without encryption counts. */
const maxUnencrypted = 1_000

type Needs = {
  db: Database
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'sharedRooms' | 'lastPosition' | 'readMembers' | 'readEvents'>
}
type Move = { roomId: RoomId; userId: UserId }

/** The newest entries of a stream, by position. */
class Recent<T> {
  #entries: { position: number; entry: T }[] = []
  /** Everything after this position is here. */
  from: number

  constructor(from: number) {
    this.from = from
  }

  add(position: number, entry: T): void {
    this.#entries.push({ position, entry })
    if (this.#entries.length <= maxKept) return
    this.#entries = this.#entries.slice(maxKept >> 1)
    this.from = this.#entries[0]!.position // others at the same position may be gone
  }

  between(since: number, upTo: number): T[] {
    let low = this.#entries.length
    while (low > 0 && this.#entries[low - 1]!.position > since) low--
    return this.#entries.slice(low).flatMap(({ position, entry }) => (position <= upTo ? [entry] : []))
  }
}

export function makeReadDeviceLists({ db, rooms }: Needs): ReadDeviceLists {
  const lists = new Recent<DeviceListChange>(db.position)
  const moves = new Recent<Move>(db.position)

  const follow: ByKind = {
    device_list: ({ position, userId, onlyFor }) => lists.add(position, { userId, onlyFor }),
    event({ position, roomId, type, stateKey, isCurrentState, historical }) {
      if (type === 'm.room.member' && stateKey !== undefined && isCurrentState && !historical)
        moves.add(position, { roomId, userId: stateKey as UserId })
    },
    state({ position, roomId, keys = [] }) {
      for (const key of keys) {
        const [type, stateKey] = parseStateMapKey(key)
        if (type === 'm.room.member') moves.add(position, { roomId, userId: stateKey as UserId })
      }
    },
    ...{ redaction: ignore, membership: ignore, receipt: ignore, account_data: ignore },
    ...{ to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }
  db.onCommitted('memory', (changes) => {
    for (const change of changes) treat(follow, change)
  })

  const changesBetween = async (since: number, upTo: number) =>
    since < lists.from ? readDeviceListChanges(db, since, upTo) : lists.between(since, upTo)

  /** Member events in rooms that the user was or is in, also such as moved nobody. */
  async function movesBetween(known: readonly RoomMembership[], since: number, upTo: number): Promise<Move[]> {
    const own = new Set(known.map(({ roomId }) => roomId))
    if (since >= moves.from) return moves.between(since, upTo).filter(({ roomId }) => own.has(roomId))
    const found: Move[] = []
    for (const roomId of own) {
      if ((rooms.lastPosition(roomId) ?? 0) <= since) continue
      const room = await rooms.get(roomId)
      for (const userId of room ? await readMembersSince(db, room, since) : []) found.push({ roomId, userId })
    }
    return found
  }

  const follows = (room: Room) =>
    room.state.has(stateKeyOf('m.room.encryption', '')) || room.joinedCount <= maxUnencrypted

  async function membersOf(roomId: RoomId): Promise<UserId[]> {
    const room = await rooms.get(roomId)
    if (!room || !follows(room)) return []
    const members = await rooms.readMembers(room)
    return members.flatMap(({ pdu }) => (pdu.content.membership === 'join' ? [pdu.state_key as UserId] : []))
  }

  /** Who was there when this server joined has no history before: what an event replaced says what was. */
  async function wasIn(first: MemberMove | undefined): Promise<boolean> {
    const [event] = first ? await rooms.readEvents([first.event_id]) : []
    const [replaced] = event?.replaces ? await rooms.readEvents([event.replaces]) : []
    return replaced?.pdu.content.membership === 'join'
  }

  /**
   * What became of each since a position: who joined (again) and is in now, who was in and is not now.
   *
   * @param moves of each, oldest first
   */
  const readKinds = (moves: readonly MemberMove[][], since: number): Promise<Kind[]> =>
    Promise.all(
      moves.map(async (of) => {
        const last = of.findLast(({ position }) => position <= since)
        const later = of.filter(({ position }) => position > since)
        return kindOf(last ? last.membership === 'join' : await wasIn(later[0]), later)
      }),
    )

  return async (userId, since, upTo) => {
    const listed = await changesBetween(since, upTo)
    const known = [...(await rooms.membershipsOf(userId)).values()].filter(isOrWasIn(since))
    const moved = await movesBetween(known, since, upTo)
    if (listed.length === 0 && moved.length === 0) return { changed: [], left: [] }

    const [changed, gone] = [new Set<UserId>(), new Set<UserId>()]
    const told = new Set<UserId>()
    for (const { userId: other, onlyFor } of listed)
      if (onlyFor === undefined) changed.add(other)
      else if (onlyFor === userId) told.add(other)

    const kinds = await readKinds(await readMemberMoves(db, moved), since)
    const [joined, left] = [new Set<RoomId>(), new Set<RoomId>()]
    for (const [i, { roomId, userId: who }] of moved.entries()) {
      if (who !== userId) continue
      if (kinds[i] === 'joined') joined.add(roomId)
      if (kinds[i] === 'left') left.add(roomId)
    }
    const isIn = new Set(known.flatMap(({ roomId, membership }) => (membership === 'join' ? [roomId] : [])))
    for (const [i, { roomId, userId: who }] of moved.entries()) {
      if (who === userId || (!isIn.has(roomId) && !left.has(roomId))) continue
      if (kinds[i] === 'joined' && isIn.has(roomId)) changed.add(who)
      if (kinds[i] === 'left') gone.add(who)
    }
    const sharing = new Set<UserId>([userId])
    for (const roomId of joined)
      for (const other of await membersOf(roomId)) {
        changed.add(other)
        sharing.add(other)
      }
    if (joined.size > 0 && !listed.some((change) => change.userId === userId)) changed.delete(userId)
    for (const roomId of left) for (const other of await membersOf(roomId)) gone.add(other)
    gone.delete(userId)

    const isShared = async (other: UserId) => sharing.has(other) || (await rooms.sharedRooms(userId, other)).length > 0
    for (const other of [...changed]) if (!(await isShared(other))) changed.delete(other)
    for (const other of [...gone]) if (changed.has(other) || (await isShared(other))) gone.delete(other)
    return { changed: [...new Set([...changed, ...told])], left: [...gone] }
  }
}

/** Rooms in which something may have happened to what the user shares with others. */
const isOrWasIn =
  (since: number) =>
  ({ membership, position }: RoomMembership): boolean =>
    membership === 'join' || position > since

type Kind = 'joined' | 'left' | undefined

function kindOf(wasIn: boolean, later: readonly MemberMove[]): Kind {
  const isIn = later.length === 0 ? wasIn : later.at(-1)?.membership === 'join'
  if (isIn) return !wasIn || later.some(({ membership }) => membership !== 'join') ? 'joined' : undefined
  return wasIn ? 'left' : undefined
}
