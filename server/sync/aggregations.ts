/**
 * What is bundled with an event: its newest edit, the thread under it, what refers to it.
 *
 * Of each event that something relates to, what all readers have in common is kept in memory and moves on with each
 * reply; whoever reads is then shown what is theirs of it. Users who are ignored have no part in it, nor has what a
 * reader may not see: who left is told nothing of what came after.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events
 */
import { isEditable, isValidEdit, mayRootThread, relationOf } from '../events/relations.js'
import type { EventId, UserId } from '../kernel/identifiers.js'
import { VersionedCache } from '../kernel/versioned-cache.js'
import type { Room, Rooms, TimelineEvent } from '../rooms/room.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'
import { type Children, readChildren, readThreadEvents, type ThreadPart } from '../store/relation-store.js'
import type { RoomSeq } from '../store/writes.js'
import type { ReadAccountDataOf } from './account-data-changes.js'
import type { VisibleEvent } from './client-events.js'
import type { Visibility } from './visibility.js'

export type Bundle = {
  edit?: VisibleEvent
  references?: EventId[]
  thread?: { latest: VisibleEvent; count: number; isParticipant: boolean }
}
export type Aggregations = {
  /** By event; also for the newest events of the threads found, which are shown with what is bundled with them. */
  read(room: Room, userId: UserId, events: readonly TimelineEvent[]): Promise<ReadonlyMap<EventId, Bundle>>
}

type Needs = {
  db: Database
  rooms: Pick<Rooms, 'readEvents'>
  visibility: Pick<Visibility, 'readAccess' | 'filterVisible'>
  readAccountDataOf: ReadAccountDataOf
}

const maxBytes = 8_000_000
const overhead = 400
/** Parents that are looked up in one query. */
const atOnce = 50

type Found = { event: TimelineEvent; children: Children; latest: ThreadPart | undefined }

