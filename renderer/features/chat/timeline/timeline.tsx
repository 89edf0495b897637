/**
 * The timeline: virtualised, anchored at the bottom, never jumping.
 *
 * Three states of scrolling: stuck to the end (new messages come into view), reading back (nothing
 * moves; a pill says what is new), loading older (items come in above; the virtual list keeps the
 * distance from the end, `shift`). The place in each room is remembered while the window lives.
 */
import { ArrowDown } from 'lucide-react'
import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { Virtualizer, type VirtualizerHandle } from 'virtua'
import type { RoomEventRow, RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { usePreferences } from '../../../app/preferences.js'
import { useServices } from '../../../app/services.js'
import { formatDay, isoTimeOf } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { readIgnoredUsers } from '../../../live/account-data.js'
import type { RoomData } from '../../../live/live-data.js'
import { holesIn } from '../../../live/room-stretches.js'
import { useStore } from '../../../live/store.js'
import { Button } from '../../../ui/button.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import { markRead } from '../mark-read.js'
import { previewOf } from '../message-preview.js'
import type { Names } from '../names.js'
import type { ComposerTask } from '../room-view.js'
import { IgnoredLine } from './ignored-line.js'
import { LineBoundary } from './line-boundary.js'
import { Message } from './message.js'
import { Hole, Older, OlderSkeleton } from './missing-history.js'
import { StateLine } from './state-line.js'
import styles from './timeline.module.css'
import { buildTimelineItems, type MessageItem, pendingEchoes, type TimelineItem } from './timeline-items.js'

type TimelineProps = {
  room: RoomSummaryRow
  data: RoomData
  names: Names
  eventId: string | undefined
  onTask: (task: ComposerTask) => void
  onDialog: (dialog: ChatDialog) => void
  /** Told the last own message that can be edited. */
  onOwnMessages: (last: MessageItem | undefined) => void
}

/** Where each room was left: the topmost item and how far it was above the edge; absent = at the end. */
const places = new Map<string, { key: string; offset: number }>()
const placeKey = (userId: string, roomId: string) => `${userId} ${roomId}`

const stickWithinPx = 48
/** Older messages are asked for this many screens before the top. */
const loadAheadScreens = 2

export function Timeline({ room, data, names, eventId, onTask, onDialog, onOwnMessages }: TimelineProps) {
  const { session, matrix, live } = useServices()
  const { sendReceipts } = usePreferences()
  const items = useItems(room, data)
  const state = useStore(data.timeline.store)
  const rows = state.timeline.rows
  const list = useRef<VirtualizerHandle>(null)
  const scroller = useRef<HTMLDivElement>(null)
  const place = placeKey(session.userId, room.room_id)
  const isStuck = useRef(!places.has(place))
  const lastOffset = useRef(0)
  const [isAtEnd, setIsAtEnd] = useState(isStuck.current)
  const pin = useCallback(() => {
    lastOffset.current = pinToEnd(scroller.current)
  }, [])
  const [topDay, setTopDay] = useState<string>()
  const [seenEnd, setSeenEnd] = useState<number>()
  const [focusedKey, setFocusedKey] = useState<string>()
  const isPrepend = usePrepended(items)

  useNeededMembers(data, rows)
  useEffect(() => onOwnMessages(lastEditable(items, session.userId)), [items, onOwnMessages, session.userId])

  // What is at the end stays in view; a remembered place is taken once, when its item is there.
  const isPlaced = useRef(false)
  useLayoutEffect(() => {
    const handle = list.current
    if (!handle || items.length === 0) return
    if (!isPlaced.current) {
      isPlaced.current = true
      if (takePlace(handle, items, place, eventId)) {
        isStuck.current = false
        setIsAtEnd(false)
        return
      }
      isStuck.current = true
    }
    if (isStuck.current) pin()
  }, [items, place, eventId, pin])

  // What the user just wrote is looked at, wherever they were reading.
  const lastItem = items.at(-1)
  const lastEcho = lastItem?.kind === 'message' ? lastItem.echo?.txnId : undefined
  useLayoutEffect(() => {
    if (!lastEcho) return
    isStuck.current = true
    setIsAtEnd(true)
    pin()
  }, [lastEcho, pin])

  const maxSeq = rows.at(-1)?.seq ?? 0
  const onScroll = useCallback(
    (offset: number) => {
      const handle = list.current
      if (!handle || items.length === 0) return
      const fromEnd = handle.scrollSize - offset - handle.viewportSize
      // Only a hand that moves up lets go of the end: what grows (a picture, a line that is measured) does not.
      const movedUp = offset < lastOffset.current - 1
      lastOffset.current = offset
      if (fromEnd < stickWithinPx) isStuck.current = true
      else if (movedUp) isStuck.current = false
      setIsAtEnd(isStuck.current)
      const topIndex = handle.findItemIndex(offset)
      setTopDay(offset > 40 ? dayAbove(items, topIndex) : undefined)
      const top = items[topIndex]
      if (isStuck.current) places.delete(place)
      else if (top) places.set(place, { key: top.key, offset: offset - handle.getItemOffset(topIndex) })
      if (offset < handle.viewportSize * loadAheadScreens) void data.timeline.loadOlder()
    },
    [items, data, place],
  )
  useEffect(() => {
    if (isAtEnd) setSeenEnd(maxSeq)
  }, [isAtEnd, maxSeq])

  // A short history does not fill the window: nothing scrolls, so nothing would ask for more.
  const fillWindow = useCallback(() => {
    const handle = list.current
    if (!handle || state.isAtStart || state.error || handle.viewportSize === 0) return
    if (handle.scrollSize <= handle.viewportSize * 1.5) void data.timeline.loadOlder()
  }, [data, state])
  useEffect(fillWindow, [fillWindow])

  useMarkRead(isAtEnd, rows.at(-1), (eventIdRead, seq) =>
    markRead(matrix, room.room_id, eventIdRead, seq, !sendReceipts),
  )

  const toEnd = () => {
    isStuck.current = true
    setIsAtEnd(true)
    pin()
  }
  const newCount = useMemo(
    () => (isAtEnd || seenEnd === undefined ? 0 : countNew(items, seenEnd, session.userId)),
    [items, isAtEnd, seenEnd, session.userId],
  )

  const focusIndex = items.findIndex((item) => item.key === focusedKey)
  const tabStop = focusIndex >= 0 ? focusIndex : items.findLastIndex((item) => item.kind === 'message')
  const moveFocus = (index: number) => {
    const item = items[index]
    if (!item) return
    setFocusedKey(item.key)
    list.current?.scrollToIndex(index, { align: 'nearest' })
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(item.key)}"]`)?.focus(),
    )
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !isOnMessage(event.target)) return
    const next = nextMessage(items, tabStop, event.key)
    if (next === undefined) return
    event.preventDefault()
    moveFocus(next)
  }

  const showMessage = useCallback(
    (wanted: string) => {
      const index = items.findIndex((item) => item.kind === 'message' && item.eventId === wanted)
      if (index < 0) return
      isStuck.current = false
      list.current?.scrollToIndex(index, { align: 'center' })
      setFocusedKey(items[index]!.key)
      requestAnimationFrame(() =>
        requestAnimationFrame(() =>
          scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(items[index]!.key)}"]`)?.focus(),
        ),
      )
    },
    [items],
  )

  const isLoaded = state.timeline.high >= state.timeline.low
  if (!isLoaded) return <OlderSkeleton label={t('common.loading')} count={5} fills />
  return (
    <section className={styles.region} aria-label={t('timeline.label', { room: room.name })}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the arrow keys belong to the focused message inside */}
      <div ref={scroller} className={styles.scroller} onKeyDown={onKeyDown}>
        <div className={styles.filler} />
        <Virtualizer
          ref={list}
          scrollRef={scroller}
          shift={isPrepend}
          bufferSize={400}
          keepMounted={tabStop >= 0 ? [tabStop] : []}
          onScroll={onScroll}
          onResize={() => {
            fillWindow()
            if (isStuck.current) pin()
          }}
        >
          {items.map((item, index) => (
            <LineBoundary key={item.key}>
              <TimelineLine
                item={item}
                room={room}
                names={names}
                data={data}
                isTabStop={index === tabStop}
                onTask={onTask}
                onDialog={onDialog}
                onShow={showMessage}
              />
            </LineBoundary>
          ))}
        </Virtualizer>
        <div className={styles.end} />
      </div>
      {topDay && !isAtEnd && (
        <div className={styles.stuckDay} aria-hidden>
          {topDay}
        </div>
      )}
      {!isAtEnd && (
        <Button variant={newCount > 0 ? 'primary' : 'secondary'} className={styles.pill} onClick={toEnd}>
          <ArrowDown size={16} aria-hidden />
          {newCount > 0 ? t('timeline.latestCount', { count: newCount }) : t('timeline.latest')}
        </Button>
      )}
      <Announcer
        items={items}
        names={names}
        userId={session.userId}
        isLive={live.connection.state.get().kind === 'live'}
      />
    </section>
  )
}

