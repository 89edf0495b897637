/**
 * Counts what a user has not read in a room, by walking back from the room's end to what was read last, to the
 * user's joining, or to a checkpoint.
 *
 * Without a checkpoint a walk ends after `maxScanned` events, and the count says what lies in those: less than is
 * unread, never more. What the user sent closed its thread: all before it in that thread is read. State events and
 * redactions do not, since the server makes them too (a new name goes into every room).
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */
import type { Pdu } from '../events/pdu.js'
import { type EventId, parseEventId, type RoomId, type UserId } from '../kernel/identifiers.js'
import { viewOf } from '../push/evaluate.js'
import type { Room, Rooms, TimelineEvent } from '../rooms/room.js'
import type { PushCount, ReceiptRow } from '../store/receipt-store.js'
import type { ReadThreadOf } from './thread-of.js'
import type { Judge, Weight } from './unread-judge.js'
import { isOwnMemberEvent } from './visibility.js'

export type UnreadCount = { notification_count: number; highlight_count: number }
export type Counts = Map<string, UnreadCount>

/** How far a user has read: in the whole room, and beyond that in single threads. */
export type Reading = { readonly unthreaded: number; readonly threads: ReadonlyMap<string, number> }

/** Unread events up to one of them. */
export type Counted = { upTo: number; reading: Reading; threads: Counts }

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
    let next = (inMemory[0]?.seq ?? upTo + 1) - 1
    let hasJoined = await countPage(counting, inMemory)
    const hasRead = next >= lowest && !hasJoined
    for (; next >= lowest && upTo - next < limit && !hasJoined; next -= pageSize)
      hasJoined = await countPage(
        counting,
        await rooms.readTimeline(roomId, Math.max(lowest, next - pageSize + 1), next),
      )
    return { counting, hasJoined, result: { upTo, reading, threads: counting.threads, hasRead } }
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
