/**
 * Unread counts: how many events a user has not read in a room, per thread, and how many of them
 * call the user by name.
 *
 * Counted once by walking back from the room's end to what the user read last, then kept current event by
 * event. A receipt or a redaction makes a count start over, at its next use. What the user sends in a
 * thread is taken as having read it. A walk that had to leave the memory writes a checkpoint, and so does
 * a count that grew: the next walk ends there. Without one it ends after `maxScanned` events, and the
 * count is a lower bound.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */
import { LRUCache } from 'lru-cache'
import type { Pdu } from '../events/pdu.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { isJoined, type Room, type Rooms, type TimelineEvent } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import { type PushCountRow, readPushCounts, setPushCounts } from '../store/receipt-store.js'
import type { Change, RoomSeq } from '../store/writes.js'
import type { Receipts } from './receipts.js'
import { mainThread, threadOf } from './thread-of.js'
import type { WeighEvent, Weight } from './unread-rule.js'
import { isOwnMemberEvent } from './visibility.js'

export type UnreadCount = { notification_count: number; highlight_count: number }

export type UnreadCounts = {
  /** Of the whole room, all threads together. Zero for a user who is not joined. */
  countUnread(userId: UserId, roomId: RoomId): Promise<UnreadCount>
  /** By thread root, and `main` for the rest. */
  countThreads(userId: UserId, roomId: RoomId): Promise<ReadonlyMap<string, UnreadCount>>
}

type Counts = Map<string, UnreadCount>
type Counted = {
  /** Seq of the newest event that is counted. */
  upTo: number
  /** Seq of the unthreaded reading the count starts from. */
  from: number
  threads: Counts
  /** Notifications when a checkpoint was last written. */
  saved: number
}
/** `counted` is undefined while it has to be worked out; `version` tells a walk that it has been overtaken. */
type Entry = { counted: Counted | undefined; version: number; walk: Promise<Counts> | undefined }

/** A walk under way: what was read by thread, which threads the user closed by sending, what counts so far. */
type Counting = {
  room: Room
  userId: UserId
  read: ReadonlyMap<string, number>
  closed: Set<string>
  threads: Counts
}

const maxRooms = 5_000
const maxUsers = 1_000
const maxAttempts = 3
const maxScanned = 400
const pageSize = 200
/** New notifications after which a checkpoint is written. */
const checkpointEvery = 100
const nothing: UnreadCount = { notification_count: 0, highlight_count: 0 }

type Needs = {
  db: Database
  rooms: Pick<Rooms, 'get' | 'readTimeline' | 'readEvent'>
  receipts: Pick<Receipts, 'readOwn'>
  weigh: WeighEvent
  log: Pick<Logger, 'error'>
}

