/**
 * Unread counts: how many events a user has not read in a room, per thread, and how many of them stand out.
 *
 * Moved by the stream: a count that somebody asked for is kept in memory, and each accepted event is judged once
 * for it, right after the commit, by the user's own push rules and the room as it is now. What cannot be done by
 * adding (a reading in the middle, a redaction, other rules, other power levels) makes the count start over:
 * it is walked afresh when it is asked for next (`unread-walk.ts`). Counts nobody asks for cost nothing.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */

import { LRUCache } from 'lru-cache'
import { type Pdu, type PduEvent, stateKeyOf } from '../events/pdu.js'
import type { PowerLevels } from '../events/power-levels.js'
import type { Clock } from '../kernel/clock.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { type EventView, viewOf } from '../push/evaluate.js'
import type { Room, Rooms } from '../rooms/room.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'
import type { PushCount, ReceiptRow } from '../store/receipt-store.js'
import type { Change } from '../store/writes.js'
import type { ReadAccountDataOf } from './account-data-changes.js'
import { makeReadReading } from './read-reading.js'
import type { Receipts } from './receipts.js'
import { makeReadThreadOf, threadOf } from './thread-of.js'
import { makeCheckpoints } from './unread-checkpoints.js'
import { type Judge, judgingTypes, makeReadJudge } from './unread-judge.js'
import {
  addTo,
  type Counted,
  type Counts,
  closesThread,
  makeWalk,
  type Reading,
  readingIn,
  type UnreadCount,
} from './unread-walk.js'
import { isOwnMemberEvent } from './visibility.js'

export type UnreadCounts = {
  /** Of the whole room, all threads together. Zero for a user who is not joined. */
  countUnread(userId: UserId, roomId: RoomId): Promise<UnreadCount>
  /** By thread root, and `main` for the rest. */
  countThreads(userId: UserId, roomId: RoomId): Promise<ReadonlyMap<string, UnreadCount>>
  close(): void
}

type EventChange = Change & { kind: 'event' }
type News = { change: EventChange; event: PduEvent; view: EventView }

type Count = Counted & { judge: Judge; savedUpTo: number }

/** A user's count in a room. */
type Entry = {
  userId: UserId
  roomId: RoomId
  /** Undefined while it has to be worked out. */
  counted: Count | undefined
  /** Tells a walk that it has been overtaken. */
  version: number
  walk: Promise<Counts> | undefined
  /** What came while a walk is under way, to be added to it. */
  news: News[]
  askedAt: number
}

/** The counts of one room, and of the room what they were judged by. */
type OfRoom = { users: Map<UserId, Entry>; memberCount: number; powerLevels: PowerLevels }

const maxEntries = 50_000
/** A count that nobody asked for in this time is forgotten. */
const keptMs = 60 * 60_000
const maxAttempts = 3
const maxNews = 2_000
const maxThreads = 500
const maxThreadsSaved = 100
/** Events that a count is ahead of its checkpoint at least, when the next one is written. */
const checkpointEvery = 500
const nothing: UnreadCount = { notification_count: 0, highlight_count: 0 }

type Needs = {
  db: Database
  rooms: Pick<Rooms, 'get' | 'peek' | 'readTimeline' | 'readEvent' | 'readEvents' | 'readMember'>
  receipts: Pick<Receipts, 'readOwn' | 'peekOwn'>
  readAccountDataOf: ReadAccountDataOf
  clock: Pick<Clock, 'now' | 'after'>
  log: Pick<Logger, 'error'>
}

export function makeUnreadCounts(needs: Needs): UnreadCounts {
  const counts = new Counting(needs)
  return {
    countThreads: (userId, roomId) => counts.countThreads(userId, roomId),
    countUnread: async (userId, roomId) => sum(await counts.countThreads(userId, roomId)),
    close: () => counts.close(),
  }
}

class Counting {
  readonly #needs: Needs
  readonly #rooms = new Map<RoomId, OfRoom>()
  readonly #entries = new LRUCache<string, Entry>({ max: maxEntries, dispose: (entry) => this.#forget(entry) })
  readonly #checkpoints
  readonly #readJudge
  readonly #readReading
  readonly #walk
  readonly #stopListening: () => void