export function makeAggregations({ db, rooms, visibility, readAccountDataOf }: Needs): Aggregations {
  const kept = new VersionedCache<EventId, Children>('relations', maxBytes)

  const follow: ByKind = {
    event({ pdu, seq, sender, historical }) {
      const relation = relationOf(pdu as { content: Record<string, unknown> })
      if (!relation) return
      const known = relation.relType === 'm.thread' && !historical ? kept.peek(relation.eventId) : undefined
      if (known) keep(relation.eventId, withReply(known, sender, seq))
      else kept.delete(relation.eventId)
    },
    redaction({ relatedTo }) {
      if (relatedTo) kept.delete(relatedTo)
    },
    ...{ state: ignore, membership: ignore, receipt: ignore, account_data: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }
  db.onCommitted('memory', (changes) => {
    for (const change of changes) treat(follow, change)
  })

  const keep = (eventId: EventId, children: Children) => kept.set(eventId, children, bytesOf(children))

  /** @param upTo the last place in the room that is the reader's; undefined: they are inside */
  async function readAll(room: Room, events: readonly TimelineEvent[], upTo: number | undefined) {
    const byId = new Map(events.map((event) => [event.eventId, event]))
    const read = async (ids: readonly EventId[]) => {
      const found: { key: EventId; value: Children; bytes: number }[] = []
      for (let start = 0; start < ids.length; start += atOnce) {
        const some = ids.slice(start, start + atOnce).flatMap((id) => byId.get(id) ?? [])
        const parents = some.map(({ eventId, pdu: { sender, type } }) => ({ eventId, sender, type }))
        const children = await readChildren(db, room.roomId, parents, upTo)
        for (const [at, value] of children.entries())
          found.push({ key: some[at]!.eventId, value, bytes: bytesOf(value) })
      }
      return found
    }
    if (upTo === undefined) return kept.getMany(byId.keys(), read)
    return new Map((await read([...byId.keys()])).map(({ key, value }) => [key, value]))
  }

  /** One level: what is bundled with the events themselves. */
  async function readLevel(room: Room, userId: UserId, events: readonly TimelineEvent[], upTo: number | undefined) {
    const bundles = new Map<EventId, Bundle>()
    const related = events.filter((event) => event.related)
    if (related.length === 0) return bundles
    const { ignored } = await readAccountDataOf(userId)
    const all = await readAll(room, related, upTo)
    const found: Found[] = related.flatMap((event) => {
      const children = all.get(event.eventId)
      return children ? [{ event, children, latest: latestOf(event, children, ignored) }] : []
    })
    const shown = await readShown(room, userId, found)
    for (const { event, children, latest } of found) {
      const edit = children.edits
        .map(({ event_id }) => shown.get(event_id))
        .find((candidate) => candidate && isValidEdit(event, candidate.event) && !ignored.has(event.pdu.sender))
      const references = children.references.filter(({ sender }) => !ignored.has(sender))
      const reply = latest && shown.get(placeKey(event.eventId, latest.last))
      const parts = children.thread.filter(({ sender }) => !ignored.has(sender))
      bundles.set(event.eventId, {
        ...(edit ? { edit } : {}),
        ...(references.length > 0 ? { references: references.map(({ event_id }) => event_id) } : {}),
        ...(reply
          ? {
              thread: {
                latest: reply,
                count: parts.reduce((sum, { count }) => sum + count, 0),
                isParticipant: event.pdu.sender === userId || parts.some(({ sender }) => sender === userId),
              },
            }
          : {}),
      })
    }
    return bundles
  }

  /** The edits and newest replies that the user may see, by ID and by place in their thread. */
  async function readShown(
    room: Room,
    userId: UserId,
    found: readonly Found[],
  ): Promise<ReadonlyMap<string, VisibleEvent>> {
    const places = found.flatMap(({ event, latest }) => (latest ? [{ root: event.eventId, seq: latest.last }] : []))
    // From memory where it is recent: that copy knows the transaction it was sent under.
    const recent = new Map(room.recent.map((event) => [event.seq as number, event]))
    const held = new Map(room.recent.map((event) => [event.eventId, event]))
    const unknown = places.filter(({ seq }) => !recent.has(seq))
    const ids = new Set([
      ...found.flatMap(({ event, children }) => (isEditable(event) ? children.edits.map((each) => each.event_id) : [])),
      ...(await readThreadEvents(db, room.roomId, unknown)),
    ])
    const fromMemory = places.flatMap(({ seq }) => recent.get(seq) ?? [])
    const read = ids.size === 0 ? [] : await rooms.readEvents([...ids])
    const placed = read
      .map((event) => held.get(event.eventId) ?? event)
      .filter((event): event is TimelineEvent => event.seq !== undefined)
    const events = [...new Map([...placed, ...fromMemory].map((event) => [event.eventId, event])).values()]
    events.sort((a, b) => a.seq - b.seq)
    const visible = await visibility.filterVisible(room, userId, events)
    return new Map(
      visible.flatMap((each) => {
        const root = relationOf(each.event.pdu)?.eventId
        const entries: [string, VisibleEvent][] = [[each.event.eventId, each]]
        if (root) entries.push([placeKey(root, each.event.seq), each])
        return entries
      }),
    )
  }

  return {
    async read(room, userId, events) {
      if (!events.some((event) => event.related)) return new Map()
      const access = await visibility.readAccess(userId, room.roomId)
      if (!access) return new Map()
      const upTo = access.kind === 'joined' ? undefined : (access.lastSeq ?? room.maxSeq)
      const bundles = await readLevel(room, userId, events, upTo)
      const latest = [...bundles.values()].flatMap(({ thread }) => thread?.latest.event ?? [])
      for (const [eventId, bundle] of await readLevel(room, userId, latest, upTo)) bundles.set(eventId, bundle)
      return bundles
    },
  }
}

const placeKey = (root: EventId, seq: number) => `${root} ${seq}`

/** The newest reply of somebody who is not ignored, where the event can be the root of a thread. */
function latestOf(event: TimelineEvent, { thread }: Children, ignored: ReadonlySet<string>): ThreadPart | undefined {
  if (!mayRootThread(event)) return undefined
  let latest: ThreadPart | undefined
  for (const part of thread) if (!ignored.has(part.sender) && part.last > (latest?.last ?? -Infinity)) latest = part
  return latest
}

function withReply(children: Children, sender: UserId, seq: RoomSeq): Children {
  const before = children.thread.find((part) => part.sender === sender)
  if (before && before.last >= seq) return children // it was read with it
  const others = children.thread.filter((part) => part !== before)
  return { ...children, thread: [...others, { sender, count: (before?.count ?? 0) + 1, last: seq }] }
}

const bytesOf = ({ edits, references, thread }: Children) =>
  overhead + 120 * (edits.length + references.length + thread.length)
