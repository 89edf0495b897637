/**
 * What has to be read to know how an event relates to others: the event that it names is marked once, so that
 * readers look for what is bundled with an event only where there is something.
 */
import type { PduEvent } from '../events/pdu.js'
import { relationOf } from '../events/relations.js'
import type { EventId } from '../kernel/identifiers.js'
import type { Snapshot } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import type { RoomTx } from './write-room.js'

/** The event that this one relates to, where it is here and nothing was known to relate to it. */
export async function gatherParent(tx: Pick<RoomTx, 'readEvents'>, event: PduEvent): Promise<EventId | undefined> {
  const relation = relationOf(event.pdu)
  const [parent] = relation ? await tx.readEvents([relation.eventId]) : []
  return parent && parent.roomId === event.roomId && !parent.related ? parent.eventId : undefined
}

/** Whether what relates to an event of another server may have come before it: only where it is late is that looked up. */
export async function gatherIsRelated(
  rooms: Pick<RoomsForWriting, 'readRelated'>,
  room: Snapshot,
  { eventId, pdu }: PduEvent,
): Promise<boolean> {
  const isLate = room.extremities.some(({ depth }) => depth >= pdu.depth)
  return isLate && (await rooms.readRelated(room.roomId, [eventId])).length > 0
}

/** Of a stretch of older events: those that something relates to, and events that were here and are named for the first time. */
export async function gatherHistoryRelations(
  rooms: Pick<RoomsForWriting, 'readRelated'>,
  tx: Pick<RoomTx, 'readEvents'>,
  { roomId }: Pick<Snapshot, 'roomId'>,
  events: readonly PduEvent[],
): Promise<{ related: ReadonlySet<EventId>; parents: EventId[] }> {
  const ids = new Set(events.map(({ eventId }) => eventId))
  const named = new Set(events.flatMap(({ pdu }) => relationOf(pdu)?.eventId ?? []))
  const before = await rooms.readRelated(roomId, [...ids])
  const known = await tx.readEvents([...named].filter((id) => !ids.has(id)))
  return {
    related: new Set([...before, ...[...named].filter((id) => ids.has(id))]),
    parents: known.filter((event) => event.roomId === roomId && !event.related).map(({ eventId }) => eventId),
  }
}
