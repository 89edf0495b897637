/** Beside the river: busy rooms, who is typing, live subscriptions, other servers. */
import { useMemo, useState } from 'react'
import { navigate, roomPath } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { formatList, formatNumber } from '../../../i18n/format.js'
import { type TextKey, t } from '../../../i18n/index.js'
import { byNeed } from '../../../live/federation-traffic.js'
import { bySlowness } from '../../../live/live-subscriptions.js'
import { useStore } from '../../../live/store.js'
import { localpartOf } from '../../../platform/matrix/login-session.js'
import { explainDestination, StateDot } from '../state-dot.js'
import { useDashboard } from '../use-dashboard.js'
import { useNow } from '../use-now.js'
import styles from './side-panels.module.css'
import { useRoomNames } from './use-room-names.js'

const shownRooms = 8
const barHeight = 36
const shownServers = 6
const shownSubscriptions = 8
const slowMs = 100
const verySlowMs = 1_000

export function RoomActivityPanel({ isAdmin }: { isAdmin: boolean }) {
  const { activity } = useDashboard()
  const { rooms } = useStore(useServices().live.summaries)
  const paces = useStore(activity.store).slice(0, shownRooms)
  const others = useRoomNames(
    paces.flatMap(({ roomId }) => (rooms && !rooms.has(roomId) ? [roomId] : [])),
    isAdmin,
  )
  const most = Math.max(1, ...paces.map(({ perSecond }) => perSecond))
  return (
    <section className={styles.panel} aria-label={t('live.activity')}>
      <header>
        <h2>{t('live.activity')}</h2>
      </header>
      {paces.length === 0 && <p className={styles.empty}>{t('live.activity.empty')}</p>}
      {/* By ID, so that a room that overtakes another moves instead of being drawn anew. */}
      <div className={styles.bars} style={{ height: paces.length * barHeight }}>
        {paces
          .map((pace, place) => ({ ...pace, place }))
          .sort((a, b) => (a.roomId < b.roomId ? -1 : 1))
          .map(({ roomId, perSecond, place }) => (
            <RoomBar
              key={roomId}
              roomId={roomId}
              name={rooms?.get(roomId)?.name}
              otherName={others.get(roomId)}
              perSecond={perSecond}
              share={perSecond / most}
              top={place * barHeight}
            />
          ))}
      </div>
    </section>
  )
}

type RoomBarProps = {
  roomId: string
  /** Of a room of the user's. */
  name: string | undefined
  /** Of another's. */
  otherName: string | undefined
  perSecond: number
  share: number
  top: number
}

function RoomBar({ roomId, name, otherName, perSecond, share, top }: RoomBarProps) {
  const inside = (
    <>
      <span className={styles.barName}>
        <bdi>{name ?? otherName ?? '…'}</bdi>
      </span>
      <span className={styles.barPace}>
        {t('live.perSecond', { value: formatNumber(perSecond, { maximumFractionDigits: 1 }) })}
      </span>
      <span className={styles.track}>
        <i style={{ transform: `scaleX(${Math.max(0.02, share)})` }} />
      </span>
    </>
  )
  const style = { transform: `translateY(${top}px)` }
  if (name === undefined)
    return (
      <div className={styles.bar} style={style} title={t('live.activity.notMember')}>
        {inside}
      </div>
    )
  return (
    <button type="button" className={styles.bar} style={style} onClick={() => navigate(roomPath(roomId))}>
      {inside}
    </button>
  )
}

