/**
 * Events as one user's device is shown them: client format, with the `unsigned` that is theirs.
 *
 * What is the same for everybody (the event itself, what it replaced, what redacted it) is worked out
 * once per event and kept as long as the event is in memory, since a message is read by every member.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-event-format
 */
import { type ClientEvent, toClientEvent } from '../events/client-event.js'
import type { JsonObject, PduEvent } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import type { EventId, UserId } from '../kernel/identifiers.js'
import type { Membership, Room, Rooms, StoredEvent, TimelineEvent } from '../rooms/room.js'
import type { Aggregations, Bundle } from './aggregations.js'
import { parsePropertyPath, pickFields } from './event-fields.js'

/** An event that a user may see, with the user's membership when it was sent, where that is known. */
export type VisibleEvent = { event: TimelineEvent; membership?: Membership }

export type EventView = {
  userId: UserId
  /** The login session that reads: it alone is told its own transaction IDs. */
  sid: string
  /** Left out in /sync, where the room is named around the event. */
  omitRoomId: boolean
  /** Members to be left, undefined for all. */
  fields?: readonly (readonly string[])[] | undefined
  format?: 'client' | 'federation'
}

export type ClientEvents = {
  /** Timeline events in the order given. */
  ofTimeline(room: Room, events: readonly VisibleEvent[], view: EventView): Promise<JsonObject[]>
  /** State events in the order given; without what only a place in the timeline has. */
  ofState(room: Pick<Room, 'rules'>, events: readonly PduEvent[], view: EventView): JsonObject[]
}

/** The part of `unsigned` that is everybody's. */
type Shared = { event: ClientEvent; unsigned: JsonObject }

export const fieldPaths = (fields: readonly string[] | undefined) => fields?.map(parsePropertyPath)

type Needs = { rooms: Pick<Rooms, 'readEvents'>; clock: Pick<Clock, 'now'>; aggregations: Aggregations }

export function makeClientEvents({ rooms, clock, aggregations }: Needs): ClientEvents {
  const bare = new WeakMap<PduEvent, ClientEvent>()
  const shared = new WeakMap<PduEvent, Shared>()

  function bareEvent(event: PduEvent, room: Pick<Room, 'rules'>): ClientEvent {
    let known = bare.get(event)
    if (!known) {
      known = toClientEvent(event, { rules: room.rules, omitRoomId: true })
      bare.set(event, known)
    }
    return known
  }

  /** Reads what the events replaced and what redacted them, in one go. */
  async function prepare(room: Room, events: readonly VisibleEvent[]): Promise<void> {
    const missing = events.map(({ event }) => event).filter((event) => !shared.has(event))
    if (missing.length === 0) return
    const others = new Set<EventId>()
    for (const { replaces, redactedBy } of missing) {
      if (replaces) others.add(replaces)
      if (redactedBy) others.add(redactedBy)
    }
    const read = others.size === 0 ? [] : await rooms.readEvents([...others])
    const byId = new Map(read.map((event) => [event.eventId, event]))
    for (const event of missing)
      shared.set(event, { event: bareEvent(event, room), unsigned: unsignedOf(room, event, byId) })
  }

  function unsignedOf(
    room: Room,
    { replaces, redactedBy }: TimelineEvent,
    byId: ReadonlyMap<EventId, StoredEvent>,
  ): JsonObject {
    const unsigned: Record<string, unknown> = {}
    const replaced = replaces && byId.get(replaces)
    if (replaces) unsigned.replaces_state = replaces
    if (replaced) unsigned.prev_content = replaced.pdu.content
    const redaction = redactedBy && byId.get(redactedBy)
    if (redaction) unsigned.redacted_because = { ...bareEvent(redaction, room), room_id: redaction.roomId }
    return unsigned
  }

  /** A timeline event with what is bundled with it, which is shown in the same form. */
  function showInTimeline(
    room: Room,
    { event, membership }: VisibleEvent,
    view: EventView,
    bundles: ReadonlyMap<EventId, Bundle>,
  ): JsonObject {
    const known = shared.get(event)
    const unsigned: Record<string, unknown> = { age: clock.now() - event.pdu.origin_server_ts, ...known?.unsigned }
    if (membership) unsigned.membership = membership
    if (event.txn && event.txn.sid === view.sid) unsigned.transaction_id = event.txn.txnId
    const bundle = bundles.get(event.eventId)
    if (bundle) {
      const whole = { ...view, fields: undefined }
      const relations = relationsOf(bundle, (child) => showInTimeline(room, child, whole, bundles))
      if (Object.keys(relations).length > 0) unsigned['m.relations'] = relations
    }
    return show(event, known?.event ?? bareEvent(event, room), unsigned, view)
  }

  function show(source: PduEvent, event: ClientEvent, unsigned: JsonObject, view: EventView): JsonObject {
    // Members of the PDU win: the wire format is what other servers see, with our `unsigned` beside it.
    const base = view.format === 'federation' ? { event_id: source.eventId, ...source.pdu } : event
    const whole: JsonObject = { ...base, ...(view.omitRoomId ? {} : { room_id: source.roomId }), unsigned }
    return view.fields ? pickFields(whole, view.fields) : whole
  }

  return {
    async ofTimeline(room, events, view) {
      const bundles = await aggregations.read(
        room,
        view.userId,
        events.map(({ event }) => event),
      )
      const bundled = [...bundles.values()].flatMap(({ edit, thread }) => [edit ?? [], thread?.latest ?? []].flat())
      await prepare(room, [...events, ...bundled])
      return events.map((event) => showInTimeline(room, event, view, bundles))
    },
    ofState(room, events, view) {
      const now = clock.now()
      return events.map((event) => show(event, bareEvent(event, room), { age: now - event.pdu.origin_server_ts }, view))
    },
  }
}

/** Spec: https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events */
function relationsOf({ edit, references, thread }: Bundle, show: (child: VisibleEvent) => JsonObject): JsonObject {
  const relations: Record<string, unknown> = {}
  if (edit) relations['m.replace'] = show(edit)
  if (references) relations['m.reference'] = { chunk: references.map((event_id) => ({ event_id })) }
  if (thread)
    relations['m.thread'] = {
      latest_event: show(thread.latest),
      count: thread.count,
      current_user_participated: thread.isParticipant,
    }
  return relations
}
