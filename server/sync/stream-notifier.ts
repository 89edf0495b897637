/**
 * Wakes the /sync requests that a commit concerns.
 *
 * Fed by the commit itself, not by the database. A user who syncs is *followed*: entered for each room they
 * are joined to, so that an event costs one look per local member who is actually there, whatever the
 * room's size. Waking is a doorbell: the request looks for itself what there is, from its own position.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#syncing
 */

import type { Clock, Timer } from '../kernel/clock.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Rooms } from '../rooms/room.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Change } from '../store/writes.js'

export type StreamNotifier = {
  /**
   * Begins to follow a user; to be awaited before a request looks for what is new.
   *
   * @returns how often the user was woken so far: `wait` with it returns at once if that has risen meanwhile
   */
  follow(userId: UserId): Promise<number>
  /** Resolves when the user is woken, the time is up or the caller goes away; true for the first of them. */
  wait(userId: UserId, seen: number, timeoutMs: number, signal: AbortSignal): Promise<boolean>
  /** How often the user was woken so far. */
  count(userId: UserId): number
  wakeRoom(roomId: RoomId): void
  wakeUser(userId: UserId): void
  /** Everybody who is joined to a room that this user is joined to. */
  wakeSharing(userId: UserId): void
  onCommitted(changes: readonly Change[]): void
  /** Requests that wait now. */
  readonly waiting: number
  close(): void
}

/** A user who has not synced for so long is not followed any more. */
const forgetAfterMs = 10 * 60_000

type Followed = {
  rooms: Set<RoomId>
  woken: number
  waiters: Set<() => void>
  lastSeen: number
  /** Settles when the rooms are entered. */
  ready: Promise<void>
}

type Needs = { rooms: Pick<Rooms, 'membershipsOf'>; clock: Clock; log: Pick<Logger, 'error'> }

