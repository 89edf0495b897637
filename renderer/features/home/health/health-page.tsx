/** Health: what needs somebody, each with what it means and what to do; all clear in one line. */
import { CircleCheck, TriangleAlert } from 'lucide-react'
import { type ReactNode, useEffect, useMemo, useState } from 'react'
import type { AppInfo } from '../../../../main/ipc/contract.js'
import type { FederationTrafficRow, ServerMetricsRow } from '../../../../server/api/live/rows.js'
import { navigate } from '../../../app/route.js'
import { useServerInfo } from '../../../app/server-info.js'
import { explainState } from '../../../app/status-line.js'
import { formatBytes, formatList, formatNumber, formatSpan } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import type { MetricsSample } from '../../../live/server-metrics.js'
import { useStore } from '../../../live/store.js'
import { platform } from '../../../platform/bridge.js'
import { Button } from '../../../ui/button.js'
import { AdminsOnly, Fact, Facts, PageHead } from '../page.js'
import page from '../page.module.css'
import { describeFederation, describeHome, reachedFrom } from '../reach/reach-text.js'
import { useReachability } from '../reach/use-reachability.js'
import { RetryButton } from '../retry-button.js'
import tools from '../tools.module.css'
import { useDashboard } from '../use-dashboard.js'
import styles from './health.module.css'
import { findRepairs, longestStall, type Repair } from './repairs.js'

export default function HealthPage() {
  return (
    <AdminsOnly title={t('home.health')}>
      <Health />
    </AdminsOnly>
  )
}

const span = (ms: number) => (ms < 1_000 ? milliseconds(ms) : formatSpan(ms))
const milliseconds = (ms: number) =>
  t('live.ms', { value: formatNumber(ms, { maximumFractionDigits: ms < 10 ? 1 : 0 }) })
const openLive = () => navigate('/home/live')

function Health() {
  const { connection, metrics, traffic } = useDashboard()
  const { samples, latest } = useStore(metrics)
  const servers = useStore(traffic)
  const state = useStore(connection.state)
  const isConnected = state.kind !== 'offline'
  const info = useServerInfo()
  const { value: reach } = useReachability()
  const repairs = useMemo(() => {
    const findings = reach && info ? [describeHome(reach), describeFederation(reach, info.server_name, Date.now())] : []
    return findRepairs({
      ...{ isConnected, samples },
      traffic: servers?.values() ?? [],
      reach: findings.flatMap(({ tone, text }) => (tone === 'warn' ? text : [])),
    })
  }, [isConnected, samples, servers, reach, info])
  const isChecked = !isConnected || (latest !== undefined && reach !== undefined)
  return (
    <div className={page.page}>
      <PageHead title={t('home.health')} />
      <div className={styles.columns}>
        <section aria-label={t('home.health')} aria-live="polite" className={styles.list}>
          {!isChecked && <p className={tools.note}>{t('health.checking')}</p>}
          {isChecked && repairs.length === 0 && (
            <p className={styles.clear}>
              <CircleCheck size={20} aria-hidden />
              <span>
                <strong>{t('health.clear')}</strong> {t('health.clearText')}
              </span>
            </p>
          )}
          {repairs.map((repair) => (
            <RepairCard key={repair.key} repair={repair} reason={explainState(state)} />
          ))}
        </section>
        <section className={styles.facts}>
          <h2>{t('health.numbers')}</h2>
          {latest && <Checked latest={latest} samples={samples} servers={[...(servers?.values() ?? [])]} />}
          {reach && (
            <>
              <Facts>
                <Fact name={t('health.check.reach')}>{reachedFrom(reach)}</Fact>
              </Facts>
              <div>
                <Button onClick={() => navigate('/home/reach')}>{t('health.showReach')}</Button>
              </div>
            </>
          )}
          <About />
        </section>
      </div>
    </div>
  )
}

type CheckedProps = {
  latest: ServerMetricsRow
  samples: readonly MetricsSample[]
  servers: readonly FederationTrafficRow[]
}