  constructor(needs: Needs) {
    this.#needs = needs
    this.#checkpoints = makeCheckpoints(needs)
    this.#readJudge = makeReadJudge(needs)
    this.#readReading = makeReadReading(needs)
    this.#walk = makeWalk({
      rooms: needs.rooms,
      readCheckpoint: this.#checkpoints.read,
      readThreadOf: makeReadThreadOf(needs.rooms),
    })
    this.#stopListening = needs.db.onCommitted('memory', (changes) => {
      for (const change of changes) treat(this.#follow, change)
    })
  }

  close(): void {
    this.#stopListening()
    this.#checkpoints.close()
  }

  // ── asking ───────────────────────────────────────────────────────────────────────────────────

  async countThreads(userId: UserId, roomId: RoomId): Promise<Counts> {
    const key = `${userId} ${roomId}`
    let entry = this.#entries.get(key)
    if (!entry) {
      entry = { userId, roomId, counted: undefined, version: 0, walk: undefined, news: [], askedAt: 0 }
      this.#entries.set(key, entry)
    }
    entry.askedAt = this.#needs.clock.now()
    const { counted } = entry
    if (counted?.holesIn && counted.holesIn !== this.#needs.rooms.peek(roomId)?.segments) startOver(entry)
    if (entry.counted) return entry.counted.threads
    entry.walk ??= this.#walkUntilCurrent(entry)
    return entry.walk
  }

  async #walkUntilCurrent(entry: Entry): Promise<Counts> {
    try {
      for (let attempt = 1; ; attempt++) {
        const { version } = entry
        entry.news = []
        const room = await this.#enter(entry)
        if (!room) return new Map()
        const judge = await this.#readJudge(entry.userId, room)
        const reading = await this.#readReading(entry.userId, entry.roomId)
        // What came meanwhile is news; the walk begins at the room as it was.
        const counted = await this.#walk(room, judge, reading)
        if (entry.version === version) {
          // What was read from disk is not to be read again after a restart.
          entry.counted = { ...counted, judge, savedUpTo: counted.hasRead ? Number.NEGATIVE_INFINITY : counted.upTo }
          this.#addNews(entry)
          if (entry.counted) this.#saveWhereFar(entry, entry.counted)
          return entry.counted?.threads ?? counted.threads
        }
        // Overtaken again and again: good enough for now, counted anew next time.
        if (attempt === maxAttempts) return counted.threads
      }
    } finally {
      entry.walk = undefined
      entry.news = []
    }
  }

  /** From here on the entry hears of what happens in the room. Undefined where the user is not joined. */
  async #enter(entry: Entry): Promise<Room | undefined> {
    const { userId, roomId } = entry
    const room = await this.#needs.rooms.get(roomId)
    if (room?.localMembers.get(userId) !== 'join') {
      this.#forget(entry)
      return undefined
    }
    let ofRoom = this.#rooms.get(roomId)
    if (!ofRoom) {
      ofRoom = { users: new Map(), memberCount: room.joinedCount, powerLevels: room.powerLevels }
      this.#rooms.set(roomId, ofRoom)
    }
    ofRoom.users.set(userId, entry)
    return room
  }

  #forget({ userId, roomId }: Entry): void {
    const ofRoom = this.#rooms.get(roomId)
    ofRoom?.users.delete(userId)
    if (ofRoom?.users.size === 0) this.#rooms.delete(roomId)
  }

  #addNews(entry: Entry): void {
    for (const each of entry.news) {
      if (!entry.counted || each.change.seq <= entry.counted.upTo) continue
      const room = this.#needs.rooms.peek(entry.roomId)
      if (room) this.#addEvent(entry, room, { ...each, view: viewOf(each.event) })
      else startOver(entry)
    }
  }

  // ── following the stream ─────────────────────────────────────────────────────────────────────

  readonly #follow: ByKind = {
    event: (change) => {
      const ofRoom = this.#rooms.get(change.roomId)
      if (!ofRoom) return
      if (change.historical) startOverSince(ofRoom, change.seq)
      else this.#hearEvent(ofRoom, change)
    },
    state: (change) => {
      const ofRoom = this.#rooms.get(change.roomId)
      if (ofRoom) this.#hearState(ofRoom, change)
    },
    redaction: ({ roomId, seq }) => {
      const ofRoom = this.#rooms.get(roomId)
      if (ofRoom) startOverSince(ofRoom, seq)
    },
    receipt: ({ roomId, userId }) => {
      const entry = this.#rooms.get(roomId)?.users.get(userId)
      if (entry) this.#moveReading(entry)
    },
    membership: ({ roomId, userId }) => {
      const entry = this.#rooms.get(roomId)?.users.get(userId)
      if (entry) startOver(entry)
    },
    account_data: ({ roomId, userId, type }) => {
      if (!roomId && judgingTypes.has(type)) this.#startOverUser(userId)
    },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }

  #hearState(ofRoom: OfRoom, { roomId, keys }: Change & { kind: 'state' }): void {
    const room = this.#needs.rooms.peek(roomId)
    if (room) feelRoom(ofRoom, room)
    const moved = keys && room && new Set(keys)
    for (const entry of ofRoom.users.values())
      if (!moved || moved.has(stateKeyOf('m.room.member', entry.userId))) startOver(entry)
  }

  #hearEvent(ofRoom: OfRoom, change: EventChange): void {
    const { roomId, eventId } = change
    const room = this.#needs.rooms.peek(roomId)
    if (!room) {
      for (const entry of ofRoom.users.values()) startOver(entry)
      return
    }
    feelRoom(ofRoom, room)
    const event: PduEvent = { eventId, roomId, pdu: change.pdu as unknown as Pdu } // of an accepted event
    const news: News = { change, event, view: viewOf(event) }
    const forgotten = this.#needs.clock.now() - keptMs
    for (const entry of ofRoom.users.values()) {
      if (entry.walk) hearWhileWalking(entry, news)
      else if (entry.askedAt < forgotten) this.#entries.delete(`${entry.userId} ${roomId}`)
      else this.#addEvent(entry, room, news)
    }
  }

  #addEvent(entry: Entry, room: Room, news: News): void {
    const { counted } = entry
    if (!counted) return
    if (addEvent(counted, room, news)) this.#saveWhereFar(entry, counted)
    else startOver(entry)
  }

  #moveReading(entry: Entry): void {
    const rows = this.#needs.receipts.peekOwn(entry.userId, entry.roomId)
    if (!entry.counted || !rows?.every(isPlaced) || !moveReading(entry.counted, readingIn(rows))) startOver(entry)
  }

  #startOverUser(userId: UserId): void {
    for (const { users } of this.#rooms.values()) {
      const entry = users.get(userId)
      if (entry) startOver(entry)
    }
  }

  #saveWhereFar(entry: Entry, counted: Count): void {
    if (counted.upTo - counted.savedUpTo < checkpointEvery) return
    counted.savedUpTo = counted.upTo
    // Told when it is written, so that it says what is the case then.
    this.#checkpoints.writeSoon(entry.userId, entry.roomId, () => entry.counted && toCheckpoint(entry.counted))
  }
}