export function TypingPanel() {
  const { river } = useDashboard()
  const { live } = useServices()
  const typing = useStore(live.typing)
  const names = useStore(river.names)
  const { rooms } = useStore(live.summaries)
  return (
    <section className={styles.panel} aria-label={t('live.typing')}>
      <header>
        <h2>{t('live.typing')}</h2>
      </header>
      {typing.size === 0 && <p className={styles.empty}>{t('live.typing.empty')}</p>}
      <ul className={styles.rows}>
        {[...typing].map(([roomId, userIds]) => (
          <li key={roomId} className={styles.typing}>
            <span>
              <bdi>{formatList(userIds.map((userId) => names.get(`${roomId} ${userId}`) ?? localpartOf(userId)))}</bdi>
            </span>
            <span>
              <bdi>{rooms?.get(roomId)?.name ?? roomId}</bdi>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

const tableNames: ReadonlySet<string> = new Set([
  ...['room_events', 'room_members', 'room_roles', 'room_summaries', 'typing_events', 'user_presence', 'receipts'],
  ...['account_data', 'live_subscriptions', 'server_metrics', 'federation_traffic'],
  ...['to_device', 'device_key_counts', 'device_list_changes'],
])

export function SubscriptionsPanel({ isAdmin }: { isAdmin: boolean }) {
  const subscriptions = useStore(useDashboard().subscriptions)
  const [showsAll, setShowsAll] = useState(false)
  const rows = useMemo(() => [...(subscriptions?.values() ?? [])].sort(bySlowness), [subscriptions])
  const channels = new Set(rows.map(({ channel }) => channel)).size
  const shown = showsAll ? rows : rows.slice(0, shownSubscriptions)
  const toneOf = (ms: number) => (ms >= verySlowMs ? 'bad' : ms >= slowMs ? 'warn' : undefined)
  const delay = (ms: number) => formatNumber(ms, { maximumFractionDigits: ms < 10 ? 1 : 0 })
  return (
    <section className={styles.panel} aria-label={t('live.subscriptions')}>
      <header>
        <h2>{t('live.subscriptions')}</h2>
        {rows.length > 0 && (
          <span className={styles.aside}>
            {t('live.subscriptions.summary', {
              count: rows.length,
              channels: t('live.subscriptions.channels', { count: channels }),
            })}
          </span>
        )}
      </header>
      {rows.length === 0 ? (
        <p className={styles.empty}>{t('live.subscriptions.empty')}</p>
      ) : (
        <table className={styles.table}>
          <colgroup>
            <col />
            {isAdmin && <col style={{ width: 60 }} />}
            <col style={{ width: 58 }} />
            <col style={{ width: 118 }} />
          </colgroup>
          <thead>
            <tr>
              <th scope="col">{t('live.subscriptions.table')}</th>
              {isAdmin && <th scope="col">{t('live.subscriptions.who')}</th>}
              <th scope="col" className={styles.number}>
                {t('live.subscriptions.delivered')}
              </th>
              <th scope="col" className={styles.number}>
                {t('live.subscriptions.delay')}
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.id} title={row.query}>
                <td>{tableNames.has(row.table) ? t(`live.table.${row.table}` as TextKey) : row.table}</td>
                {isAdmin && <td title={row.user_id}>{localpartOf(row.user_id)}</td>}
                <td className={styles.number}>{formatNumber(row.delivered, { notation: 'compact' })}</td>
                <td className={styles.number} data-tone={toneOf(row.delay_p95_ms)}>
                  {row.delay_p95_ms > 0
                    ? t('live.ms', { value: `${delay(row.delay_p50_ms)} / ${delay(row.delay_p95_ms)}` })
                    : '–'}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.length > shownSubscriptions && (
        <div>
          <button type="button" className={styles.link} onClick={() => setShowsAll(!showsAll)}>
            {showsAll
              ? t('live.subscriptions.few')
              : t('live.subscriptions.more', { count: rows.length - shownSubscriptions })}
          </button>
        </div>
      )}
    </section>
  )
}

export function DestinationsPanel() {
  const traffic = useStore(useDashboard().traffic)
  const now = useNow(1_000)
  const rows = useMemo(() => [...(traffic?.values() ?? [])].sort(byNeed), [traffic])
  return (
    <section className={styles.panel} aria-label={t('live.destinations')}>
      <header>
        <h2>{t('live.destinations')}</h2>
        {rows.length > 0 && (
          <button type="button" className={styles.link} onClick={() => navigate('/home/federation')}>
            {t('live.destinations.all')}
          </button>
        )}
      </header>
      {rows.length === 0 && <p className={styles.empty}>{t('live.destinations.empty')}</p>}
      <ul className={styles.rows}>
        {rows.slice(0, shownServers).map((row) => {
          const { why, next } = explainDestination(row, now)
          return (
            <li key={row.destination}>
              <button
                type="button"
                className={styles.server}
                onClick={() => navigate(`/home/federation/${encodeURIComponent(row.destination)}`)}
              >
                <StateDot state={row.state} />
                <span className={styles.serverName}>{row.destination}</span>
                <span className={styles.serverState}>
                  {t(`destination.${row.state}`)}
                  {row.queue_length > 0 && `, ${t('destination.queue', { count: row.queue_length })}`}
                </span>
                {(why || next) && (
                  <span className={styles.serverWhy}>
                    <span>{why}</span>
                    <span>{next}</span>
                  </span>
                )}
              </button>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
