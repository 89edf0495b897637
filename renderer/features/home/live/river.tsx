/**
 * The river: one line per event, newest on top.
 *
 * Only the lines in view are in the page. Pausing, scrolling down or moving through the lines with
 * the arrow keys holds what is shown; what came meanwhile is counted and one key away.
 */
import { Pause, Play } from 'lucide-react'
import { type KeyboardEvent, useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'react'
import type { RoomEventRow } from '../../../../server/api/live/rows.js'
import { navigate, roomPath } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { formatTimeWithSeconds } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { useStore } from '../../../live/store.js'
import { localpartOf } from '../../../platform/matrix/login-session.js'
import { Avatar } from '../../../ui/avatar.js'
import { Chip, EmptyState } from '../../../ui/bits.js'
import { IconButton } from '../../../ui/button.js'
import { SearchField } from '../../../ui/field.js'
import { useDashboard } from '../use-dashboard.js'
import { describeEvent, type EventKind, eventKinds, searchTextOf } from './describe-event.js'
import styles from './river.module.css'
import { countSince, shownLines } from './river-lines.js'

const wideRow = 32
const narrowRow = 52
const narrowBelow = 560
/** Rows drawn beyond the view, so that a fast scroll shows no holes. */
const overscan = 6

export function RiverPanel() {
  const { river } = useDashboard()
  const { rooms } = useStore(useServices().live.summaries)
  const lines = useStore(river.store)
  const names = useStore(river.names)
  const focus = useStore(river.focus)
  const [kinds, setKinds] = useState<ReadonlySet<EventKind>>(new Set())
  const [term, setTerm] = useState('')
  const [isPaused, setIsPaused] = useState(false)
  const [isScrolled, setIsScrolled] = useState(false)

  const roomName = useCallback((roomId: string) => rooms?.get(roomId)?.name ?? roomId, [rooms])
  const nameIn = useCallback(
    (roomId: string) => (userId: string) => names.get(`${roomId} ${userId}`) ?? localpartOf(userId),
    [names],
  )
  const filtered = useMemo(
    () =>
      shownLines(lines, { kinds, term: term.trim().toLocaleLowerCase(), roomId: focus }, (row) =>
        searchTextOf(row, roomName(row.room_id), nameIn(row.room_id)),
      ),
    [lines, kinds, term, focus, roomName, nameIn],
  )
  const isHeld = isPaused || isScrolled
  const held = useHeld(filtered, isHeld, `${[...kinds]} ${term} ${focus}`)
  const missed = isHeld ? countSince(filtered, held[0]) : 0

  const toggleKind = (kind: EventKind) => {
    const next = new Set(kinds)
    if (!next.delete(kind)) next.add(kind)
    setKinds(next)
  }
  const joined = useMemo(
    () =>
      [...(rooms?.values() ?? [])]
        .filter((room) => room.membership === 'join')
        .sort((a, b) => a.name.localeCompare(b.name)),
    [rooms],
  )
  return (
    <section className={styles.river} aria-label={t('live.river')}>
      <header className={styles.head}>
        <h2>{t('live.river')}</h2>
        <IconButton
          label={t(isPaused ? 'live.river.resume' : 'live.river.pause')}
          aria-pressed={isPaused}
          onClick={() => setIsPaused(!isPaused)}
        >
          {isPaused ? <Play size={16} aria-hidden /> : <Pause size={16} aria-hidden />}
        </IconButton>
      </header>
      <div className={styles.tools}>
        <SearchField label={t('live.river.filter')} value={term} onChange={(event) => setTerm(event.target.value)} />
        <select
          className={styles.room}
          aria-label={t('live.river.room')}
          value={focus ?? ''}
          onChange={(event) => river.setFocus(event.target.value || undefined)}
        >
          <option value="">{t('live.river.allRooms')}</option>
          {joined.map((room) => (
            <option key={room.room_id} value={room.room_id}>
              {room.name}
            </option>
          ))}
        </select>
        <fieldset className={styles.kinds}>
          <legend className="visually-hidden">{t('live.river.kinds')}</legend>
          {eventKinds.map((kind) => (
            <Chip key={kind} isOn={kinds.has(kind)} onToggle={() => toggleKind(kind)}>
              {t(`live.river.kind.${kind}`)}
            </Chip>
          ))}
        </fieldset>
      </div>
      {held.length === 0 ? (
        <Nothing hasRooms={joined.length > 0} isFiltered={lines.length > 0} />
      ) : (
        <Lines
          lines={held}
          missed={missed}
          isPaused={isPaused}
          onScrolled={setIsScrolled}
          onResume={() => setIsPaused(false)}
          roomName={roomName}
          nameIn={nameIn}
        />
      )}
    </section>
  )
}

/** While held, the lines as they were; another filter looks afresh. */
function useHeld(lines: RoomEventRow[], isHeld: boolean, filterKey: string): RoomEventRow[] {
  const kept = useRef({ lines, filterKey })
  if (!isHeld || kept.current.filterKey !== filterKey) kept.current = { lines, filterKey }
  return kept.current.lines
}

function Nothing({ hasRooms, isFiltered }: { hasRooms: boolean; isFiltered: boolean }) {
  if (!hasRooms) return <EmptyState fills title={t('live.river.noRooms')} text={t('live.river.noRoomsText')} />
  if (isFiltered) return <EmptyState fills title={t('live.river.nothingFits')} text={t('live.river.nothingFitsText')} />
  return <EmptyState fills title={t('live.river.empty')} text={t('live.river.emptyText')} />
}

type LinesProps = {
  lines: readonly RoomEventRow[]
  missed: number
  isPaused: boolean
  onScrolled: (isScrolled: boolean) => void
  onResume: () => void
  roomName: (roomId: string) => string
  nameIn: (roomId: string) => (userId: string) => string
}

function Lines({ lines, missed, isPaused, onScrolled, onResume, roomName, nameIn }: LinesProps) {
  const ref = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 400, isNarrow: false })
  const [active, setActive] = useState<number>()
  const id = useId()
  const rowHeight = view.isNarrow ? narrowRow : wideRow

  useLayoutEffect(() => {
    const element = ref.current!
    const measure = () =>
      setView(({ top }) => ({ top, height: element.clientHeight, isNarrow: element.clientWidth < narrowBelow }))
    const resized = new ResizeObserver(measure)
    resized.observe(element)
    measure()
    return () => resized.disconnect()
  }, [])
  // Nothing to hold any more once the lines are gone.
  useEffect(() => () => onScrolled(false), [onScrolled])

  const onScroll = () => {
    const top = ref.current!.scrollTop
    setView((before) => ({ ...before, top }))
    onScrolled(top > rowHeight / 2 || active !== undefined)
  }
  const toNow = () => {
    setActive(undefined)
    onScrolled(false)
    onResume()
    ref.current!.scrollTop = 0
  }
  const go = (to: number) => {
    const next = Math.max(0, Math.min(lines.length - 1, to))
    setActive(next)
    onScrolled(true)
    const element = ref.current!
    const top = next * rowHeight
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight - element.clientHeight
  }
  const open = (row: RoomEventRow | undefined) => row && navigate(roomPath(row.room_id, row.event_id))
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1)
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }
    if (event.key in steps) go((active ?? -1) + steps[event.key]!)
    else if (event.key === 'Enter' && active !== undefined) open(lines[active])
    else if ((event.key === 'Escape' || event.key === 'Home') && (active !== undefined || view.top > 0)) toNow()
    else return
    event.preventDefault()
  }

  const first = Math.max(0, Math.floor(view.top / rowHeight) - overscan)
  const last = Math.min(lines.length, Math.ceil((view.top + view.height) / rowHeight) + overscan)
  return (
    <div className={styles.frame}>
      {missed > 0 && (
        <button type="button" className={styles.pill} onClick={toNow}>
          {t('live.river.held', { count: missed })}
        </button>
      )}
      {missed === 0 && isPaused && <p className={styles.pausedNote}>{t('live.river.paused')}</p>}
      <div
        ref={ref}
        className={styles.scroll}
        role="listbox"
        aria-label={t('live.river')}
        aria-activedescendant={active === undefined ? undefined : `${id}-${active}`}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        data-narrow={view.isNarrow || undefined}
      >
        <div className={styles.all} style={{ height: lines.length * rowHeight }} role="presentation">
          {lines.slice(first, last).map((row, offset) => (
            <Line
              key={row.event_id}
              id={`${id}-${first + offset}`}
              row={row}
              top={(first + offset) * rowHeight}
              isActive={active === first + offset}
              roomName={roomName(row.room_id)}
              nameOf={nameIn(row.room_id)}
              onOpen={() => open(row)}
            />
          ))}
        </div>
      </div>
    </div>
  )
}

type LineProps = {
  id: string
  row: RoomEventRow
  top: number
  isActive: boolean
  roomName: string
  nameOf: (userId: string) => string
  onOpen: () => void
}

function Line({ id, row, top, isActive, roomName, nameOf, onOpen }: LineProps) {
  const { does, glimpse, code } = describeEvent(row, nameOf)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the list's
    <div
      id={id}
      role="option"
      aria-selected={isActive}
      tabIndex={-1}
      className={styles.line}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onOpen}
    >
      <time className={styles.time}>{formatTimeWithSeconds(row.origin_server_ts)}</time>
      <span className={styles.where}>
        <Avatar id={row.room_id} name={roomName} size={20} kind="room" />
        <bdi className={styles.roomName}>{roomName}</bdi>
      </span>
      <span className={styles.what}>
        <bdi className={styles.who}>{nameOf(row.sender)}</bdi>
        <span className={styles.does}>{does}</span>
        {code && <code className={styles.code}>{code}</code>}
        {glimpse && <bdi className={styles.glimpse}>{glimpse}</bdi>}
      </span>
    </div>
  )
}
