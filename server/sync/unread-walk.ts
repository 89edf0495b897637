/**
 * Counts what a user has not read in a room, by walking back from the room's end to what was read last, to the
 * user's joining, or to a checkpoint.
 *
 * Without a checkpoint a walk ends after `maxScanned` events, and the count says what lies in those: less than is
 * unread, never more. What the user sent closed its thread: all before it in that thread is read. State events and
 * redactions do not, since the server makes them too (a new name goes into every room). A hole in the history is unread.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */
import type { Pdu } from '../events/pdu.js'
import { type EventId, parseEventId, type RoomId, type UserId } from '../kernel/identifiers.js'
import { viewOf } from '../push/evaluate.js'
import type { Room, Rooms, TimelineEvent } from '../rooms/room.js'
import { holeBelow, type Segment, stretchBelow } from '../rooms/segments.js'
import type { PushCount, ReceiptRow } from '../store/receipt-store.js'
import { mainThread, type ReadThreadOf } from './thread-of.js'
import type { Judge, Weight } from './unread-judge.js'
import { isOwnMemberEvent } from './visibility.js'

export type UnreadCount = { notification_count: number; highlight_count: number }
export type Counts = Map<string, UnreadCount>

/** How far a user has read: in the whole room, and beyond that in single threads. */
export type Reading = { readonly unthreaded: number; readonly threads: ReadonlyMap<string, number> }

/** Unread events up to one of them. */
export type Counted = {
  upTo: number
  reading: Reading
  threads: Counts
  /** The room's segments where there is a hole among what is unread: that counts as one message until it is filled. */
  holesIn?: readonly Segment[] | undefined
}

export type Walk = (room: Room, judge: Judge, reading: Reading) => Promise<Counted & { hasRead: boolean }>

/** Events a walk looks at, without a checkpoint and towards one. */
const maxScanned = 400
const maxScannedToCheckpoint = 5_000
const pageSize = 200

type Needs = {
  rooms: Pick<Rooms, 'readTimeline' | 'readEvent' | 'readEvents'>
  readCheckpoint(userId: UserId, roomId: RoomId): Promise<PushCount | undefined>
  readThreadOf: ReadThreadOf
}

/** A walk under way. */
type Counting = {
  room: Room
  judge: Judge
  reading: Reading
  /** Threads in which the user sent something after what comes next. */
  closed: Set<string>
  threads: Counts
  /** Events that were redacted by what the walk has passed. */
  redacted: EventId[]
}