export function makeStreamNotifier({ rooms, clock, log }: Needs): StreamNotifier {
  const followed = new Map<UserId, Followed>()
  const byRoom = new Map<RoomId, Set<UserId>>()
  let waiting = 0
  let isClosed = false

  function enter(userId: UserId, user: Followed, roomId: RoomId): void {
    user.rooms.add(roomId)
    const users = byRoom.get(roomId)
    if (users) users.add(userId)
    else byRoom.set(roomId, new Set([userId]))
  }

  function leave(userId: UserId, user: Followed, roomId: RoomId): void {
    user.rooms.delete(roomId)
    const users = byRoom.get(roomId)
    users?.delete(userId)
    if (users?.size === 0) byRoom.delete(roomId)
  }

  async function follow(userId: UserId): Promise<number> {
    let user = followed.get(userId)
    if (!user) {
      user = { rooms: new Set(), woken: 0, waiters: new Set(), lastSeen: 0, ready: Promise.resolve() }
      followed.set(userId, user)
      user.ready = enterRooms(userId, user)
    }
    user.lastSeen = clock.now()
    await user.ready
    return user.woken
  }

  async function enterRooms(userId: UserId, user: Followed): Promise<void> {
    try {
      for (const { roomId, membership } of (await rooms.membershipsOf(userId)).values())
        if (membership === 'join') enter(userId, user, roomId)
    } catch (error) {
      followed.delete(userId)
      throw error
    }
  }

  /** State resolution moves memberships without member events of its own. */
  async function enterAgain(roomId: RoomId): Promise<void> {
    for (const [userId, user] of [...followed]) {
      const isJoined = (await rooms.membershipsOf(userId)).get(roomId)?.membership === 'join'
      if (isJoined === user.rooms.has(roomId)) continue
      moveTo(userId, roomId, isJoined)
      wakeUser(userId)
    }
  }

  function wakeUser(userId: UserId): void {
    const user = followed.get(userId)
    if (!user) return
    user.woken++
    for (const wake of [...user.waiters]) wake()
  }

  function wakeRoom(roomId: RoomId): void {
    for (const userId of byRoom.get(roomId) ?? []) wakeUser(userId)
  }

  /** @param to who is to be woken, collected over a batch so that each is woken once */
  const collect = (to: Set<UserId>): ByKind => ({
    event(change) {
      if (change.historical) return
      if (change.type === 'm.room.member' && change.stateKey !== undefined)
        moveMember(change.stateKey as UserId, change, to)
      addRoom(change.roomId, to)
    },
    state({ roomId }) {
      addRoom(roomId, to)
      enterAgain(roomId).catch((error: unknown) => log.error({ err: error }, 'memberships were not read'))
    },
    redaction: ({ roomId }) => addRoom(roomId, to),
    receipt({ roomId, userId, receiptType }) {
      if (receiptType === 'm.read.private') to.add(userId)
      else addRoom(roomId, to)
    },
    membership({ roomId, userId, membership }) {
      moveTo(userId, roomId, membership === 'join')
      to.add(userId)
    },
    device_list({ userId, onlyFor }) {
      to.add(onlyFor ?? userId)
      if (onlyFor === undefined) addSharing(userId, to)
    },
    account_data: ({ userId }) => void to.add(userId),
    to_device: ({ userId }) => void to.add(userId),
    lasting_edu: ignore,
    key_counts: ignore, // is told with whatever comes next
    profile: ignore, // comes as member events
  })

  const addRoom = (roomId: RoomId, to: Set<UserId>) => {
    for (const userId of byRoom.get(roomId) ?? []) to.add(userId)
  }

  function moveMember(userId: UserId, change: Change & { kind: 'event' }, to: Set<UserId>): void {
    if (!followed.has(userId)) return
    to.add(userId)
    const content = change.pdu.content as { membership?: unknown } // an accepted member event has one
    if (change.isCurrentState) moveTo(userId, change.roomId, content.membership === 'join')
  }

  function moveTo(userId: UserId, roomId: RoomId, isJoined: boolean): void {
    const user = followed.get(userId)
    if (!user) return
    if (isJoined) enter(userId, user, roomId)
    else leave(userId, user, roomId)
  }

  function addSharing(userId: UserId, to: Set<UserId>): void {
    const known = followed.get(userId)
    if (known) for (const roomId of known.rooms) addRoom(roomId, to)
    // Of others only the database knows the rooms: waking everybody who waits is cheaper than asking it.
    else for (const [other, { waiters }] of followed) if (waiters.size > 0) to.add(other)
  }

  const sweep: Timer = clock.every(forgetAfterMs, () => {
    const limit = clock.now() - forgetAfterMs
    for (const [userId, user] of followed) {
      if (user.waiters.size > 0 || user.lastSeen > limit) continue
      for (const roomId of [...user.rooms]) leave(userId, user, roomId)
      followed.delete(userId)
    }
  })

  return {
    follow,
    wait(userId, seen, timeoutMs, signal) {
      const user = followed.get(userId)
      if (!user || isClosed || signal.aborted) return Promise.resolve(false)
      user.lastSeen = clock.now()
      if (user.woken !== seen) return Promise.resolve(true)
      return new Promise((resolve) => {
        const done = (isWoken: boolean) => {
          if (!user.waiters.delete(wake)) return
          waiting--
          timer.cancel()
          signal.removeEventListener('abort', giveUp)
          user.lastSeen = clock.now()
          resolve(isWoken)
        }
        const wake = () => done(user.woken !== seen && !isClosed)
        const giveUp = () => done(false)
        const timer = clock.after(timeoutMs, giveUp)
        signal.addEventListener('abort', giveUp, { once: true })
        user.waiters.add(wake)
        waiting++
      })
    },
    count: (userId) => followed.get(userId)?.woken ?? 0,
    wakeRoom,
    wakeUser,
    wakeSharing(userId) {
      const to = new Set<UserId>([userId])
      addSharing(userId, to)
      for (const each of to) wakeUser(each)
    },
    onCommitted(changes) {
      const to = new Set<UserId>()
      const by = collect(to)
      for (const change of changes) treat(by, change)
      for (const userId of to) wakeUser(userId)
    },
    get waiting() {
      return waiting
    },
    close() {
      isClosed = true
      sweep.cancel()
      for (const { waiters } of followed.values()) for (const wake of [...waiters]) wake()
    },
  }
}
