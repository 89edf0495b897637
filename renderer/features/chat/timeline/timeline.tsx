/**
 * The timeline: virtualised, anchored at the bottom, never jumping. Where it is entered: `use-arrival.ts`; how it
 * scrolls: `use-scroll.ts`; what it is made of: `timeline-items.ts`.
 */
import { ArrowDown, ArrowUp } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { Virtualizer } from 'virtua'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { usePreferences } from '../../../app/preferences.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import type { RoomData } from '../../../live/live-data.js'
import { useStore } from '../../../live/store.js'
import type { OutboxItem } from '../../../platform/matrix/outbox.js'
import { Button } from '../../../ui/button.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import { markRead } from '../mark-read.js'
import type { Names } from '../names.js'
import type { ComposerTask } from '../room-view.js'
import { Announcer } from './announcer.js'
import { LineBoundary } from './line-boundary.js'
import { OlderSkeleton } from './missing-history.js'
import { type Place, placesOf } from './places.js'
import styles from './timeline.module.css'
import type { MessageItem, TimelineItem } from './timeline-items.js'
import { TimelineLine } from './timeline-line.js'
import { type Arrival, useArrival } from './use-arrival.js'
import { useMarkRead } from './use-mark-read.js'
import { useNewLine } from './use-new-line.js'
import { useRovingFocus } from './use-roving-focus.js'
import { useScroll } from './use-scroll.js'
import { useNeededMembers, usePrepended, useTimelineItems } from './use-timeline-items.js'

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

export function Timeline({ room, data, names, eventId, onTask, onDialog, onOwnMessages }: TimelineProps) {
  const { session, matrix, live, outbox } = useServices()
  const { sendReceipts } = usePreferences()
  const { timeline, hasNewer } = useStore(data.timeline.store)
  const { rows } = timeline
  const lastSeq = rows.at(-1)?.seq ?? 0
  const newAfterSeq = useNewLine(room, hasNewer ? 0 : lastSeq)
  const items = useTimelineItems(room, data, newAfterSeq)
  const { arrival, goToEvent, goToUnread } = useArrival(room, data, eventId)
  const onPlace = useRememberedPlace(room)
  const lastSent = useStore(outbox.store, (all) => lastWritten(all, room.room_id))
  const isPrepend = usePrepended(items)
  const focusItem = useRef<(key: string) => void>(() => undefined)
  const onArrived = useCallback((index: number) => focusItem.current(items[index]!.key), [items])
  const scroll = useScroll({ data, items, arrival, newAfterSeq, isPrepend, lastSent, onPlace, onArrived })
  const roving = useRovingFocus({ items, list: scroll.list, scroller: scroll.scroller })
  focusItem.current = roving.focus

  useNeededMembers(data, rows)
  useEffect(() => onOwnMessages(lastEditable(items, session.userId)), [items, onOwnMessages, session.userId])
  useMarkRead(arrival !== undefined && scroll.isAtEnd, rows.at(-1), (eventIdRead, seq) =>
    markRead(matrix, room.room_id, eventIdRead, seq, !sendReceipts),
  )
  const newCount = useNewCount(room, items, arrival, scroll.isAtEnd, hasNewer, lastSeq)

  if (!arrival) return <OlderSkeleton label={t('common.loading')} count={5} fills />
  return (
    <section
      className={styles.region}
      aria-label={t('timeline.label', { room: room.name })}
      data-goes-on={!scroll.isAtEnd || undefined}
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the arrow keys belong to the focused message inside */}
      <div ref={scroll.scroller} className={styles.scroller} onKeyDown={roving.onKeyDown}>
        <div className={styles.filler} />
        <Virtualizer
          ref={scroll.list}
          scrollRef={scroll.scroller}
          shift={isPrepend}
          bufferSize={400}
          keepMounted={roving.tabStop >= 0 ? [roving.tabStop] : []}
          onScroll={scroll.onScroll}
          onResize={scroll.onResize}
        >
          {items.map((item, index) => (
            <LineBoundary key={item.key}>
              <TimelineLine
                item={item}
                room={room}
                names={names}
                data={data}
                isTabStop={index === roving.tabStop}
                onTask={onTask}
                onDialog={onDialog}
                onShow={goToEvent}
              />
            </LineBoundary>
          ))}
        </Virtualizer>
        {hasNewer && <OlderSkeleton label={t('timeline.loadingNewer')} count={2} />}
        <div className={styles.end} />
      </div>
      {scroll.topDay && !scroll.isAtEnd && (
        <div className={styles.stuckDay} aria-hidden>
          {scroll.topDay}
        </div>
      )}
      {scroll.isNewAbove && newAfterSeq !== undefined && (
        <Button className={`${styles.pill} ${styles.pillAbove}`} onClick={() => goToUnread(newAfterSeq)}>
          <ArrowUp size={16} aria-hidden />
          {t('timeline.firstNew')}
        </Button>
      )}
      {!scroll.isAtEnd && (
        <Button variant={newCount > 0 ? 'primary' : 'secondary'} className={styles.pill} onClick={scroll.toEnd}>
          <ArrowDown size={16} aria-hidden />
          {newCount > 0 ? t('timeline.latestCount', { count: newCount }) : t('timeline.latest')}
        </Button>
      )}
      <Announcer
        items={items}
        names={names}
        userId={session.userId}
        isLive={!hasNewer && live.connection.state.get().kind === 'live'}
      />
    </section>
  )
}

function useRememberedPlace(room: RoomSummaryRow) {
  const places = placesOf(useServices().storage)
  const newest = useRef(room.max_seq)
  newest.current = room.max_seq
  return useCallback(
    (place: Omit<Place, 'newest'> | undefined) =>
      places.write(room.room_id, place && { ...place, newest: newest.current }),
    [places, room.room_id],
  )
}

/** Messages of others below what has been seen: counted where they are loaded, else as the room's line says. */
function useNewCount(
  room: RoomSummaryRow,
  items: readonly TimelineItem[],
  arrival: Arrival | undefined,
  isAtEnd: boolean,
  hasNewer: boolean,
  lastSeq: number,
): number {
  const { userId } = useServices().session
  const [seenEnd, setSeenEnd] = useState(() => (room.read_seq > 0 ? room.read_seq : undefined))
  useEffect(() => {
    if (arrival && isAtEnd) setSeenEnd(lastSeq)
  }, [arrival, isAtEnd, lastSeq])
  return useMemo(() => {
    if (isAtEnd || seenEnd === undefined) return 0
    if (hasNewer) return room.notification_count
    return items.filter((item) => item.kind === 'message' && (item.seq ?? 0) > seenEnd && item.sender !== userId).length
  }, [items, isAtEnd, seenEnd, hasNewer, room.notification_count, userId])
}

const lastWritten = (outgoing: readonly OutboxItem[], roomId: string) =>
  outgoing.reduce(
    (last, { roomId: into, content, createdAt }) =>
      into === roomId && !content['m.new_content'] ? Math.max(last, createdAt) : last,
    0,
  )

const lastEditable = (items: readonly TimelineItem[], userId: string) =>
  items.findLast(
    (item): item is MessageItem =>
      item.kind === 'message' &&
      item.sender === userId &&
      item.eventId !== undefined &&
      !item.redaction &&
      item.content.msgtype === 'm.text',
  )
