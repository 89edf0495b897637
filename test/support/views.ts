/** Rooms as somebody elsewhere sees them: a snapshot, perhaps with events that are not here, and what is built on it. */
import { type PduEvent, stateKeyOf } from '../../server/events/pdu.js'
import type { EventId, UserId } from '../../server/kernel/identifiers.js'
import { buildUnsignedEvent, type EventDraft, keysFor, type Signer, signEvent } from '../../server/rooms/build-event.js'
import type { Entries, Room, Rooms, Snapshot } from '../../server/rooms/room.js'
import { userOfKey, withState } from '../../server/rooms/snapshot.js'

/** What the snapshot says, where it goes beyond what is on disk too. */
export async function entriesOfView(
  rooms: Pick<Rooms, 'readCurrent'>,
  room: Snapshot,
  keys: readonly string[],
): Promise<Entries> {
  const onDisk = await rooms.readCurrent(room, keys)
  return {
    get(key) {
      const userId = userOfKey(key)
      return userId && room.moved.members.has(userId) ? room.moved.members.get(userId) : onDisk.get(key)
    },
  }
}

export async function buildOn(
  rooms: Pick<Rooms, 'readCurrent'>,
  room: Snapshot,
  draft: EventDraft,
  signer: Signer,
  ts = Date.now(),
): Promise<PduEvent> {
  const current = await entriesOfView(rooms, room, keysFor(room, draft))
  return signEvent(buildUnsignedEvent(room, draft, current, ts), room.rules, signer).event
}

/** The snapshot with a state event that is not here. */
export async function withEvent(rooms: Pick<Rooms, 'readCurrent'>, room: Snapshot, event: PduEvent): Promise<Snapshot> {
  const key = stateKeyOf(event.pdu.type, event.pdu.state_key ?? '')
  const held = (await entriesOfView(rooms, room, [key])).get(key)
  const members = new Map<UserId, PduEvent>()
  const userId = userOfKey(key)
  if (userId && held) members.set(userId, held)
  return withState(room, new Map([[key, event]]), { members, servers: new Map() })
}

/** The snapshot's whole state as event IDs. */
export async function idsOf(rooms: Pick<Rooms, 'readStateNode'>, room: Snapshot): Promise<Map<string, EventId>> {
  const ids = new Map(await rooms.readStateNode(room.roomId, room.node))
  for (const [key, { eventId }] of room.state) ids.set(key, eventId)
  for (const [userId, event] of room.moved.members)
    if (event) ids.set(stateKeyOf('m.room.member', userId), event.eventId)
  return ids
}

/** The current state as it is held: other entries from memory, members from their rows. */
export async function heldIds(rooms: Pick<Rooms, 'readMembers'>, room: Room): Promise<Map<string, EventId>> {
  const members = await rooms.readMembers(room)
  return new Map([
    ...[...room.state].map(([key, { eventId }]) => [key, eventId] as const),
    ...members.map(({ pdu, eventId }) => [stateKeyOf('m.room.member', pdu.state_key ?? ''), eventId] as const),
  ])
}
