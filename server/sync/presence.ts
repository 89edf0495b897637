/**
 * Presence: who is online, idle or away. In memory; the live table keeps the last of it across restarts.
 *
 * A user is as present as their most present device. A device is present while it syncs and for half a
 * minute after. What changes is told at once; a user who merely stays active is written once a minute at
 * most, because everybody who shares a room pays for it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#presence
 */

import type { PresenceEdu, PresenceState } from '../events/edu.js'
import type { JsonObject } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { PresenceRow } from '../kernel/live-rows.js'
import type { Rooms } from '../rooms/room.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Change } from '../store/writes.js'
import type { EphemeralStream } from './ephemeral-stream.js'
import { readOtherServers, type SendEdu } from './outgoing-edus.js'

export type Presence = {
  /** A device syncs; `offline` leaves the presence as it is. */
  onSync(userId: UserId, sid: string, state: PresenceState): void
  /** The device's request is over: it counts as present a little longer. */
  onSyncEnd(userId: UserId, sid: string): void
  /** A client says so itself. `statusMsg` undefined takes the message away. */
  set(userId: UserId, sid: string, state: PresenceState, statusMsg: string | undefined): void
  /** The user did something other than reading. */
  onActivity(userId: UserId): void
  /** Users of other servers, with whom somebody here shares a room. */
  receive(presence: readonly SharedPresence[]): void
  /** Undefined for one of whom nothing is known. */
  of(userId: UserId): PresenceContent | undefined
  /** Users whose presence changed after a serial. */
  changedSince(serial: number): UserId[]
  /** To be given every committed change: who sends is active. */
  onCommitted(changes: readonly Change[]): void
  /** What the last run knew: messages and times, nobody online. */
  restore(rows: readonly PresenceRow[]): void
  close(): void
}

/** What another server says of its user, and the rooms that user is in. */
export type SharedPresence = PresenceEdu & { roomIds: readonly RoomId[] }

export type PresenceContent = {
  presence: PresenceState
  last_active_ago?: number
  status_msg?: string
  currently_active?: boolean
}

export const presenceTimes = {
  /** A device that does not sync counts as gone after this. */
  goneMs: 30_000,
  /** A user who does nothing is unavailable after this. */
  idleMs: 5 * 60_000,
  /** `currently_active`, and how often an unchanged presence is told. */
  activeMs: 60_000,
  sweepMs: 5_000,
  /** A user of another server who was offline so long is nobody's news any more. */
  forgetMs: 24 * 3_600_000,
} as const

const maxKnown = 50_000

type Device = {
  state: PresenceState
  /** Requests under way. */
  syncs: number
  lastSeen: number
  /** Its client said `unavailable`. */
  isIdle: boolean
}
type Known = {
  presence: PresenceState
  statusMsg: string | undefined
  lastActive: number | undefined
  isActive: boolean
  serial: number
  /** When it was last told to others. */
  toldAt: number
  /** Of local users. */
  devices: Map<string, Device>
}

type Needs = {
  rooms: Pick<Rooms, 'membershipsOf' | 'get' | 'readServers'>
  clock: Clock
  stream: EphemeralStream
  serverName: ServerName
  /** Wakes those who wait and share a room with the user. */
  wakeSharing(userId: UserId): void
  wakeRooms(roomIds: readonly RoomId[]): void
  writePresence(row: PresenceRow): void
  deletePresence(userId: UserId): void
  sendEdu?: SendEdu | undefined
}

