/**
 * Rows of `room_events`: an accepted event in client format, with its place and the visibility it was sent under.
 *
 * A redaction writes the row of its target anew, from the redacted event.
 */
import { toClientEvent } from '../../events/client-event.js'
import { stateKeyOf } from '../../events/pdu.js'
import type { EventId, RoomId, UserId } from '../../kernel/identifiers.js'
import type { RoomEventRow } from '../../kernel/live-rows.js'
import type { Room, Rooms, StoredEvent } from '../../rooms/room.js'
import { type StreamPosition, upsertRow, type Write } from '../../store/writes.js'
import type { ReadVisibility } from './visibility.js'
import type { Work } from './work.js'

export type EventsNeeds = {
  rooms: Pick<Rooms, 'get' | 'readEvents' | 'readMember'>
  readVisibility: ReadVisibility
}

type EventWork = Extract<Work, { kind: 'event' }>

/** Every optional member is named, so that all rows of a batch go in one statement and a redaction takes away. */
type Row = { [Name in keyof Required<RoomEventRow>]: RoomEventRow[Name] | undefined }

/** Events that a batch needs, read together: those it writes, and the state they replaced. */
export type ReadEvents = ReadonlyMap<EventId, StoredEvent>

export async function readEventsOf(
  rooms: Pick<Rooms, 'readEvents'>,
  eventIds: readonly EventId[],
): Promise<Map<EventId, StoredEvent>> {
  const events = new Map<EventId, StoredEvent>()
  const add = async (ids: readonly EventId[]) => {
    for (const event of await rooms.readEvents(ids)) events.set(event.eventId, event)
  }
  await add(eventIds)
  const related = [...events.values()].flatMap(({ replaces, redactedBy }) => [replaces, redactedBy])
  await add(related.filter((id): id is EventId => id !== undefined && !events.has(id)))
  return events
}

/** @returns undefined for an event that is not there any more, or has no place in its room */
export async function eventRow(
  needs: EventsNeeds,
  room: Room,
  work: Pick<EventWork, 'eventId' | 'position'> & Partial<Pick<EventWork, 'kind' | 'seq' | 'txnHash'>>,
  events: ReadEvents,
): Promise<Write | undefined> {
  const stored = events.get(work.eventId)
  // One that has only just landed may still be known without its place.
  const seq = work.seq ?? stored?.seq
  if (!stored || seq === undefined) return undefined
  const event: StoredEvent = { ...stored, seq, position: stored.position ?? work.position }
  const { pdu } = event
  const row: Row = {
    room_id: room.roomId,
    seq,
    position: event.position ?? work.position,
    event_id: event.eventId,
    sender: pdu.sender,
    event_type: pdu.type,
    state_key: pdu.state_key,
    origin_server_ts: pdu.origin_server_ts,
    visibility: await needs.readVisibility(room, event),
    redacted_by: event.redactedBy,
    txn_hash: work.txnHash,
    event: toClientEvent(event, { rules: room.rules, omitRoomId: true, unsigned: unsignedOf(room, event, events) }),
  }
  const id = [room.roomId, seq]
  // News is new, or was written before a crash and is as it is.
  if (work.kind === 'event') return { op: 'insertMissing', table: 'room_events', row: { id, ...row } }
  // A row written again, for a redaction, keeps the hash it has.
  const { txn_hash: _kept, ...rewritten } = row
  return upsertRow('room_events', { id, ...(work.seq === undefined ? rewritten : row) })
}

function unsignedOf(room: Room, { replaces, redactedBy }: StoredEvent, events: ReadEvents): Record<string, unknown> {
  const replaced = replaces && events.get(replaces)
  const redaction = redactedBy && events.get(redactedBy)
  return {
    ...(replaced && { prev_content: replaced.pdu.content, replaces_state: replaced.eventId }),
    ...(redaction && { redacted_because: toClientEvent(redaction, { rules: room.rules, omitRoomId: true }) }),
  }
}

/** Steps back through what replaced what. */
const maxSteps = 100

/**
 * The row of the state event that replaced a redacted one and is shown with its content beside.
 *
 * @returns undefined where nothing replaced it, or only long ago
 */
export async function successorRow(
  needs: EventsNeeds,
  room: Room,
  redacted: StoredEvent,
  position: StreamPosition,
): Promise<Write | undefined> {
  const { eventId, pdu } = redacted
  if (pdu.state_key === undefined) return undefined
  const current =
    pdu.type === 'm.room.member'
      ? await needs.rooms.readMember(room, pdu.state_key as UserId) // the auth rules let no other key through
      : room.state.get(stateKeyOf(pdu.type, pdu.state_key))
  let next = current?.eventId
  for (let step = 0; next && next !== eventId && step < maxSteps; step++) {
    const [event]: StoredEvent[] = await needs.rooms.readEvents([next])
    if (event?.replaces !== eventId) next = event?.replaces
    else return eventRow(needs, room, { eventId: next, position }, await readEventsOf(needs.rooms, [next]))
  }
  return undefined
}

/** Rooms of a batch, each read once; a room this server does not know (any more) is left out. */
export async function readRoomsOf(rooms: Pick<Rooms, 'get'>, roomIds: Iterable<RoomId>): Promise<Map<RoomId, Room>> {
  const found = new Map<RoomId, Room>()
  for (const roomId of new Set(roomIds)) {
    const room = await rooms.get(roomId)
    if (room) found.set(roomId, room)
  }
  return found
}
