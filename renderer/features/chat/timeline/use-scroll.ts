/**
 * How the timeline scrolls. Three states: stuck to the end (new messages come into view), reading back (nothing moves;
 * a pill says what is new), loading (older items come in above and the virtual list keeps the distance from the end,
 * newer ones come in below). Each arrival is taken once, when its item is there.
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { VirtualizerHandle } from 'virtua'
import { formatDay } from '../../../i18n/format.js'
import type { RoomData } from '../../../live/live-data.js'
import { useStore } from '../../../live/store.js'
import type { Place } from './places.js'
import type { TimelineItem } from './timeline-items.js'
import type { Arrival } from './use-arrival.js'

type ScrollNeeds = {
  data: RoomData
  items: readonly TimelineItem[]
  arrival: Arrival | undefined
  newAfterSeq: number | undefined
  /** These items came in at the start. */
  isPrepend: boolean
  /** When the newest message that waits to be sent here was written; 0 for none. */
  lastSent: number
  /** Told where the room is read, or that it is at its end. */
  onPlace: (place: Omit<Place, 'newest'> | undefined) => void
  /** Told the item of a link. */
  onArrived: (index: number) => void
}

export type TimelineScroll = {
  list: RefObject<VirtualizerHandle | null>
  scroller: RefObject<HTMLDivElement | null>
  isAtEnd: boolean
  /** Day of the item at the upper edge, unless that is the beginning. */
  topDay: string | undefined
  /** The line above new messages is further up and has not been in view. */
  isNewAbove: boolean
  onScroll: (offset: number) => void
  onResize: () => void
  toEnd: () => void
}

const stickWithinPx = 48
/** Older and newer messages are asked for this many screens before they are needed. */
const loadAheadScreens = 2
/** What was read last is seen above the line of new messages. */
const aboveNewLinePx = 64

/** First and last seq of an item; undefined for lines between events. */
function seqOf(item: TimelineItem | undefined): number | undefined {
  if (item?.kind === 'message') return item.seq
  return item && 'rows' in item ? item.rows[0]?.seq : undefined
}

