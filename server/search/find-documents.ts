/**
 * Finds the newest events of some rooms that have all of some words, without seeing any of them.
 *
 * Rooms are gone through together from their newest events down, in pieces that grow, until what is left of each is older than
 * the oldest of the places wanted; and within bounds of work and time: what a search may cost does not depend on its words. The
 * longest word is taken first, as the rarest most likely.
 */
import type { Clock } from '../kernel/clock.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import { stretchesOf } from '../rooms/segments.js'
import type { Reader } from '../store/reader.js'
import {
  type Place,
  placeKey,
  readDocuments,
  readHaving,
  readTokens,
  type SearchDocument,
  type SeqWindow,
} from '../store/search-store.js'

type Needs = {
  db: Reader
  rooms: Pick<Rooms, 'get' | 'getMany' | 'readTimeline'>
  clock: Pick<Clock, 'elapsed'>
}

export type FoundDocument = SearchDocument & Place

/** @returns in no particular order; among them the newest that are wanted */
export type FindDocuments = (query: {
  userId: UserId
  /** The busiest first. */
  roomIds: readonly RoomId[]
  words: readonly string[]
  accepts(document: FoundDocument): boolean
  /** Nothing after this place of a room. */
  upTo(roomId: RoomId): Promise<number>
}) => Promise<FoundDocument[]>

export const searchLimits = {
  /** Events in all that are considered. */
  places: 500,
  /** Events of a room that are looked at together, at first and at most. */
  firstWindow: 100,
  largestWindow: 4_000,
  rangesAtOnce: 40,
  queries: 400,
  ms: 1_500,
} as const
/** Words that are looked up; the rest is compared with what is found. */
const maxLookedUp = 3
const idsAtOnce = 500

/** A room on the way down. */
type Descent = {
  roomId: RoomId
  /** What is left, newest first, and how much of it is taken next. */
  left: { low: number; high: number }[]
  size: number
  /** When the oldest event that was looked at was sent; undefined: not known yet. */
  reached: number | undefined
  lowest: number
}

export function makeFindDocuments({ db, rooms, clock }: Needs): FindDocuments {
  return async ({ userId, roomIds, words, accepts, upTo }) => {
    const [first, ...others] = [...words].sort((a, b) => b.length - a.length).slice(0, maxLookedUp)
    if (first === undefined) return []
    const until = clock.elapsed() + searchLimits.ms
    const found: FoundDocument[] = []
    let queries = 0

    async function look(windows: readonly SeqWindow[]): Promise<FoundDocument[]> {
      queries++
      const tokens = await readTokens(db, first!, windows)
      let places = windows.flatMap(({ roomId }, at) => (tokens[at] ?? []).map((seq): Place => ({ roomId, seq })))
      for (const word of others) places = await inPieces(places, (some) => having(word, some))
      return inPieces(places, async (some) => (await readDocuments(db, some)).filter(accepts))
    }
    async function having(word: string, places: readonly Place[]): Promise<Place[]> {
      const keys = await readHaving(db, word, places)
      return places.filter((place) => keys.has(placeKey(place)))
    }
    async function inPieces<T>(places: readonly Place[], read: (some: readonly Place[]) => Promise<T[]>): Promise<T[]> {
      const all: T[] = []
      for (let at = 0; at < places.length; at += idsAtOnce, queries++)
        all.push(...(await read(places.slice(at, at + idsAtOnce))))
      return all
    }

    /** When the last of those was sent that are wanted; what is older need not be found. */
    function oldestWanted(): number {
      if (found.length < searchLimits.places) return Number.NEGATIVE_INFINITY
      return found.map(({ ts }) => ts).sort((a, b) => b - a)[searchLimits.places - 1]!
    }
    /** Whether the room may have more that is wanted. */
    async function isOpen(descent: Descent, wanted: number): Promise<boolean> {
      if (descent.left.length === 0) return false
      if (descent.lowest === Number.POSITIVE_INFINITY || wanted === Number.NEGATIVE_INFINITY) return true
      descent.reached ??= (
        await rooms.readTimeline(descent.roomId, descent.lowest, descent.lowest)
      )[0]?.pdu.origin_server_ts
      return (descent.reached ?? Number.POSITIVE_INFINITY) > wanted
    }

    for (let start = 0; start < roomIds.length; start += searchLimits.rangesAtOnce) {
      const some = roomIds.slice(start, start + searchLimits.rangesAtOnce)
      await rooms.getMany(some, userId)
      let descents = await Promise.all(some.map(async (id) => beginAt(id, await rooms.get(id), await upTo(id))))
      for (;;) {
        if (queries >= searchLimits.queries || clock.elapsed() > until) return found
        const wanted = oldestWanted()
        const open = await Promise.all(descents.map((descent) => isOpen(descent, wanted)))
        descents = descents.filter((_, at) => open[at])
        if (descents.length === 0) break
        found.push(...(await look(descents.map(nextWindow))))
      }
    }
    return found
  }
}

type Segmented = Parameters<typeof stretchesOf>[0]

function beginAt(roomId: RoomId, room: Segmented | undefined, upTo: number): Descent {
  const left = (room ? stretchesOf(room).reverse() : []).flatMap(({ low, high }) =>
    low <= upTo ? [{ low, high: Math.min(high, upTo) }] : [],
  )
  return { roomId, left, size: searchLimits.firstWindow, reached: undefined, lowest: Number.POSITIVE_INFINITY }
}

/** Of one that is open. */
function nextWindow(descent: Descent): SeqWindow {
  const { roomId, left, size } = descent
  const { low, high } = left[0]!
  const from = Math.max(low, high - size + 1)
  if (from === low) left.shift()
  else left[0] = { low, high: from - 1 }
  Object.assign(descent, { size: Math.min(size * 4, searchLimits.largestWindow), reached: undefined, lowest: from })
  return { roomId, low: from, high }
}
