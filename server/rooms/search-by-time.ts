/**
 * Where in a room's timeline a time is: by binary search over its events, as timestamps rise along it but for clocks
 * that were wrong.
 */
import type { Room, Rooms, TimelineEvent } from './room.js'
import { countEvents, seqOfNumber } from './segments.js'

/**
 * @param direction `f`: the first event at `ts` or later; `b`: the last at `ts` or earlier
 * @returns the event at that place where it fits; undefined where none does
 */
export async function searchByTime(
  rooms: Pick<Rooms, 'readTimeline'>,
  room: Pick<Room, 'roomId' | 'segments' | 'maxSeq'>,
  ts: number,
  direction: 'f' | 'b',
): Promise<TimelineEvent | undefined> {
  const readNumber = async (number: number) => {
    const seq = seqOfNumber(room, number)
    return (await rooms.readTimeline(room.roomId, seq, seq))[0]
  }
  let [low, high]: [number, number] = [0, countEvents(room) - 1]
  while (low < high) {
    const middle = direction === 'f' ? Math.floor((low + high) / 2) : Math.ceil((low + high) / 2)
    const event = await readNumber(middle)
    if (!event) return undefined
    const time = event.pdu.origin_server_ts
    if (direction === 'f') [low, high] = time >= ts ? [low, middle] : [middle + 1, high]
    else [low, high] = time <= ts ? [middle, high] : [low, middle - 1]
  }
  const event = await readNumber(low)
  return event && isOnSide(event, ts, direction) ? event : undefined
}

export const isOnSide = ({ pdu }: TimelineEvent, ts: number, direction: 'f' | 'b'): boolean =>
  direction === 'f' ? pdu.origin_server_ts >= ts : pdu.origin_server_ts <= ts