export function useScroll({
  data,
  items,
  arrival,
  newAfterSeq,
  isPrepend,
  lastSent,
  onPlace,
  onArrived,
}: ScrollNeeds): TimelineScroll {
  const list = useRef<VirtualizerHandle>(null)
  const scroller = useRef<HTMLDivElement>(null)
  const isStuck = useRef(true)
  const lastOffset = useRef(0)
  // Not before an arrival is taken: what is at the end counts as read.
  const [isAtEnd, setIsAtEnd] = useState(false)
  const [topDay, setTopDay] = useState<string>()
  const [isNewAbove, setIsNewAbove] = useState(false)
  const seenNewLine = useRef<number>(undefined)
  const { isAtStart, hasNewer, error, isLoadingOlder } = useStore(data.timeline.store)

  const stick = useCallback((isSticking: boolean) => {
    isStuck.current = isSticking
    setIsAtEnd(isSticking)
  }, [])
  /** At once, unlike the list's own scrolling, which goes on for a while and would fight the user's hand. */
  const pin = useCallback(() => {
    if (!scroller.current) return
    scroller.current.scrollTop = scroller.current.scrollHeight
    lastOffset.current = scroller.current.scrollTop
  }, [])

  // What comes in above, but not at the start (a hole that somebody has had filled), must not move what is read.
  const top = useRef<{ key: string; index: number; offset: number }>(undefined)
  useLayoutEffect(() => {
    const before = top.current
    if (!before || isStuck.current) return
    const index = items.findIndex(({ key }) => key === before.key)
    if (index < 0 || index === before.index) return
    top.current = { ...before, index }
    if (!isPrepend) list.current?.scrollToIndex(index, { align: 'start', offset: before.offset })
  }, [items, isPrepend])

  const taken = useRef<Arrival>(undefined)
  useLayoutEffect(() => {
    const handle = list.current
    if (!handle || !arrival || items.length === 0) return
    if (taken.current !== arrival) {
      taken.current = arrival
      const index = indexOf(items, arrival)
      stick(index === undefined && !hasNewer)
      if (index !== undefined) {
        takeIt(handle, index, arrival)
        afterScrolling(() => {
          // Where all of it is in view nothing scrolls, so nothing would say that this is the end.
          const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = scroller.current ?? {}
          const isNewest = !data.timeline.store.get().hasNewer
          if (clientHeight > 0 && isNewest && scrollHeight - scrollTop - clientHeight < stickWithinPx) stick(true)
        })
      }
      if (index !== undefined && arrival.kind === 'event') onArrived(index)
    }
    if (isStuck.current) pin()
  }, [data, items, arrival, hasNewer, pin, stick, onArrived])

  const onScroll = useCallback(
    (offset: number) => {
      const handle = list.current
      if (!handle || items.length === 0) return
      const fromEnd = handle.scrollSize - offset - handle.viewportSize
      // Only a hand that moves up lets go of the end: what grows (a picture, a line that is measured) does not.
      const movedUp = offset < lastOffset.current - 1
      lastOffset.current = offset
      if (hasNewer) isStuck.current = false
      else if (fromEnd < stickWithinPx) isStuck.current = true
      else if (movedUp) isStuck.current = false
      setIsAtEnd(isStuck.current)
      const topIndex = handle.findItemIndex(offset)
      const topItem = items[topIndex]
      const above = offset - handle.getItemOffset(topIndex)
      top.current = topItem && { key: topItem.key, index: topIndex, offset: above }
      setTopDay(offset > 40 ? dayAbove(items, topIndex) : undefined)
      const newIndex = items.findIndex(({ kind }) => kind === 'new')
      if (newIndex >= topIndex && handle.getItemOffset(newIndex) < offset + handle.viewportSize)
        seenNewLine.current = newAfterSeq
      setIsNewAbove(newIndex >= 0 && newIndex < topIndex && seenNewLine.current !== newAfterSeq)
      onPlace(isStuck.current ? undefined : placeAt(handle, items, topIndex, offset))
      if (offset < handle.viewportSize * loadAheadScreens) void data.timeline.loadOlder()
      if (hasNewer && fromEnd < handle.viewportSize * loadAheadScreens) void loadNewer(data)
    },
    [items, data, hasNewer, newAfterSeq, onPlace],
  )

  // A short history does not fill the window: nothing scrolls, so nothing would ask for more.
  const fillWindow = useCallback(() => {
    const handle = list.current
    if (!handle || handle.viewportSize === 0 || handle.scrollSize > handle.viewportSize * 1.5) return
    if (!isAtStart && !isLoadingOlder && !error) void data.timeline.loadOlder()
    if (hasNewer) void loadNewer(data)
  }, [data, isAtStart, isLoadingOlder, hasNewer, error])
  // biome-ignore lint/correctness/useExhaustiveDependencies: what came in may not have been enough
  useEffect(fillWindow, [fillWindow, items, arrival])

  // Whoever waits at the very top has nothing to scroll, so nothing would ask again after a page that was put aside.
  useEffect(() => {
    if (isLoadingOlder || isAtStart || error) return
    const handle = list.current
    if (!handle || handle.viewportSize === 0 || isStuck.current) return
    if (handle.scrollOffset < handle.viewportSize * loadAheadScreens) void data.timeline.loadOlder()
  }, [data, isLoadingOlder, isAtStart, error])

  const toEnd = useCallback(() => {
    stick(true)
    pin()
    if (!data.timeline.store.get().hasNewer) return
    void data.timeline.showLatest().then(
      // After it is drawn: what came in between may have been scrolled through.
      () =>
        requestAnimationFrame(() => {
          stick(true)
          pin()
        }),
      () => stick(false),
    )
  }, [data, pin, stick])

  // What the user just wrote is looked at, wherever they were reading.
  const known = useRef(lastSent)
  useLayoutEffect(() => {
    if (lastSent > known.current) toEnd()
    known.current = Math.max(known.current, lastSent)
  }, [lastSent, toEnd])

  return {
    list,
    scroller,
    isAtEnd: isAtEnd && !hasNewer,
    topDay,
    isNewAbove,
    onScroll,
    onResize: useCallback(() => {
      fillWindow()
      if (isStuck.current) pin()
    }, [fillWindow, pin]),
    toEnd,
  }
}

/** The channel may be lost meanwhile: the next scroll asks again. */
const loadNewer = (data: RoomData) => data.timeline.loadNewer().catch(() => undefined)

const afterScrolling = (work: () => void) => requestAnimationFrame(() => requestAnimationFrame(work))

/** The item an arrival leads to; undefined for the end. */
function indexOf(items: readonly TimelineItem[], arrival: Arrival): number | undefined {
  if (arrival.kind === 'end') return undefined
  let index = -1
  if (arrival.kind === 'unread') index = items.findIndex(({ kind }) => kind === 'new')
  else if (arrival.kind === 'place') index = items.findIndex((item) => (seqOf(item) ?? -Infinity) >= arrival.place.seq)
  else {
    index = items.findIndex((item) => item.kind === 'message' && item.eventId === arrival.eventId)
    if (index < 0) index = items.findLastIndex((item) => (seqOf(item) ?? Infinity) <= arrival.seq)
  }
  return index < 0 ? undefined : index
}

function takeIt(handle: VirtualizerHandle, index: number, arrival: Arrival): void {
  if (arrival.kind === 'event') handle.scrollToIndex(index, { align: 'center' })
  else if (arrival.kind === 'place') handle.scrollToIndex(index, { align: 'start', offset: arrival.place.offset })
  else handle.scrollToIndex(index, { align: 'start', offset: -aboveNewLinePx })
}

function placeAt(
  handle: VirtualizerHandle,
  items: readonly TimelineItem[],
  topIndex: number,
  offset: number,
): Omit<Place, 'newest'> | undefined {
  for (let index = topIndex; index < items.length; index++) {
    const seq = seqOf(items[index])
    if (seq !== undefined) return { seq, offset: offset - handle.getItemOffset(index) }
  }
  return undefined
}

function dayAbove(items: readonly TimelineItem[], index: number): string | undefined {
  const day = items.slice(0, index + 1).findLast((item) => item.kind === 'day')
  return day?.kind === 'day' ? formatDay(day.ts) : undefined
}
