/**
 * The threads of a room, the one that was answered last first, each root with what the spec bundles with it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import { readThreadParts, type ThreadPart } from '../store/relation-store.js'
import type { ReadAccountDataOf } from './account-data-changes.js'
import type { ClientEvents, VisibleEvent } from './client-events.js'
import { formatGap, readGap } from './pagination-token.js'
import type { ReadEvents } from './read-event.js'
import type { Visibility } from './visibility.js'

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

type Thread = { root: EventId; last: number; isOwn: boolean }

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

  return async ({ userId, sid, roomId, participated, from, limit }) => {
    const access = await visibility.checkAccess(userId, roomId)
    const { room } = access
    const before = from === undefined ? undefined : await readGap(rooms, room, from)
    const { ignored } = await readAccountDataOf(userId)
    const parts = (await readThreadParts(db, roomId)).filter(({ sender }) => !ignored.has(sender))
    const threads = threadsIn(parts, userId).filter(({ last }) => before === undefined || last < before)

    const roots: VisibleEvent[] = []
    const wanted = Math.min(limit, maxLimit)
    let next: string | undefined
    let last: Thread | undefined
    for (const thread of threads) {
      if (roots.length >= wanted) {
        next = last && formatGap(last.last)
        break
      }
      last = thread
      const root = await findVisible(access, userId, thread.root)
      if (!root || ignored.has(root.event.pdu.sender)) continue
      if (!participated || thread.isOwn || root.event.pdu.sender === userId) roots.push(root)
    }
    const shown = await clientEvents.ofTimeline(room, roots, { userId, sid, omitRoomId: false })
    return { chunk: shown.filter(isThread), ...(next === undefined ? {} : { next_batch: next }) }
  }
}

/** Without a reply that the user may see it is none for them. */
function isThread({ unsigned }: JsonObject): boolean {
  const relations = isJsonObject(unsigned) ? unsigned['m.relations'] : undefined
  return isJsonObject(relations) && relations['m.thread'] !== undefined
}

/** Newest first by their last reply. */
function threadsIn(parts: readonly (ThreadPart & { root: EventId })[], userId: UserId): Thread[] {
  const threads = new Map<EventId, Thread>()
  for (const { root, last, sender } of parts) {
    const { last: lastBefore = last, isOwn = false } = threads.get(root) ?? {}
    threads.set(root, { root, last: Math.max(last, lastBefore), isOwn: isOwn || sender === userId })
  }
  return [...threads.values()].sort((a, b) => b.last - a.last)
}
