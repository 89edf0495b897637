/** The timeline's items, kept up to date, and what has to be known to draw them. */
import { useEffect, useLayoutEffect, useMemo, useRef } from 'react'
import type { RoomEventRow, RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { readIgnoredUsers } from '../../../live/account-data.js'
import type { RoomData } from '../../../live/live-data.js'
import { holeNow, holesIn } from '../../../live/room-stretches.js'
import { useStore } from '../../../live/store.js'
import { buildTimelineItems, pendingEchoes, type TimelineItem } from './timeline-items.js'

/** @param newAfterSeq the line above new messages goes after it */
export function useTimelineItems(
  room: RoomSummaryRow,
  data: RoomData,
  newAfterSeq: number | undefined,
): TimelineItem[] {
  const { session, outbox, live } = useServices()
  const { timeline, isAtStart, hasNewer } = useStore(data.timeline.store)
  const outgoing = useStore(outbox.store)
  const receipts = useStore(data.receipts.store)
  const ignored = useStore(live.accountData, (data) => readIgnoredUsers(data, session.userId))
  const echoes = useMemo(
    // Far from the end there is no place for what is being sent: sending leads there.
    () => (hasNewer ? [] : pendingEchoes(outgoing, timeline.rows, room.room_id)),
    [outgoing, timeline.rows, room.room_id, hasNewer],
  )
  // By value: the room's line is another object each time it is written.
  const holesKey = holesIn(room, timeline.low, timeline.high).join(' ')
  const holes = useMemo(() => {
    const oldest = timeline.rows[0]?.seq
    const now = holesKey === '' ? [] : holesKey.split(' ').map((seq) => holeNow(timeline.rows, Number(seq)))
    return now.filter((seq) => seq !== oldest) // above the oldest stands what says that more is to come
  }, [holesKey, timeline.rows])
  return useMemo(
    () =>
      buildTimelineItems({
        rows: timeline.rows,
        echoes,
        userId: session.userId,
        isAtStart,
        holes,
        newAfterSeq,
        ignored,
        receipts,
        keyOf: outbox.keyOf,
      }),
    [timeline.rows, echoes, session.userId, isAtStart, holes, newAfterSeq, ignored, receipts, outbox],
  )
}

/**
 * Whether this drawing differs from the last one by items at the start, behind the one that stands for the beginning:
 * the end is the same, what comes first is not. What comes in elsewhere (a hole that fills) is no such thing.
 */
export function usePrepended(items: readonly TimelineItem[]): boolean {
  const before = useRef<{ first?: string | undefined; last?: string | undefined; length: number }>({ length: 0 })
  const [first, last] = [items[1]?.key, items.at(-1)?.key]
  const was = before.current
  useLayoutEffect(() => {
    before.current = { first, last, length: items.length }
  }, [first, last, items.length])
  return was.length > 0 && items.length !== was.length && was.last === last && was.first !== first
}

/** In a large room only the members that are shown are read. */
export function useNeededMembers(data: RoomData, rows: readonly RoomEventRow[]): void {
  useEffect(() => {
    const shown = new Set<string>()
    for (const row of rows.slice(-400)) {
      shown.add(row.sender)
      if (row.event_type === 'm.room.member' && row.state_key) shown.add(row.state_key)
    }
    data.members.need([...shown])
  }, [data, rows])
}
