/**
 * Keeps the search index: a lane of the projection, far behind the acknowledgement.
 *
 * A message is found by what it says after its newest edit; one that is redacted is found no more. Each event is written once when it
 * comes, history that is filled in too; what happens to it later is a difference to the words it was found by. The lane rests
 * between two batches: while others write or the server is busy it takes a sixteenth of the time, and catches up afterwards.
 *
 * Where the index is of another form, or the stream of changes does not reach back, it is written anew: room by room, from the newest
 * events down, with a mark in each room from which it goes on after a restart.
 */
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isValidEdit, relationOf } from '../events/relations.js'
import { searchedText, searchKeyOf } from '../events/searched-text.js'
import { wordsOf } from '../events/words.js'
import { type Clock, pause } from '../kernel/clock.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import { type LaneParts, rowsPerWrite } from '../live/projector/lane.js'
import type { Work } from '../live/projector/work.js'
import type { Rooms, StoredEvent } from '../rooms/room.js'
import { stretchesOf } from '../rooms/segments.js'
import type { LiveTables } from '../store/live.js'
import { readRoomIds } from '../store/projection-store.js'
import type { Database } from '../store/reader.js'
import { readChildren } from '../store/relation-store.js'
import {
  documentWrites,
  placeKey,
  readDocuments,
  readSearchProgress,
  type SearchDocument,
  setSearchProgress,
} from '../store/search-store.js'
import type { Write } from '../store/writes.js'

type Needs = {
  db: Pick<Database, 'query' | 'position'>
  live: Pick<LiveTables, 'writeLive' | 'empty'>
  rooms: Pick<Rooms, 'get' | 'readEvents' | 'readTimeline'>
  clock: Pick<Clock, 'elapsed'>
}

const pageSize = 100
/** While others write, or the event loop is busier than that, a batch rests so many times as long as it took; else as long. */
const rest = { busyAbove: 0.6, busyShare: 15, share: 1, longestMs: 3_000 }

type Placed = StoredEvent & { seq: NonNullable<StoredEvent['seq']> }
const isPlaced = (event: StoredEvent): event is Placed => event.seq !== undefined

export function searchLane({ db, live, rooms, clock }: Needs): LaneParts {
  let restUntil = 0
  let seen = { utilization: performance.eventLoopUtilization(), position: db.position }

  /** How long to leave the time to others after so much work. */
  function restAfter(tookMs: number): number {
    const now = { utilization: performance.eventLoopUtilization(), position: db.position }
    const { utilization } = performance.eventLoopUtilization(now.utilization, seen.utilization)
    const isBusy = now.position > seen.position || utilization > rest.busyAbove
    seen = now
    return Math.min(rest.longestMs, tookMs * (isBusy ? rest.busyShare : rest.share))
  }

  async function newestEdit(event: Placed): Promise<Placed | undefined> {
    const { roomId, eventId, pdu } = event
    const [children] = await readChildren(db, roomId, [{ eventId, sender: pdu.sender, type: pdu.type }])
    const ids = children?.edits.map(({ event_id }) => event_id) ?? []
    const read = new Map((await rooms.readEvents(ids)).map((each) => [each.eventId, each]))
    for (const id of ids) {
      const edit = read.get(id)
      if (edit && isPlaced(edit) && edit.redactedBy === undefined && isValidEdit(event, edit)) return edit
    }
    return undefined
  }

  async function describe(event: Placed): Promise<SearchDocument | undefined> {
    if (event.status !== 'accepted' || event.redactedBy !== undefined) return undefined
    const edit = event.related ? await newestEdit(event) : undefined
    const { pdu, eventId } = event
    const text = searchedText(pdu, edit?.pdu)
    const words = text === undefined ? [] : wordsOf(text)
    const key = searchKeyOf(pdu)
    if (words.length === 0 || !key) return undefined
    return { event_id: eventId, sender: pdu.sender, key, ts: pdu.origin_server_ts, words, edit_seq: edit?.seq }
  }

  /** @param known those that may have a document already */
  async function writesFor(events: readonly Placed[], known: ReadonlySet<EventId>): Promise<Write[]> {
    const places = events.filter(({ eventId }) => known.has(eventId))
    const there = new Map((await readDocuments(db, places)).map((document) => [placeKey(document), document.words]))
    const writes: Write[] = []
    for (const [at, event] of events.entries()) {
      if (at % 50 === 49) await nextTurn()
      const before = there.get(placeKey(event))
      const after = await describe(event)
      if (before || after) writes.push(...documentWrites(event, before ?? [], after))
    }
    return writes
  }

  /** Events that works are about, and those of them that may be in the index already. */
  async function gather(works: readonly Work[]): Promise<{ events: Placed[]; known: Set<EventId> }> {
    const known = new Set<EventId>()
    const ids = new Set<EventId>()
    for (const work of works) {
      if (work.kind !== 'event' && work.kind !== 'redaction') continue
      ids.add(work.eventId)
      if (work.kind === 'event') continue
      known.add(work.eventId)
      if (work.relatedTo) known.add(work.relatedTo)
    }
    const own = await rooms.readEvents([...ids])
    for (const { pdu, related, eventId } of own) {
      const relation = relationOf(pdu)
      if (relation?.relType === 'm.replace') known.add(relation.eventId)
      if (related) known.add(eventId)
    }
    const others = await rooms.readEvents([...known].filter((id) => !ids.has(id)))
    return { events: [...own, ...others].filter(isPlaced), known }
  }

  async function indexRoom(roomId: RoomId, progress: number | undefined, signal: AbortSignal): Promise<void> {
    const room = await rooms.get(roomId)
    for (const { low, high } of stretchesOf(room ?? { segments: [], maxSeq: 0 }).reverse()) {
      let end = Math.min(high, (progress ?? Number.POSITIVE_INFINITY) - 1)
      while (end >= low && !signal.aborted) {
        const start = clock.elapsed()
        const from = Math.max(low, end - pageSize + 1)
        const page = (await rooms.readTimeline(roomId, from, end)).map(
          (event): Placed => ({ ...event, status: 'accepted' }),
        )
        const writes = await writesFor(page, new Set(page.map(({ eventId }) => eventId)))
        for (let at = 0; at < writes.length; at += rowsPerWrite)
          await live.writeLive(writes.slice(at, at + rowsPerWrite), { silent: true })
        await live.writeLive([setSearchProgress(roomId, from)])
        end = from - 1
        await pause(restAfter(clock.elapsed() - start))
      }
    }
  }

  return {
    name: 'search',
    version: 1,
    streamMs: 300,
    takes(work) {
      if (work.kind === 'redaction') return true
      const isEvent = work.kind === 'event'
      return isEvent && searchKeyOf({ type: work.type, content: {}, state_key: work.stateKey }) !== undefined
    },
    restMs: () => Math.max(0, restUntil - clock.elapsed()),
    async build(works) {
      const start = clock.elapsed()
      const { events, known } = await gather(works)
      return {
        silent: await writesFor(events, known),
        written() {
          restUntil = clock.elapsed() + restAfter(clock.elapsed() - start)
        },
      }
    },
    async rebuild(_position, signal) {
      const progress = await readSearchProgress(db)
      if (progress.size === 0) for (const table of ['search_token', 'search_document']) await live.empty(table, signal)
      for (const roomId of await readRoomIds(db)) {
        if (signal.aborted) return
        await indexRoom(roomId, progress.get(roomId), signal)
      }
      if (!signal.aborted) await live.empty('search_progress', signal)
    },
  }
}
