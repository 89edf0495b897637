/**
 * The threads of a room, the one that was answered last first, each root with what the spec bundles with it.
 *
 * Replies are read from the newest on, and the first one of a thread is its last: what a request costs goes by
 * what it looks at, not by how much there is in the room. A request looks at so many replies and no more; where they
 * are used up by few long threads its page is short, and its token goes on from there.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import { readRepliersSince, readThreadReplies, type ThreadReply } from '../store/relation-store.js'
import type { ReadAccountDataOf } from './account-data-changes.js'
import type { ClientEvents, VisibleEvent } from './client-events.js'
import { formatGap, readGap } from './pagination-token.js'
import type { ReadEvents } from './read-event.js'
import type { RoomAccess, Visibility } from './visibility.js'

export type ThreadsQuery = {
  userId: UserId
  sid: string
  roomId: RoomId
  /** Only threads that the user began or answered in. */
  participated: boolean
  from?: string | undefined
  limit: number
}
/** @throws MatrixError 403 without access, 400 for a bad token */
export type ReadThreads = (query: ThreadsQuery) => Promise<{ chunk: JsonObject[]; next_batch?: string }>

const maxLimit = 100
/** Replies that are read at once, and how often in a request. */
const repliesAtOnce = 200
const maxReads = 10
/** Of a thread that went on since: so many replies are looked through for one that counts. */
const repliesLookedAt = 50

type Needs = {
  db: Database
  rooms: Pick<Rooms, 'readTimeline'>
  visibility: Pick<Visibility, 'checkAccess'>
  findVisible: ReadEvents['findVisible']
  clientEvents: Pick<ClientEvents, 'ofTimeline'>
  readAccountDataOf: ReadAccountDataOf
}

export function makeReadThreads(needs: Needs): ReadThreads {
  const { db, rooms, visibility, findVisible, clientEvents, readAccountDataOf } = needs

  return async (query) => {
    const { userId, roomId, from } = query
    const access = await visibility.checkAccess(userId, roomId)
    const start = from === undefined ? Number.MAX_SAFE_INTEGER : await readGap(rooms, access.room, from)
    const { ignored } = await readAccountDataOf(userId)
    const wanted = Math.min(query.limit, maxLimit)
    const chunk: JsonObject[] = []
    const seen = new Set<EventId>()
    let before = start
    for (let reads = 0; reads < maxReads; reads++) {
      const replies = await readThreadReplies(db, roomId, before, repliesAtOnce)
      const last = firstOfEach(replies, seen, ignored)
      const wentOn = from === undefined ? new Set<EventId>() : await whichWentOn(roomId, last, start, ignored)
      for (let next = 0; next < last.length; ) {
        const some = last.slice(next, next + wanted - chunk.length)
        if (some.length === 0) return { chunk, next_batch: formatGap(before) }
        const roots = some.flatMap(({ root }) => (wentOn.has(root) ? [] : [root]))
        chunk.push(...(await readRoots(access, query, roots, ignored)))
        next += some.length
        before = some.at(-1)!.seq
      }
      if (replies.length < repliesAtOnce) return { chunk }
      before = replies.at(-1)!.seq
    }
    return { chunk, next_batch: formatGap(before) }
  }

  /** Threads that have a reply from the place on: they are on the pages before. */
  async function whichWentOn(
    roomId: RoomId,
    threads: readonly ThreadReply[],
    place: number,
    ignored: ReadonlySet<string>,
  ): Promise<Set<EventId>> {
    const roots = threads.map(({ root }) => root)
    const repliers = await readRepliersSince(db, roomId, roots, { from: place, limit: repliesLookedAt })
    return new Set(roots.filter((_, at) => repliers[at]!.some((sender) => !ignored.has(sender))))
  }

  /** The roots as the user is shown them, without those that are not for them. */
  async function readRoots(
    access: RoomAccess,
    { userId, sid, participated }: ThreadsQuery,
    rootIds: readonly EventId[],
    ignored: ReadonlySet<string>,
  ): Promise<JsonObject[]> {
    const roots: VisibleEvent[] = []
    for (const rootId of rootIds) {
      const root = await findVisible(access, userId, rootId)
      if (root && !ignored.has(root.event.pdu.sender)) roots.push(root)
    }
    const shown = await clientEvents.ofTimeline(access.room, roots, { userId, sid, omitRoomId: false })
    return shown.filter((root) => {
      const summary = summaryOf(root) // without a reply that the user may see it is no thread for them
      return summary && (!participated || summary.current_user_participated === true || root.sender === userId)
    })
  }
}

/** The newest reply to each root that was not seen before, by somebody who is not ignored. */
function firstOfEach(replies: readonly ThreadReply[], seen: Set<EventId>, ignored: ReadonlySet<string>): ThreadReply[] {
  return replies.filter(({ root, sender }) => !ignored.has(sender) && !seen.has(root) && seen.add(root))
}

function summaryOf({ unsigned }: JsonObject): JsonObject | undefined {
  const relations = isJsonObject(unsigned) ? unsigned['m.relations'] : undefined
  const thread = isJsonObject(relations) ? relations['m.thread'] : undefined
  return isJsonObject(thread) ? thread : undefined
}