export function makePresence({
  rooms,
  clock,
  stream,
  serverName,
  wakeSharing,
  wakeRooms,
  writePresence,
  deletePresence,
  sendEdu,
}: Needs): Presence {
  const known = new Map<UserId, Known>()
  /** Changes by rising serial; an entry that is no longer its user's last one says nothing. */
  let log: { serial: number; userId: UserId }[] = []
  const present = new Set<UserId>() // local users with devices
  const isLocal = (userId: UserId) => serverNameOf(userId) === serverName

  function entryOf(userId: UserId): Known {
    let entry = known.get(userId)
    if (!entry) {
      entry = {
        presence: 'offline',
        statusMsg: undefined,
        lastActive: undefined,
        isActive: false,
        serial: 0,
        toldAt: Number.NEGATIVE_INFINITY,
        devices: new Map(),
      }
      known.set(userId, entry)
      if (known.size > maxKnown) forgetOldest()
    }
    return entry
  }

  function forgetOldest(): void {
    for (const [userId, { presence }] of known) {
      if (presence !== 'offline') continue
      known.delete(userId)
      return
    }
  }

  /** News from here on. */
  function note(userId: UserId, entry: Known): void {
    entry.serial = stream.next()
    log.push({ serial: entry.serial, userId })
    if (log.length > 2 * known.size + 100) log = log.filter((each) => known.get(each.userId)?.serial === each.serial)
  }

  /** @param roomIds of a user of another server: of them nobody here knows all rooms */
  function tell(userId: UserId, entry: Known, roomIds?: readonly RoomId[]): void {
    note(userId, entry)
    entry.toldAt = clock.now()
    writePresence(rowOf(userId, entry, clock.now()))
    if (roomIds) wakeRooms(roomIds)
    else wakeSharing(userId)
    if (sendEdu && isLocal(userId)) void tellServers(sendEdu, userId, entry)
  }

  /** To those of a room that the user has joined; the join itself wakes them. */
  function tellAgain(userId: UserId): void {
    const entry = known.get(userId)
    if (entry && entry.presence !== 'offline') note(userId, entry)
  }

  async function tellServers(send: SendEdu, userId: UserId, entry: Known): Promise<void> {
    const servers = new Set<ServerName>()
    for (const { roomId, membership } of (await rooms.membershipsOf(userId)).values()) {
      const room = membership === 'join' ? await rooms.get(roomId) : undefined
      if (room) for (const server of await readOtherServers(rooms, room, serverName)) servers.add(server)
    }
    if (servers.size === 0) return
    const { last_active_ago = 0, ...content } = contentOf(entry, clock.now())
    const push: JsonObject[] = [{ user_id: userId, last_active_ago, ...content }]
    send(servers, { edu_type: 'm.presence', content: { push } })
  }

  /** Works out a local user's presence from their devices and tells what changed. */
  function update(userId: UserId): void {
    const entry = entryOf(userId)
    const now = clock.now()
    for (const [sid, { syncs, lastSeen }] of entry.devices)
      if (syncs === 0 && now - lastSeen > presenceTimes.goneMs) entry.devices.delete(sid)
    if (entry.devices.size === 0) present.delete(userId)
    else present.add(userId)

    const presence = mostPresent(entry, now)
    const isActive = presence === 'online' && now - (entry.lastActive ?? 0) < presenceTimes.activeMs
    if (presence === entry.presence && isActive === entry.isActive) return
    entry.presence = presence
    entry.isActive = isActive
    tell(userId, entry)
  }

  function deviceOf(userId: UserId, sid: string): Device {
    const { devices } = entryOf(userId)
    let device = devices.get(sid)
    if (!device) {
      device = { state: 'offline', syncs: 0, lastSeen: clock.now(), isIdle: false }
      devices.set(sid, device)
    }
    device.lastSeen = clock.now()
    return device
  }

  function onActivity(userId: UserId): void {
    const entry = entryOf(userId)
    const now = clock.now()
    entry.lastActive = now
    for (const device of entry.devices.values()) {
      device.isIdle = false
      if (device.state === 'unavailable') device.state = 'online'
    }
    update(userId)
    // Unchanged, but the time of the last activity is worth telling now and then.
    if (entry.presence !== 'offline' && now - entry.toldAt >= presenceTimes.activeMs) tell(userId, entry)
  }

  const sweep = clock.every(presenceTimes.sweepMs, () => {
    for (const userId of [...present]) update(userId)
  })

  const follow: ByKind = {
    event({ sender, isLocal, isCurrentState, type, stateKey, pdu }) {
      if (isLocal && known.has(sender)) onActivity(sender)
      const { membership } = (pdu.content ?? {}) as { membership?: unknown }
      if (isCurrentState && type === 'm.room.member' && membership === 'join') tellAgain(stateKey as UserId)
    },
    receipt({ userId, isLocal }) {
      if (isLocal && known.has(userId)) onActivity(userId)
    },
    ...{ state: ignore, redaction: ignore, membership: ignore, account_data: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }

  const forgetting = clock.every(presenceTimes.forgetMs / 24, () => {
    const before = clock.now() - presenceTimes.forgetMs
    for (const [userId, { presence, toldAt }] of known) {
      if (isLocal(userId) || presence !== 'offline' || toldAt > before) continue
      known.delete(userId)
      deletePresence(userId)
    }
  })

  return {
    onSync(userId, sid, state) {
      if (state === 'offline') return
      const device = deviceOf(userId, sid)
      device.syncs++
      // That a client called itself idle by PUT /status holds until its user does something.
      if (state === 'unavailable') device.state = state
      else if (!device.isIdle) {
        if (device.state === 'offline') entryOf(userId).lastActive = clock.now()
        device.state = state
      }
      update(userId)
    },
    onSyncEnd(userId, sid) {
      const device = known.get(userId)?.devices.get(sid)
      if (!device) return
      device.syncs = Math.max(0, device.syncs - 1)
      device.lastSeen = clock.now()
    },
    set(userId, sid, state, statusMsg) {
      const entry = entryOf(userId)
      const device = deviceOf(userId, sid)
      device.state = state
      device.isIdle = state === 'unavailable'
      if (state === 'online') entry.lastActive = clock.now()
      const isNewMessage = entry.statusMsg !== statusMsg
      entry.statusMsg = statusMsg
      const before = entry.serial
      update(userId)
      if (isNewMessage && entry.serial === before) tell(userId, entry)
    },
    onActivity,
    receive(all) {
      for (const { userId, presence, statusMsg, lastActiveAgoMs, isCurrentlyActive, roomIds } of all) {
        const entry = entryOf(userId)
        const isSame =
          entry.presence === presence && entry.statusMsg === statusMsg && entry.isActive === isCurrentlyActive
        entry.presence = presence
        entry.statusMsg = statusMsg
        entry.isActive = isCurrentlyActive
        if (lastActiveAgoMs !== undefined) entry.lastActive = clock.now() - lastActiveAgoMs
        if (!isSame || clock.now() - entry.toldAt >= presenceTimes.activeMs) tell(userId, entry, roomIds)
      }
    },
    of(userId) {
      const entry = known.get(userId)
      return entry && contentOf(entry, clock.now())
    },
    changedSince(serial) {
      const changed: UserId[] = []
      for (let at = log.length - 1; at >= 0; at--) {
        const change = log[at]
        if (!change || change.serial <= serial) break
        if (known.get(change.userId)?.serial === change.serial) changed.push(change.userId)
      }
      return changed
    },
    onCommitted(changes) {
      for (const change of changes) treat(follow, change)
    },
    restore(rows) {
      for (const { user_id, status_msg, last_active_ts, presence } of rows) {
        const userId = user_id as UserId // a row of our own table
        const entry = entryOf(userId)
        entry.statusMsg = status_msg
        entry.lastActive = last_active_ts
        entry.toldAt = clock.now()
        if (presence !== 'offline') writePresence(rowOf(userId, entry, clock.now()))
      }
    },
    close() {
      sweep.cancel()
      forgetting.cancel()
    },
  }
}

/** Of all devices; a user who has done nothing for long is unavailable at best. */
function mostPresent({ devices, lastActive }: Known, now: number): PresenceState {
  const states = [...devices.values()].map(({ state }) => state)
  if (states.includes('online')) return now - (lastActive ?? 0) < presenceTimes.idleMs ? 'online' : 'unavailable'
  return states.includes('unavailable') ? 'unavailable' : 'offline'
}

function contentOf({ presence, statusMsg, lastActive, isActive }: Known, now: number): PresenceContent {
  return {
    presence,
    ...(lastActive === undefined ? {} : { last_active_ago: Math.max(0, now - lastActive) }),
    ...(statusMsg === undefined ? {} : { status_msg: statusMsg }),
    ...(presence === 'online' ? { currently_active: isActive } : {}),
  }
}

function rowOf(userId: UserId, { presence, statusMsg, lastActive, isActive }: Known, now: number): PresenceRow {
  return {
    user_id: userId,
    presence,
    last_active_ago: lastActive === undefined ? 0 : Math.max(0, now - lastActive),
    last_active_ts: lastActive ?? 0,
    currently_active: isActive,
    ...(statusMsg === undefined ? {} : { status_msg: statusMsg }),
  }
}
