/**
 * Who is typing where: in memory only, ended by timers.
 *
 * Told to /sync by the serial of the room's last change, to the live tables by one row per (room, user), and to the
 * other servers of the room for our own users.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#typing-notifications
 */

import type { TypingEdu } from '../events/edu.js'
import type { Clock, Timer } from '../kernel/clock.js'
import { forbidden } from '../kernel/errors.js'
import type { RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import { checkRoomPermission } from '../rooms/room-permission.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Change } from '../store/writes.js'
import type { EphemeralStream } from './ephemeral-stream.js'
import { readOtherServers, type SendEdu } from './outgoing-edus.js'

export type Typing = {
  /**
   * A local user types for the next `timeoutMs`, or has stopped (undefined).
   *
   * @throws MatrixError 403 `M_FORBIDDEN` for a user who is not joined
   */
  set(userId: UserId, roomId: RoomId, timeoutMs: number | undefined): Promise<void>
  /** A user of another server, which has said so itself. Ignored for a user who is not in the room. */
  receive(edu: TypingEdu): Promise<void>
  /** In the order in which they began. */
  usersIn(roomId: RoomId): UserId[]
  /** Serial of the room's last change; 0 where nothing ever changed. */
  serialOf(roomId: RoomId): number
  /** Rooms that changed after a serial. */
  changedSince(serial: number): Iterable<RoomId>
  /** To be given every committed change: who leaves a room stops typing in it. */
  onCommitted(changes: readonly Change[]): void
  close(): void
}

export const typingTimes = {
  fallbackMs: 30_000,
  mostMs: 120_000,
  /** For users of other servers, which must say it again while it lasts. */
  remoteMs: 60_000,
  /** How often we say it again to other servers. */
  repeatMs: 40_000,
} as const

type Needs = {
  rooms: Pick<Rooms, 'get' | 'readMember' | 'readServers'>
  clock: Clock
  stream: EphemeralStream
  serverName: ServerName
  /** Wakes those who wait for this room. */
  wakeRoom(roomId: RoomId): void
  writeTyping(row: { room_id: RoomId; user_id: UserId; expires_at: number }): void
  deleteTyping(roomId: RoomId, userId: UserId): void
  /** Absent where the server does not federate. */
  sendEdu?: SendEdu | undefined
}

type Typist = { timer: Timer; expiresAt: number; toldAt: number }

export function makeTyping({
  rooms,
  clock,
  stream,
  serverName,
  wakeRoom,
  writeTyping,
  deleteTyping,
  sendEdu,
}: Needs): Typing {
  const typists = new Map<RoomId, Map<UserId, Typist>>()
  const serials = new Map<RoomId, number>() // in the order of their last change

  function changed(roomId: RoomId): void {
    serials.delete(roomId)
    serials.set(roomId, stream.next())
    wakeRoom(roomId)
  }

  function begin(userId: UserId, roomId: RoomId, timeoutMs: number): Typist {
    const inRoom = typists.get(roomId) ?? new Map<UserId, Typist>()
    typists.set(roomId, inRoom)
    const before = inRoom.get(userId)
    before?.timer.cancel()
    const expiresAt = clock.now() + timeoutMs
    const timer = clock.after(timeoutMs, () => end(userId, roomId))
    const typist = { timer, expiresAt, toldAt: before?.toldAt ?? Number.NEGATIVE_INFINITY }
    inRoom.set(userId, typist)
    // A row that lasts a little longer is not worth a write to everybody who watches.
    if (!before || expiresAt - before.expiresAt > 1_000)
      writeTyping({ room_id: roomId, user_id: userId, expires_at: expiresAt })
    if (!before) changed(roomId)
    return typist
  }

  /** @returns whether the user was typing */
  function end(userId: UserId, roomId: RoomId): boolean {
    const inRoom = typists.get(roomId)
    const typist = inRoom?.get(userId)
    if (!inRoom || !typist) return false
    typist.timer.cancel()
    inRoom.delete(userId)
    if (inRoom.size === 0) typists.delete(roomId)
    deleteTyping(roomId, userId)
    changed(roomId)
    return true
  }

  function tellServers(servers: ServerName[], roomId: RoomId, userId: UserId, isTyping: boolean): void {
    if (servers.length === 0) return
    sendEdu?.(servers, { edu_type: 'm.typing', content: { room_id: roomId, user_id: userId, typing: isTyping } })
  }

  const follow: ByKind = {
    event({ roomId, type, stateKey, pdu }) {
      if (type === 'm.room.member' && stateKey !== undefined && memberOf(pdu) !== 'join')
        end(stateKey as UserId, roomId)
    },
    ...{ state: ignore, redaction: ignore, membership: ignore, receipt: ignore, account_data: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }

  return {
    async set(userId, roomId, timeoutMs) {
      const room = await rooms.get(roomId)
      if (!room || !checkRoomPermission(room, userId, 'take_part'))
        throw forbidden('You are not in this room, or have no part in it')
      const servers = await readOtherServers(rooms, room, serverName)
      if (timeoutMs === undefined) {
        if (end(userId, roomId)) tellServers(servers, roomId, userId, false)
        return
      }
      const typist = begin(userId, roomId, Math.min(Math.max(timeoutMs, 1), typingTimes.mostMs))
      if (clock.now() - typist.toldAt < typingTimes.repeatMs) return
      typist.toldAt = clock.now()
      tellServers(servers, roomId, userId, true)
    },
    async receive({ roomId, userId, isTyping }) {
      const room = await rooms.get(roomId)
      if (!room || (await rooms.readMember(room, userId))?.pdu.content.membership !== 'join') return
      if (isTyping) begin(userId, roomId, typingTimes.remoteMs)
      else end(userId, roomId)
    },
    usersIn: (roomId) => [...(typists.get(roomId)?.keys() ?? [])],
    serialOf: (roomId) => serials.get(roomId) ?? 0,
    changedSince: (serial) => [...serials].filter(([, last]) => last > serial).map(([roomId]) => roomId),
    onCommitted(changes) {
      for (const change of changes) treat(follow, change)
    },
    close() {
      for (const inRoom of typists.values()) for (const { timer } of inRoom.values()) timer.cancel()
      typists.clear()
    },
  }
}

const memberOf = ({ content }: Readonly<Record<string, unknown>>) => (content as { membership?: unknown }).membership
