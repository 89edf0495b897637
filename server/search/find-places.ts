/**
 * Finds the newest events of some rooms that have all of some words, without seeing any of them.
 *
 * Rooms are gone through from the newest events down, a bounded stretch of each at a time, and within bounds of work and time: what a
 * search may cost does not depend on its words. The longest word is taken first, as the rarest most likely.
 */
import type { Clock } from '../kernel/clock.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import { stretchesOf } from '../rooms/segments.js'
import type { Reader } from '../store/reader.js'
import { type Place, placeKey, readHaving, readTokens, type SeqWindow } from '../store/search-store.js'

type Needs = { db: Reader; rooms: Pick<Rooms, 'get' | 'getMany'>; clock: Pick<Clock, 'elapsed'> }

export type FindPlaces = (query: {
  userId: UserId
  /** The busiest first. */
  roomIds: readonly RoomId[]
  words: readonly string[]
  /** Nothing after this place of a room. */
  upTo(roomId: RoomId): Promise<number>
}) => Promise<Place[]>

/** Places in all, events of a room that are looked at together, ranges in a query, queries, and milliseconds. */
export const searchLimits = { places: 500, window: 4_000, rangesAtOnce: 40, queries: 400, ms: 1_500 } as const
/** Words that are looked up; the rest is compared with what is found. */
const maxLookedUp = 3

export function makeFindPlaces({ db, rooms, clock }: Needs): FindPlaces {
  return async ({ userId, roomIds, words, upTo }) => {
    const [first, ...others] = [...words].sort((a, b) => b.length - a.length).slice(0, maxLookedUp)
    if (first === undefined) return []
    const until = clock.elapsed() + searchLimits.ms
    const found: Place[] = []
    let queries = 0
    const isOver = () => queries >= searchLimits.queries || clock.elapsed() > until

    async function look(windows: readonly SeqWindow[]): Promise<Map<RoomId, number>> {
      queries++
      const tokens = await readTokens(db, first!, windows)
      let places = windows.flatMap(({ roomId }, at) => (tokens[at] ?? []).map((seq): Place => ({ roomId, seq })))
      for (const word of others) {
        queries += Math.ceil(places.length / 500)
        const having = await readHaving(db, word, places)
        places = places.filter((place) => having.has(placeKey(place)))
      }
      const counts = new Map<RoomId, number>()
      for (const place of places) {
        const count = (counts.get(place.roomId) ?? 0) + 1
        counts.set(place.roomId, count)
        if (count <= searchLimits.places) found.push(place)
      }
      return counts
    }

    for (let start = 0; start < roomIds.length && !isOver(); start += searchLimits.rangesAtOnce) {
      const some = roomIds.slice(start, start + searchLimits.rangesAtOnce)
      await rooms.getMany(some, userId)
      let left = await Promise.all(
        some.map(async (roomId) => windowsOf(roomId, await rooms.get(roomId), await upTo(roomId))),
      )
      const counts = new Map<RoomId, number>()
      while (!isOver()) {
        left = left.filter((windows) => windows.length > 0)
        const next = left.flatMap((windows) => windows.shift() ?? [])
        if (next.length === 0) break
        for (const [roomId, count] of await look(next)) counts.set(roomId, (counts.get(roomId) ?? 0) + count)
        left = left.filter(([window]) => window && (counts.get(window.roomId) ?? 0) < searchLimits.places)
      }
    }
    return found
  }
}

type Segmented = Parameters<typeof stretchesOf>[0]

/** The room's events in pieces, the newest first; few rooms have more than one. */
function windowsOf(roomId: RoomId, room: Segmented | undefined, upTo: number): SeqWindow[] {
  const windows: SeqWindow[] = []
  for (const { low, high } of room ? stretchesOf(room).reverse() : [])
    for (let end = Math.min(high, upTo); end >= low; end -= searchLimits.window)
      windows.push({ roomId, low: Math.max(low, end - searchLimits.window + 1), high: end })
  return windows
}
