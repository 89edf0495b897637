/**
 * The threads of a room, the one that was answered last first, each root with what the spec bundles with it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads
 */
import type { JsonObject } from '../events/pdu.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import { type RelationRow, readThreadRelations } from '../store/relation-store.js'
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

type Thread = { root: EventId; replies: RelationRow[]; latest: RelationRow }

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

  async function show(
    access: RoomAccess,
    { userId, sid }: ThreadsQuery,
    root: VisibleEvent,
    thread: Thread,
  ): Promise<JsonObject[]> {
    const { room } = access
    const view = { sid, omitRoomId: false }
    const latest = await findVisible(access, userId, thread.latest.event_id)
    const [event] = await clientEvents.ofTimeline(room, [root], view)
    const [latestEvent] = latest ? await clientEvents.ofTimeline(room, [latest], view) : []
    if (!event || !latestEvent) return []
    const summary = {
      latest_event: latestEvent,
      count: thread.replies.length,
      current_user_participated: hasTakenPart(thread, root, userId),
    }
    return [{ ...event, unsigned: { ...(event.unsigned as JsonObject), 'm.relations': { 'm.thread': summary } } }]
  }

  return async (query) => {
    const { userId, roomId, participated } = query
    const access = await visibility.checkAccess(userId, roomId)
    const from = query.from === undefined ? undefined : await readGap(rooms, access.room, query.from)
    const { ignored } = await readAccountDataOf(userId)
    const rows = (await readThreadRelations(db, roomId)).filter(({ sender }) => !ignored.has(sender))
    const threads = threadsIn(rows).filter(({ latest }) => from === undefined || latest.seq < from)

    const chunk: JsonObject[] = []
    const limit = Math.min(query.limit, maxLimit)
    let last: Thread | undefined
    for (const thread of threads) {
      if (chunk.length >= limit) return { chunk, ...(last ? { next_batch: formatGap(last.latest.seq) } : {}) }
      last = thread
      const root = await findVisible(access, userId, thread.root)
      if (!root || ignored.has(root.event.pdu.sender)) continue
      if (!participated || hasTakenPart(thread, root, userId)) chunk.push(...(await show(access, query, root, thread)))
    }
    return { chunk }
  }
}

const hasTakenPart = ({ replies }: Thread, root: VisibleEvent, userId: UserId) =>
  root.event.pdu.sender === userId || replies.some(({ sender }) => sender === userId)

/** Newest first by their last reply. */
function threadsIn(rows: readonly RelationRow[]): Thread[] {
  const threads = new Map<EventId, Thread>()
  for (const row of rows) {
    const thread = threads.get(row.parent)
    if (!thread) threads.set(row.parent, { root: row.parent, replies: [row], latest: row })
    else {
      thread.replies.push(row)
      if (row.seq > thread.latest.seq) thread.latest = row
    }
  }
  return [...threads.values()].sort((a, b) => b.latest.seq - a.latest.seq)
}