/** @returns false where it cannot be added and the count has to start over */
function addEvent(counted: Count, room: Room, { change, event, view }: News): boolean {
  const { judge, threads } = counted
  if (change.seq !== counted.upTo + 1 || isOwnMemberEvent(event, judge.userId)) return false
  counted.upTo = change.seq
  const isOwn = event.pdu.sender === judge.userId
  const weight = isOwn ? undefined : judge.weigh(view, room)
  if (isOwn ? !closesThread(event.pdu) : !weight?.notifies) return true
  const thread = threadOf(event.pdu)
  if (thread === undefined || threads.size > maxThreads) return false
  if (weight) addTo(threads, thread, weight)
  else threads.delete(thread)
  return true
}

/** @returns false where what has been read ends among what is counted */
function moveReading(counted: Count, reading: Reading): boolean {
  const { upTo, threads, reading: before } = counted
  counted.reading = reading
  if (reading.unthreaded !== before.unthreaded) {
    if (reading.unthreaded < upTo) return false
    threads.clear()
  }
  for (const [thread, seq] of reading.threads) {
    if (seq === before.threads.get(thread) || !threads.has(thread)) continue
    if (seq < upTo) return false
    threads.delete(thread)
  }
  return true
}

function startOver(entry: Entry): void {
  entry.counted = undefined
  entry.version++
}

/** Something moved among what may be unread. */
function startOverSince({ users }: OfRoom, seq: number): void {
  for (const entry of users.values()) if (!entry.counted || seq > entry.counted.reading.unthreaded) startOver(entry)
}

function hearWhileWalking(entry: Entry, news: News): void {
  if (entry.news.length < maxNews) entry.news.push(news)
  else startOver(entry)
}

/** Counts were judged by the room as it was; those who would feel the difference start over. */
function feelRoom(ofRoom: OfRoom, { joinedCount, powerLevels }: Room): void {
  const { memberCount, powerLevels: levels, users } = ofRoom
  if (memberCount === joinedCount && levels === powerLevels) return
  ofRoom.memberCount = joinedCount
  ofRoom.powerLevels = powerLevels
  for (const entry of users.values())
    if (
      levels !== powerLevels ||
      !entry.counted ||
      entry.counted.judge.rules.feelsMemberCount(memberCount, joinedCount)
    )
      startOver(entry)
}

const isPlaced = (row: ReceiptRow): row is ReceiptRow & { seq: NonNullable<ReceiptRow['seq']> } => row.seq !== undefined

/** Undefined where it would be large, or has a hole that will be filled: then the next walk is longer. */
function toCheckpoint({ upTo, reading, threads, judge, holesIn }: Count): PushCount | undefined {
  if (threads.size > maxThreadsSaved || holesIn) return undefined
  return {
    upto_seq: upTo,
    from_seq: reading.unthreaded,
    judged_by: judge.judgedBy,
    threads: [...threads].map(([thread_id, count]) => ({
      ...{ thread_id, read_seq: reading.threads.get(thread_id) ?? 0 },
      ...count,
    })),
  }
}

function sum(counts: Counts): UnreadCount {
  let { notification_count, highlight_count } = nothing
  for (const count of counts.values()) {
    notification_count += count.notification_count
    highlight_count += count.highlight_count
  }
  return { notification_count, highlight_count }
}
