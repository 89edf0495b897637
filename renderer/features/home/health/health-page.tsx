/** Health: what it comes to in one line, and the checklist behind it; what needs somebody says what it means and what to do. */
import { Check, CircleCheck, Minus, TriangleAlert } from 'lucide-react'
import { type ReactNode, useEffect, useMemo, useState } from 'react'
import type { AppInfo } from '../../../../main/ipc/contract.js'
import { navigate } from '../../../app/route.js'
import { useServerInfo } from '../../../app/server-info.js'
import { explainState } from '../../../app/status-line.js'
import { formatBytes, formatList } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { useStore } from '../../../live/store.js'
import { platform } from '../../../platform/bridge.js'
import { Button } from '../../../ui/button.js'
import { AdminsOnly, Fact, Facts, PageHead } from '../page.js'
import page from '../page.module.css'
import { describeFederation, describeHome } from '../reach/reach-text.js'
import { useReachability } from '../reach/use-reachability.js'
import { RetryButton } from '../retry-button.js'
import tools from '../tools.module.css'
import { useDashboard } from '../use-dashboard.js'
import { type CheckGroup, makeChecklist, milliseconds, spanOf, type Tone } from './checklist.js'
import styles from './health.module.css'
import { findRepairs, type Repair } from './repairs.js'

export default function HealthPage() {
  return (
    <AdminsOnly title={t('home.health')}>
      <Health />
    </AdminsOnly>
  )
}

const openLive = () => navigate('/home/live')

function Health() {
  const { connection, metrics, traffic } = useDashboard()
  const { samples, latest } = useStore(metrics)
  const servers = useStore(traffic)
  const state = useStore(connection.state)
  const isConnected = state.kind !== 'offline'
  const info = useServerInfo()
  const { value: reach } = useReachability()
  const groups = useMemo(() => {
    const now = Date.now()
    const findings =
      reach && info
        ? [
            { at: 'home' as const, ...describeHome(reach) },
            { at: 'federation' as const, ...describeFederation(reach, info.server_name, now) },
          ]
        : []
    const rows = [...(servers?.values() ?? [])]
    const repairs = findRepairs({
      ...{ isConnected, samples, traffic: rows },
      reach: findings.filter(({ tone }) => tone === 'warn'),
    })
    return makeChecklist({ isConnected, samples, traffic: rows, reach, now, repairs })
  }, [isConnected, samples, servers, reach, info])
  const isChecked = !isConnected || (latest !== undefined && reach !== undefined)
  return (
    <div className={page.page}>
      <PageHead title={t('home.health')} />
      <div className={styles.columns}>
        <section aria-label={t('home.health')} className={styles.checklist}>
          <Verdict isChecked={isChecked} groups={groups} />
          {isChecked &&
            groups
              .filter(({ checks }) => checks.length > 0)
              .map((group) => <Group key={group.key} group={group} reason={explainState(state)} />)}
        </section>
        <section className={styles.facts}>
          <About />
        </section>
      </div>
    </div>
  )
}

/** What it comes to, in one line. */
function Verdict({ isChecked, groups }: { isChecked: boolean; groups: readonly CheckGroup[] }) {
  const checks = groups.flatMap((group) => group.checks)
  const needy = checks.filter(({ repairs }) => repairs.length > 0)
  const isWell = needy.length === 0
  return (
    <p className={styles.verdict} aria-live="polite" data-tone={isChecked ? (isWell ? 'good' : 'warn') : undefined}>
      {!isChecked && t('health.checking')}
      {isChecked && (
        <>
          {isWell ? <CircleCheck size={20} aria-hidden /> : <TriangleAlert size={20} aria-hidden />}
          <span>
            <strong>{isWell ? t('health.clear') : t('health.needed', { count: needy.length })}</strong>{' '}
            {t(isWell ? 'health.clearText' : 'health.neededText')}
          </span>
        </>
      )}
    </p>
  )
}

const Group = ({ group, reason }: { group: CheckGroup; reason: string }) => (
  <section className={styles.group} aria-labelledby={`health-${group.key}`}>
    <h2 id={`health-${group.key}`}>{group.title}</h2>
    <ul>
      {group.checks.map((check) => (
        <li key={check.key} className={styles.check} data-tone={check.tone}>
          <Mark tone={check.tone} />
          <span className={styles.what}>{check.label}</span>
          <span className={styles.value}>{check.value}</span>
          {check.repairs.map((repair) => (
            <RepairLine key={repair.key} repair={repair} reason={reason} />
          ))}
        </li>
      ))}
    </ul>
  </section>
)

function Mark({ tone }: { tone: Tone }) {
  const Icon = { good: Check, plain: Minus, warn: TriangleAlert, bad: TriangleAlert }[tone]
  return (
    <>
      <Icon size={18} aria-hidden />
      <span className="visually-hidden">{t(`health.tone.${tone}`)}</span>
    </>
  )
}

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
        title: t('health.stall', { span: spanOf(repair.ms) }),
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

function RepairLine({ repair, reason }: { repair: Repair; reason: string }) {
  const { title, text, action } = tell(repair, reason)
  return (
    <div className={styles.repair}>
      <div>
        <h3>{title}</h3>
        <p>{text}</p>
      </div>
      {action}
    </div>
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
