/** Live: the page people leave open. Everything on it arrives by push. */
import { useState } from 'react'
import { useAdmin } from '../../../app/server-info.js'
import { explainState } from '../../../app/status-line.js'
import { formatBytes, formatNumber, formatSpan } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { useStore } from '../../../live/store.js'
import { Banner, Chip } from '../../../ui/bits.js'
import { PageHead } from '../page.js'
import { useDashboard } from '../use-dashboard.js'
import { ChartCard } from './chart-card.js'
import styles from './live-page.module.css'
import { OwnNumbers, pace, ServerNumbers, whole } from './numbers.js'
import { RiverPanel } from './river.js'
import { DestinationsPanel, RoomActivityPanel, SubscriptionsPanel, TypingPanel } from './side-panels.js'

const spans = { minutes: 300, hour: 3_600 } as const

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
          <RoomActivityPanel isAdmin={isAdmin} />
          <TypingPanel />
          {isAdmin && <DestinationsPanel />}
          <SubscriptionsPanel isAdmin={isAdmin} />
          {isAdmin && <ServerCharts />}
        </div>
      </div>
    </div>
  )
}

function ServerCharts() {
  const { latest, samples } = useStore(useDashboard().metrics)
  const [span, setSpan] = useState<keyof typeof spans>('minutes')
  const database =
    latest &&
    [
      t('live.database.commit', { value: t('live.ms', { value: pace(latest.db_commit_p50_ms) }) }),
      latest.projector_lag > 0 ? t('live.database.lag', { count: latest.projector_lag }) : t('live.database.noLag'),
    ].join(' · ')
  return (
    <>
      <fieldset className={styles.spans}>
        <legend className="visually-hidden">{t('live.span')}</legend>
        {(['minutes', 'hour'] as const).map((each) => (
          <Chip key={each} isOn={span === each} onToggle={() => setSpan(each)}>
            {t(`live.span.${each}`)}
          </Chip>
        ))}
      </fieldset>
      <ChartCard
        spanSeconds={spans[span]}
        title={t('live.database')}
        samples={samples}
        lines={[{ label: t('live.database.writes'), read: (sample) => sample.db_writes_per_second }]}
        format={whole}
        formatAxis={(value) => formatNumber(value, { notation: 'compact' })}
        atLeast={10}
        note={database}
      />
      <ChartCard
        spanSeconds={spans[span]}
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