export function makeWalk({ rooms, readCheckpoint, readThreadOf }: Needs): Walk {
  async function walk(room: Room, judge: Judge, reading: Reading, checkpoint: PushCount | undefined) {
    const { roomId, maxSeq: upTo } = room
    const counting: Counting = { room, judge, reading, closed: new Set(), threads: new Map(), redacted: [] }
    const lowest = Math.max(checkpoint?.upto_seq ?? reading.unthreaded, 0) + 1
    const limit = checkpoint ? maxScannedToCheckpoint : maxScanned

    const inMemory = room.recent.filter(({ seq }) => seq >= lowest && seq <= upTo)
    let gap = inMemory[0]?.seq ?? upTo + 1
    let scanned = inMemory.length
    let hasHole = false
    let hasJoined = await countPage(counting, inMemory)
    const hasRead = gap > lowest && !hasJoined
    while (gap > lowest && scanned < limit && !hasJoined) {
      if (holeBelow(room, gap)) {
        hasHole = true
        countHole(counting, gap)
      }
      const stretch = stretchBelow(room, gap)
      if (!stretch || stretch.high < lowest) break
      gap = Math.max(lowest, stretch.low, stretch.high - pageSize + 1)
      const page = await rooms.readTimeline(roomId, gap, stretch.high)
      scanned += page.length
      hasJoined = await countPage(counting, page)
    }
    const holesIn = hasHole ? room.segments : undefined
    return { counting, hasJoined, result: { upTo, reading, threads: counting.threads, hasRead, holesIn } }
  }

  /** @returns true where nothing before the page can be unread: the user joined here */
  async function countPage(counting: Counting, page: readonly TimelineEvent[]): Promise<boolean> {
    const { judge, room, closed, threads, reading } = counting
    for (const event of [...page].reverse()) {
      const { pdu } = event
      if (isOwnMemberEvent(event, judge.userId)) {
        if (await isJoining(event)) return true
        continue
      }
      if (pdu.type === 'm.room.redaction') counting.redacted.push(...targetsOf(pdu))
      if (pdu.sender === judge.userId) {
        if (closesThread(pdu)) closed.add(await readThreadOf(event))
      } else if (event.redactedBy === undefined) {
        const weight = judge.weigh(viewOf(event), room)
        if (!weight.notifies) continue
        const thread = await readThreadOf(event)
        if (!closed.has(thread) && event.seq > (reading.threads.get(thread) ?? 0)) addTo(threads, thread, weight)
      }
    }
    return false
  }

  /** Whatever is missing, something was said: one message of the main timeline, until it is known better. */
  function countHole({ closed, reading, threads }: Counting, gap: number): void {
    if (closed.has(mainThread) || (reading.threads.get(mainThread) ?? 0) >= gap) return
    addTo(threads, mainThread, { notifies: true, highlights: false })
  }

  /** Whether the user came in with this event, rather than changing their profile. */
  async function isJoining(event: TimelineEvent): Promise<boolean> {
    const before = event.replaces ? await rooms.readEvent(event.replaces) : undefined
    return before?.pdu.content.membership !== 'join'
  }

  /** Something that the checkpoint counted is no more: what it weighed is not known any more either. */
  async function isRedacted({ room, reading, redacted }: Counting, { upto_seq }: PushCount): Promise<boolean> {
    if (redacted.length === 0) return false
    const targets = await rooms.readEvents(redacted)
    return targets.some(
      ({ roomId, seq }) => roomId === room.roomId && seq !== undefined && seq > reading.unthreaded && seq <= upto_seq,
    )
  }

  return async (room, judge, reading) => {
    const stored = needsCheckpoint(room, reading) ? await readCheckpoint(judge.userId, room.roomId) : undefined
    const checkpoint = stored && isUsable(stored, room, judge, reading) ? stored : undefined
    const { counting, hasJoined, result } = await walk(room, judge, reading, checkpoint)
    if (!checkpoint || hasJoined) return result
    if (await isRedacted(counting, checkpoint)) return (await walk(room, judge, reading, undefined)).result
    for (const { thread_id, read_seq: _, ...count } of checkpoint.threads)
      if (!counting.closed.has(thread_id) && (reading.threads.get(thread_id) ?? 0) < checkpoint.upto_seq)
        addCount(result.threads, thread_id, count)
    return result
  }
}

/** Whether the walk would leave what is in memory. */
const needsCheckpoint = ({ recent, maxSeq }: Room, { unthreaded }: Reading) =>
  (recent[0]?.seq ?? maxSeq + 1) > Math.max(unthreaded, 0) + 1

/** Nothing of what it counted has been read by half, and the same rules judged it. */
function isUsable(checkpoint: PushCount, room: Room, judge: Judge, { unthreaded, threads }: Reading): boolean {
  const { upto_seq, from_seq, judged_by } = checkpoint
  if (from_seq !== unthreaded || judged_by !== judge.judgedBy || upto_seq > room.maxSeq) return false
  return checkpoint.threads.every(({ thread_id, read_seq }) => {
    const seq = threads.get(thread_id) ?? 0
    return seq === read_seq || seq >= upto_seq
  })
}

/** The readings among a user's receipts. */
export function readingIn(receipts: readonly (ReceiptRow & { seq: number })[]): Reading {
  const threads = new Map<string, number>()
  let unthreaded = 0
  for (const { thread_id, seq } of receipts) {
    if (thread_id === undefined) unthreaded = Math.max(unthreaded, seq)
    else threads.set(thread_id, Math.max(threads.get(thread_id) ?? 0, seq))
  }
  return { unthreaded, threads }
}

export const closesThread = ({ type, state_key }: Pdu) => state_key === undefined && type !== 'm.room.redaction'

const targetsOf = ({ redacts, content }: Pdu): EventId[] =>
  [redacts, content.redacts].flatMap((target) => parseEventId(target) ?? [])

export const addTo = (counts: Counts, thread: string, { highlights }: Weight): void =>
  addCount(counts, thread, { notification_count: 1, highlight_count: highlights ? 1 : 0 })

function addCount(counts: Counts, thread: string, more: UnreadCount): void {
  const before = counts.get(thread)
  counts.set(thread, {
    notification_count: (before?.notification_count ?? 0) + more.notification_count,
    highlight_count: (before?.highlight_count ?? 0) + more.highlight_count,
  })
}
