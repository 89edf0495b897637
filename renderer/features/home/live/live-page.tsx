/** Live: the page people leave open. Everything on it arrives by push. */
import { useMemo } from 'react'
import { useAdmin } from '../../../app/server-info.js'
import { explainState } from '../../../app/status-line.js'
import { formatBytes, formatNumber, formatSpan } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { columnsOf, type MetricsSample } from '../../../live/server-metrics.js'
import { useStore } from '../../../live/store.js'
import { Banner } from '../../../ui/bits.js'
import { PageHead } from '../page.js'
import { useDashboard } from '../use-dashboard.js'
import { BigNumber } from './big-number.js'
import { ChartCard } from './chart-card.js'
import styles from './live-page.module.css'
import { RiverPanel } from './river.js'
import { DestinationsPanel, RoomActivityPanel, SubscriptionsPanel, TypingPanel } from './side-panels.js'

const minuteMs = 60_000
/** A pause people notice, and one in which clients give up. */
const stall = { warnMs: 200, badMs: 2_000 }

export default function LivePage() {
  const isAdmin = useAdmin() === true
  const { connection, metrics } = useDashboard()
  const state = useStore(connection.state)
  const { latest } = useStore(metrics)
  return (
    <div className={styles.page}>
      <PageHead
        title={t('home.live')}
        aside={
          latest && <span className="tabular">{t('home.uptime', { span: formatSpan(latest.uptime_s * 1_000) })}</span>
        }
      />
      {state.kind === 'offline' && (
        <Banner tone="warn">{t('home.standsStill', { reason: explainState(state) })}</Banner>
      )}
      {isAdmin ? <ServerNumbers /> : <OwnNumbers />}
      <div className={styles.grid}>
        <RiverPanel />
        <div className={styles.side}>
          <RoomActivityPanel />
          <TypingPanel />
          {isAdmin && <DestinationsPanel />}
          <SubscriptionsPanel isAdmin={isAdmin} />
          {isAdmin && <ServerCharts />}
        </div>
      </div>
    </div>
  )
}

const pace = (value: number) => formatNumber(value, { maximumFractionDigits: value < 10 ? 1 : 0 })
const whole = (value: number) => formatNumber(value)
/** Short enough for a big number: "76 ms", "2.3s", "2m". */
function span(ms: number): string {
  if (ms < 1_000) return t('live.ms', { value: formatNumber(Math.round(ms)) })
  const [value, unit] = ms < 60_000 ? [ms / 1_000, 'second'] : [ms / 60_000, 'minute']
  return formatNumber(value, { style: 'unit', unit, unitDisplay: 'narrow', maximumFractionDigits: 1 })
}
const first =
  (format: (value: number) => string) =>
  ([value]: readonly number[]) =>
    format(value ?? 0)

function ServerNumbers() {
  const { latest, samples } = useStore(useDashboard().metrics)
  const since = (latest?.ts ?? 0) - minuteMs
  const columns = (...readers: ((sample: MetricsSample) => number)[]) => columnsOf(samples, readers, since)
  // biome-ignore lint/correctness/useExhaustiveDependencies: everything here comes from the samples
  const [events, rooms, clients, federation, stalls] = useMemo(
    () => [
      columns((sample) => sample.events_per_second),
      columns((sample) => sample.active_rooms),
      columns(
        (sample) => sample.connected_clients,
        (sample) => sample.live_channels,
      ),
      columns(
        (sample) => sample.federation_in_per_second,
        (sample) => sample.federation_out_per_second,
      ),
      columns((sample) => sample.longest_stall_ms),
    ],
    [samples],
  )
  const longest = Math.max(0, ...stalls!.values[0]!.map((value) => value ?? 0))
  const tone = longest >= stall.badMs ? 'bad' : longest >= stall.warnMs ? 'warn' : 'plain'
  return (
    <dl className={styles.numbers}>
      <BigNumber label={t('live.big.events')} {...events!} format={first(pace)} />
      <BigNumber label={t('live.big.rooms')} {...rooms!} format={first(whole)} />
      <BigNumber
        label={t('live.big.clients')}
        {...clients!}
        format={([clients = 0, channels = 0]) => `${whole(clients)} / ${whole(channels)}`}
      />
      <BigNumber
        label={t('live.big.federation')}
        {...federation!}
        format={([incoming = 0, outgoing = 0]) => `${pace(incoming)} / ${pace(outgoing)}`}
      />
      <BigNumber
        label={t('live.big.stall')}
        {...stalls!}
        {...(samples.length > 0 ? { now: [longest] } : {})}
        format={first(span)}
        tone={tone}
        atLeast={50}
      />
    </dl>
  )
}

function OwnNumbers() {
  const { ownPace, activity, subscriptions } = useDashboard()
  const samples = useStore(ownPace)
  const busy = useStore(activity.store).length
  const rows = [...(useStore(subscriptions)?.values() ?? [])]
  const since = (samples.at(-1)?.ts ?? 0) - minuteMs
  const events = useMemo(() => {
    const shown = samples.filter(({ ts }) => ts >= since)
    return { times: shown.map(({ ts }) => ts / 1_000), values: [shown.map(({ perSecond }) => perSecond)] }
  }, [samples, since])
  const delay = Math.max(0, ...rows.map(({ delay_p50_ms }) => delay_p50_ms))
  return (
    <>
      <dl className={styles.numbers}>
        <BigNumber label={t('live.big.ownEvents')} {...events} format={first(pace)} />
        <div className={styles.plainNumber}>
          <dt>{t('live.big.ownRooms')}</dt>
          <dd>{whole(busy)}</dd>
        </div>
        <div className={styles.plainNumber}>
          <dt>{t('live.big.ownDelay')}</dt>
          <dd>{rows.length > 0 ? t('live.ms', { value: pace(delay) }) : '–'}</dd>
        </div>
      </dl>
      <p className={styles.note}>{t('live.big.note')}</p>
    </>
  )
}

function ServerCharts() {
  const { latest, samples } = useStore(useDashboard().metrics)
  const database =
    latest &&
    [
      t('live.database.commit', { value: t('live.ms', { value: pace(latest.db_commit_p50_ms) }) }),
      latest.projector_lag > 0 ? t('live.database.lag', { count: latest.projector_lag }) : t('live.database.noLag'),
    ].join(' · ')
  return (
    <>
      <ChartCard
        title={t('live.database')}
        samples={samples}
        lines={[{ label: t('live.database.writes'), read: (sample) => sample.db_writes_per_second }]}
        format={whole}
        formatAxis={(value) => formatNumber(value, { notation: 'compact' })}
        atLeast={10}
        note={database}
      />
      <ChartCard
        title={t('live.memory')}
        samples={samples}
        lines={[
          { label: t('live.memory.rss'), read: (sample) => sample.rss_bytes },
          { label: t('live.memory.heap'), read: (sample) => sample.heap_bytes },
        ]}
        format={formatBytes}
        formatAxis={(value) => (value === 0 ? '0' : formatBytes(value))}
        atLeast={100_000_000}
      />
    </>
  )
}