type LineProps = {
  item: TimelineItem
  room: RoomSummaryRow
  names: Names
  data: RoomData
  isTabStop: boolean
  onTask: (task: ComposerTask) => void
  onDialog: (dialog: ChatDialog) => void
  onShow: (eventId: string) => void
}

function TimelineLine({ item, room, names, ...rest }: LineProps) {
  switch (item.kind) {
    case 'message':
      return <Message item={item} room={room} names={names} {...rest} />
    case 'state':
      return <StateLine item={item} names={names} />
    case 'ignored':
      return <IgnoredLine rows={item.rows} names={names} />
    case 'day':
      return (
        <h2 className={styles.day}>
          <time dateTime={isoTimeOf(item.ts).slice(0, 10)}>{formatDay(item.ts)}</time>
        </h2>
      )
    case 'new':
      return <h2 className={styles.new}>{t('timeline.new')}</h2>
    case 'older':
      return <Older data={rest.data} />
    case 'hole':
      return <Hole data={rest.data} seq={item.seq} />
    case 'start':
      return (
        <div className={styles.start}>
          <h2>{room.name}</h2>
          <p>{t(room.is_direct ? 'timeline.startDirect' : 'timeline.start', { room: room.name })}</p>
        </div>
      )
  }
}

function useItems(room: RoomSummaryRow, data: RoomData): TimelineItem[] {
  const { session, outbox, live } = useServices()
  const { timeline, isAtStart } = useStore(data.timeline.store)
  const outgoing = useStore(outbox.store)
  const receipts = useStore(data.receipts.store)
  const ignored = useStore(live.accountData, (data) => readIgnoredUsers(data, session.userId))
  // The line stays where it was when the room was opened, however much is read meanwhile.
  const [newAfterSeq] = useState(() =>
    room.notification_count > 0 || room.highlight_count > 0 ? room.read_seq : undefined,
  )
  const echoes = useMemo(
    () => pendingEchoes(outgoing, timeline.rows, room.room_id),
    [outgoing, timeline.rows, room.room_id],
  )
  // By value: the room's line is another object each time it is written.
  const holesKey = holesIn(room, timeline.low, timeline.high).join(' ')
  const holes = useMemo(() => (holesKey === '' ? [] : holesKey.split(' ').map(Number)), [holesKey])
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
 * Whether this drawing differs from the last one by items at the start: the end is the same and the
 * number is not.
 */
function usePrepended(items: readonly TimelineItem[]): boolean {
  const before = useRef<{ last: string | undefined; length: number }>({ last: undefined, length: 0 })
  const { last, length } = before.current
  useLayoutEffect(() => {
    before.current = { last: items.at(-1)?.key, length: items.length }
  }, [items])
  return length > 0 && items.length !== length && items.at(-1)?.key === last
}

/** In a large room only the members that are shown are read. */
function useNeededMembers(data: RoomData, rows: readonly RoomEventRow[]): void {
  useEffect(() => {
    const shown = new Set<string>()
    for (const row of rows.slice(-400)) {
      shown.add(row.sender)
      if (row.event_type === 'm.room.member' && row.state_key) shown.add(row.state_key)
    }
    data.members.need([...shown])
  }, [data, rows])
}

/** At once, unlike the list's own scrolling, which goes on for a while and would fight the user's hand. */
function pinToEnd(scroller: HTMLElement | null): number {
  if (!scroller) return 0
  scroller.scrollTop = scroller.scrollHeight
  return scroller.scrollTop
}

/** @returns whether it went somewhere else than to the end */
function takePlace(
  handle: VirtualizerHandle,
  items: readonly TimelineItem[],
  placeOf: string,
  eventId: string | undefined,
): boolean {
  const linked = eventId ? items.findIndex((item) => item.kind === 'message' && item.eventId === eventId) : -1
  if (linked >= 0) {
    handle.scrollToIndex(linked, { align: 'center' })
    return true
  }
  const place = places.get(placeOf)
  const index = place ? items.findIndex((item) => item.key === place.key) : -1
  if (place && index >= 0) {
    handle.scrollToIndex(index, { align: 'start', offset: place.offset })
    return true
  }
  places.delete(placeOf)
  const newLine = items.findIndex((item) => item.kind === 'new')
  if (newLine < 0 || items.length - newLine < 12) return false
  handle.scrollToIndex(newLine, { align: 'start', offset: -64 })
  return true
}

function dayAbove(items: readonly TimelineItem[], index: number): string | undefined {
  const day = items.slice(0, index + 1).findLast((item) => item.kind === 'day')
  return day?.kind === 'day' ? formatDay(day.ts) : undefined
}

const countNew = (items: readonly TimelineItem[], afterSeq: number, userId: string) =>
  items.filter((item) => item.kind === 'message' && (item.seq ?? 0) > afterSeq && item.sender !== userId).length

const lastEditable = (items: readonly TimelineItem[], userId: string) =>
  items.findLast(
    (item): item is MessageItem =>
      item.kind === 'message' &&
      item.sender === userId &&
      item.eventId !== undefined &&
      !item.redaction &&
      item.content.msgtype === 'm.text',
  )

const isOnMessage = (target: EventTarget) => target instanceof HTMLElement && target.dataset.key !== undefined

function nextMessage(items: readonly TimelineItem[], from: number, key: string): number | undefined {
  const step = { ArrowUp: -1, ArrowDown: 1 }[key]
  if (key === 'Home') return items.findIndex((item) => item.kind === 'message')
  if (key === 'End') return items.findLastIndex((item) => item.kind === 'message')
  if (step === undefined) return undefined
  for (let index = from + step; index >= 0 && index < items.length; index += step)
    if (items[index]!.kind === 'message') return index
  return undefined
}

/** What is at the end and in view, in a window that has the focus, is read. */
function useMarkRead(
  isAtEnd: boolean,
  last: { event_id: string; seq: number } | undefined,
  onRead: (eventId: string, seq: number) => void,
): void {
  const read = useRef(onRead)
  read.current = onRead
  useEffect(() => {
    if (!isAtEnd || !last) return
    const tell = () => {
      if (document.visibilityState === 'visible' && document.hasFocus()) read.current(last.event_id, last.seq)
    }
    tell()
    window.addEventListener('focus', tell)
    return () => window.removeEventListener('focus', tell)
  }, [isAtEnd, last])
}

/** Reads new messages of others out, politely; not the history that is loaded. */
function Announcer({
  items,
  names,
  userId,
  isLive,
}: {
  items: readonly TimelineItem[]
  names: Names
  userId: string
  isLive: boolean
}) {
  const last = items.findLast((item): item is MessageItem => item.kind === 'message')
  const [text, setText] = useState('')
  const known = useRef(last?.seq)
  useEffect(() => {
    const isNew = last?.seq !== undefined && last.seq > (known.current ?? Number.POSITIVE_INFINITY)
    known.current = last?.seq ?? known.current
    if (!isNew || !isLive || last.sender === userId || last.redaction) return
    setText(t('timeline.announce', { name: names.nameOf(last.sender), text: previewOf(last.type, last.content) }))
  }, [last, names, userId, isLive])
  return (
    <p className="visually-hidden" aria-live="polite">
      {text}
    </p>
  )
}