const Checked = ({ latest, samples, servers }: CheckedProps) => (
  <Facts>
    <Fact name={t('health.check.projector')}>
      {latest.projector_lag > 0 ? t('live.database.lag', { count: latest.projector_lag }) : t('live.database.noLag')}
    </Fact>
    <Fact name={t('health.check.commit')}>{milliseconds(latest.db_commit_p50_ms)}</Fact>
    <Fact name={t('health.check.stall')}>{span(longestStall(samples))}</Fact>
    <Fact name={t('health.check.memory')}>{formatBytes(latest.rss_bytes)}</Fact>
    <Fact name={t('health.check.destinations')}>
      {t('health.check.destinationsValue', {
        well: servers.filter((row) => row.state === 'ok').length,
        all: servers.length,
      })}
    </Fact>
    <Fact name={t('health.check.uptime')}>{formatSpan(latest.uptime_s * 1_000)}</Fact>
  </Facts>
)

type Told = { title: string; text: string; action?: ReactNode }

function tell(repair: Repair, reason: string): Told {
  switch (repair.kind) {
    case 'offline':
      return { title: t('health.offline'), text: reason }
    case 'destination':
      return {
        title: t('health.destinationDown', { server: repair.server }),
        text: t('health.destinationDownText', { count: repair.queue, error: repair.error }),
        action: (
          <span className={styles.actions}>
            <Button onClick={() => navigate(`/home/federation/${encodeURIComponent(repair.server)}`)}>
              {t('home.details')}
            </Button>
            <RetryButton server={repair.server} />
          </span>
        ),
      }
    case 'destinations':
      return {
        title: t('health.destinationsDown', { count: repair.servers.length }),
        text: t('health.destinationsDownText', { servers: formatList(repair.servers.slice(0, 6)) }),
        action: <Button onClick={() => navigate('/home/federation')}>{t('health.destinationsAction')}</Button>,
      }
    case 'lag':
      return {
        title: t('health.lag', { count: repair.events }),
        text: t('health.lagText'),
        action: <Button onClick={openLive}>{t('health.showLive')}</Button>,
      }
    case 'stall':
      return {
        title: t('health.stall', { span: span(repair.ms) }),
        text: t('health.stallText'),
        action: <Button onClick={openLive}>{t('health.showLive')}</Button>,
      }
    case 'slow-disk':
      return {
        title: t('health.slowDisk'),
        text: t('health.slowDiskText', { value: milliseconds(repair.ms) }),
        action: <Button onClick={openLive}>{t('health.showLive')}</Button>,
      }
    case 'reach':
      return {
        title: t('health.reach'),
        text: repair.text,
        action: <Button onClick={() => navigate('/home/reach')}>{t('health.showReach')}</Button>,
      }
    case 'memory':
      return { title: t('health.memory'), text: t('health.memoryText', { value: formatBytes(repair.bytes) }) }
  }
}

function RepairCard({ repair, reason }: { repair: Repair; reason: string }) {
  const { title, text, action } = tell(repair, reason)
  return (
    <article className={styles.repair} data-tone={repair.tone}>
      <TriangleAlert size={20} aria-hidden />
      <div>
        <h2>{title}</h2>
        <p>{text}</p>
      </div>
      {action}
    </article>
  )
}

/** Where this server lives; in the desktop app also how its keys are kept, and its logs. */
function About() {
  const info = useServerInfo()
  const [app, setApp] = useState<AppInfo>()
  useEffect(() => {
    platform.readAppInfo().then(setApp, () => undefined)
  }, [])
  if (!info) return null
  const dataDir = app?.dataDir ?? info.data_dir
  return (
    <>
      <h2>{t('health.about')}</h2>
      <Facts>
        <Fact name={t('health.serverName')}>
          <code className={tools.id}>{info.server_name}</code>
        </Fact>
        <Fact name={t('health.version')}>Hearth {info.version}</Fact>
        {dataDir !== undefined && (
          <Fact name={t('health.dataDir')}>
            <code className={tools.id}>{dataDir}</code>
          </Fact>
        )}
        {app && <Fact name={t('health.keys')}>{t(`health.keys.${app.secretStore}`)}</Fact>}
      </Facts>
      {platform.kind === 'desktop' && (
        <div>
          <Button onClick={() => void platform.openLogsFolder()}>{t('health.openLogs')}</Button>
        </div>
      )}
    </>
  )
}