export function makeUnreadCounts({ db, rooms, receipts, weigh, log }: Needs): UnreadCounts {
  const entries = new LRUCache<RoomId, Map<UserId, Entry>>({ max: maxRooms })
  /** What is in the database, by user: a user's rooms are counted together, at a first sync. */
  const checkpoints = new LRUCache<UserId, Promise<Map<RoomId, PushCountRow[]>>>({ max: maxUsers })

  db.onCommitted((changes) => {
    for (const change of changes) if ('roomId' in change && change.roomId) follow(change, entries.peek(change.roomId))
  })

  function follow(change: Change, users: Map<UserId, Entry> | undefined): void {
    if (!users) return
    switch (change.kind) {
      case 'event':
        if (!change.historical) for (const [userId, entry] of users) addEvent(change, userId, entry)
        return
      case 'receipt': {
        const entry = users.get(change.userId)
        if (entry) startOver(entry)
        return
      }
      case 'redaction':
      case 'state':
        for (const entry of users.values()) startOver(entry)
    }
  }

  function startOver(entry: Entry): void {
    entry.counted = undefined
    entry.version++
  }

  function addEvent(change: Change & { kind: 'event' }, userId: UserId, entry: Entry): void {
    const { counted } = entry
    const room = loadedRoom.get(change.roomId)
    const pdu = change.pdu as unknown as Pdu // of an accepted event
    if (!counted || !room || change.seq !== counted.upTo + 1 || isOwnMemberEvent({ pdu } as TimelineEvent, userId)) {
      startOver(entry)
      return
    }
    counted.upTo = change.seq
    if (pdu.sender === userId) counted.threads.delete(threadOf(pdu))
    else addTo(counted.threads, threadOf(pdu), weigh(room, userId, pdu))
    if (sum(counted.threads).notification_count >= counted.saved + checkpointEvery) save(userId, change.roomId, counted)
  }

  /** Rooms whose users are counted: their power levels are wanted without waiting. */
  const loadedRoom = new LRUCache<RoomId, Room>({ max: maxRooms })

  function save(userId: UserId, roomId: RoomId, counted: Counted): void {
    counted.saved = sum(counted.threads).notification_count
    // `main` always: it tells how far the count had come where nothing was unread.
    const threads = new Map(counted.threads)
    if (!threads.has(mainThread)) threads.set(mainThread, nothing)
    const rows = [...threads].map(
      ([thread_id, count]): PushCountRow => ({
        thread_id,
        ...count,
        upto_seq: counted.upTo as RoomSeq,
        from_seq: counted.from,
      }),
    )
    db.commit(() => ({ writes: setPushCounts(userId, roomId, rows), changes: [], result: undefined }))
      .then(async () => (await checkpoints.get(userId))?.set(roomId, rows))
      .catch((error: unknown) => log.error({ err: error, roomId }, 'a checkpoint of unread counts was not written'))
  }

  async function countThreads(userId: UserId, roomId: RoomId): Promise<Counts> {
    const users = entries.get(roomId) ?? new Map<UserId, Entry>()
    entries.set(roomId, users)
    let entry = users.get(userId)
    if (!entry) {
      entry = { counted: undefined, version: 0, walk: undefined }
      users.set(userId, entry)
    }
    if (entry.counted) return entry.counted.threads
    entry.walk ??= walkUntilCurrent(userId, roomId, entry)
    return entry.walk
  }

  async function walkUntilCurrent(userId: UserId, roomId: RoomId, entry: Entry): Promise<Counts> {
    try {
      for (let attempt = 1; ; attempt++) {
        const { version } = entry
        const room = await rooms.get(roomId)
        if (!room || !isJoined(room, userId)) return new Map()
        loadedRoom.set(roomId, room)
        const counted = await walk(room, userId)
        if (entry.version === version) entry.counted = counted
        // Overtaken again and again by a busy room: good enough for now, counted anew next time.
        if (entry.version === version || attempt === maxAttempts) return counted.threads
      }
    } finally {
      entry.walk = undefined
    }
  }

  async function walk(room: Room, userId: UserId): Promise<Counted> {
    const { roomId, maxSeq: upTo } = room
    const read = await readPositions(userId, roomId)
    const from = read.unthreaded
    const threads: Counts = new Map()
    const counting: Counting = { room, userId, read: read.threads, closed: new Set(), threads }

    const inMemory = room.recent.filter(({ seq }) => seq > Math.max(from, 0) && seq <= upTo)
    let lowest = Math.max(from + 1, 1)
    let next = (inMemory[0]?.seq ?? upTo + 1) - 1
    const checkpoint = next < lowest ? undefined : await readCheckpoint(userId, roomId, from, upTo)
    if (checkpoint?.[0]) lowest = checkpoint[0].upto_seq + 1
    let hasJoined = await countPage(
      counting,
      inMemory.filter(({ seq }) => seq >= lowest),
    )
    const hasRead = next >= lowest && !hasJoined
    for (; next >= lowest && upTo - next < maxScanned && !hasJoined; next -= pageSize)
      hasJoined = await countPage(
        counting,
        await rooms.readTimeline(roomId, Math.max(lowest, next - pageSize + 1), next),
      )

    if (!hasJoined)
      for (const { thread_id, ...row } of checkpoint ?? [])
        if (!counting.closed.has(thread_id) && !read.threads.has(thread_id)) addCount(threads, thread_id, row)
    const counted = { upTo, from, threads, saved: sum(threads).notification_count }
    if (hasRead) save(userId, roomId, counted)
    return counted
  }

  /** The last count that was saved, where it began at the same reading. */
  async function readCheckpoint(userId: UserId, roomId: RoomId, from: number, upTo: number): Promise<PushCountRow[]> {
    let ofUser = checkpoints.get(userId)
    if (!ofUser) {
      ofUser = readPushCounts(db, userId)
      checkpoints.set(userId, ofUser)
      ofUser.catch(() => checkpoints.delete(userId))
    }
    const rows = (await ofUser).get(roomId) ?? []
    return rows.filter((row) => row.from_seq === from && row.upto_seq <= upTo)
  }

  /** @returns true where nothing before the page can be unread: the user joined here */
  async function countPage(
    { room, userId, read, closed, threads }: Counting,
    page: readonly TimelineEvent[],
  ): Promise<boolean> {
    for (const event of [...page].reverse()) {
      const thread = threadOf(event.pdu)
      if (event.pdu.sender === userId || isOwnMemberEvent(event, userId)) {
        closed.add(thread)
        if (await isJoining(event, userId)) return true
      } else if (!closed.has(thread) && event.seq > (read.get(thread) ?? 0) && event.redactedBy === undefined)
        addTo(threads, thread, weigh(room, userId, event.pdu))
    }
    return false
  }

  /** Whether the user came in with this event, rather than changing their profile. */
  async function isJoining(event: TimelineEvent, userId: UserId): Promise<boolean> {
    if (!isOwnMemberEvent(event, userId)) return false
    const before = event.replaces ? await rooms.readEvent(event.replaces) : undefined
    return before?.pdu.content.membership !== 'join'
  }

  async function readPositions(
    userId: UserId,
    roomId: RoomId,
  ): Promise<{ unthreaded: number; threads: Map<string, number> }> {
    const threads = new Map<string, number>()
    let unthreaded = 0
    for (const { event_id, thread_id, seq: known } of await receipts.readOwn(userId, roomId)) {
      const seq = known ?? (await rooms.readEvent(event_id))?.seq ?? 0
      if (thread_id === undefined) unthreaded = Math.max(unthreaded, seq)
      else threads.set(thread_id, Math.max(threads.get(thread_id) ?? 0, seq))
    }
    return { unthreaded, threads }
  }

  return {
    countThreads,
    countUnread: async (userId, roomId) => sum(await countThreads(userId, roomId)),
  }
}

const addTo = (counts: Counts, thread: string, { notifies, highlights }: Weight) => {
  if (notifies) addCount(counts, thread, { notification_count: 1, highlight_count: highlights ? 1 : 0 })
}

function addCount(counts: Counts, thread: string, more: UnreadCount): void {
  const before = counts.get(thread) ?? nothing
  counts.set(thread, {
    notification_count: before.notification_count + more.notification_count,
    highlight_count: before.highlight_count + more.highlight_count,
  })
}

function sum(counts: Counts): UnreadCount {
  let { notification_count, highlight_count } = nothing
  for (const count of counts.values()) {
    notification_count += count.notification_count
    highlight_count += count.highlight_count
  }
  return { notification_count, highlight_count }
}
