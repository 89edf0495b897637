/**
 * Tells application services what happens: events that were queued with their own commit, and ephemeral events to those
 * that want them.
 */
import type { DeliveryQueue } from '../delivery/delivery-queue.js'
import type { Clock } from '../kernel/clock.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { PresenceRow } from '../kernel/live-rows.js'
import type { Logger } from '../kernel/logger.js'
import type { Rooms } from '../rooms/room.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'
import type { Change } from '../store/writes.js'
import {
  type AppserviceQueue,
  type AppserviceQueueNeeds,
  type EphemeralEvent,
  openAppserviceQueue,
} from './appservice-queue.js'
import type { Appservices } from './appservices.js'
import type { Interest } from './interest.js'

export type AppserviceSender = {
  /** Who types in a room has changed. */
  typingChanged(roomId: RoomId): void
  presenceChanged(row: PresenceRow): void
  close(): Promise<void>
}

type Needs = Omit<AppserviceQueueNeeds, 'closing' | 'newTxnId'> & {
  db: Database & { onCommitted(phase: 'send', follower: (changes: readonly Change[]) => void): () => void }
  clock: Clock
  log: Logger
  appservices: Appservices
  interest: Interest
  rooms: Pick<Rooms, 'peek' | 'membershipsOf'>
  /** Who types in a room now. */
  typingIn(roomId: RoomId): UserId[]
}

export async function startAppserviceSender(needs: Needs): Promise<AppserviceSender> {
  const { appservices, interest } = needs
  const closing = new AbortController()
  const queues = new Map<string, AppserviceQueue>()
  const startedAt = needs.clock.now()
  let serial = 0
  const newTxnId = () => `${startedAt}-${++serial}`
  for (const service of appservices.all)
    if (service.url !== undefined)
      queues.set(service.id, await openAppserviceQueue(service, { ...needs, newTxnId, closing: closing.signal }))

  const wantEphemeral = appservices.all.filter(({ ephemeralIn, url }) => ephemeralIn !== undefined && url !== undefined)
  function tell(ids: readonly string[], event: EphemeralEvent): void {
    for (const { id } of wantEphemeral) if (ids.includes(id)) queues.get(id)?.addEphemeral(event)
  }
  function tellRoom(roomId: RoomId, event: EphemeralEvent): void {
    const room = wantEphemeral.length > 0 ? needs.rooms.peek(roomId) : undefined
    if (room) tell(interest.interestedInRoom(room), { ...event, room_id: roomId })
  }

  /** To the services that are in some room with the user. */
  async function tellPresence({ user_id: userId, presence, status_msg, ...row }: PresenceRow): Promise<void> {
    const ids = new Set<string>()
    for (const [roomId, { membership }] of await needs.rooms.membershipsOf(userId as UserId)) {
      const room = membership === 'join' ? needs.rooms.peek(roomId) : undefined
      for (const id of room ? interest.interestedInRoom(room) : []) ids.add(id)
    }
    const content = {
      presence,
      ...(status_msg !== undefined && { status_msg }),
      ...(row.last_active_ts !== undefined && { last_active_ago: Math.max(0, needs.clock.now() - row.last_active_ts) }),
      currently_active: row.currently_active,
    }
    tell([...ids], { type: 'm.presence', sender: userId, content })
  }

  const follow: ByKind = {
    event({ appservices: told, position, eventId, roomId }) {
      for (const id of told ?? []) queues.get(id)?.add({ position, eventId, roomId })
    },
    receipt({ roomId, userId, receiptType, threadId, eventId, ts }) {
      // A private receipt is for its own user's devices.
      if (receiptType !== 'm.read') return
      const receipt = { ts, ...(threadId !== undefined && { thread_id: threadId }) }
      tellRoom(roomId, { type: 'm.receipt', content: { [eventId]: { [receiptType]: { [userId]: receipt } } } })
    },
    state: ignore,
    redaction: ignore,
    membership: ignore,
    account_data: ignore,
    device_list: ignore,
    to_device: ignore,
    key_counts: ignore,
    lasting_edu: ignore,
    profile: ignore,
  }
  const stopListening =
    queues.size === 0
      ? () => {}
      : needs.db.onCommitted('send', (changes) => {
          for (const change of changes) treat(follow, change)
        })
  for (const queue of queues.values()) queue.wake()

  return {
    typingChanged(roomId) {
      if (wantEphemeral.length > 0)
        tellRoom(roomId, { type: 'm.typing', content: { user_ids: needs.typingIn(roomId) } })
    },
    presenceChanged(row) {
      if (wantEphemeral.length === 0) return
      void tellPresence(row).catch((error: unknown) =>
        needs.log.warn({ err: error }, 'application services were not told of a presence'),
      )
    },
    async close() {
      closing.abort()
      stopListening()
      await Promise.all([...queues.values()].map((queue: Pick<DeliveryQueue<never>, 'settle'>) => queue.settle()))
    },
  }
}
