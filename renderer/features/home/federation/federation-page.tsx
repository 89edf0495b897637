/** Federation: how each other server does. Live rows; what failed before this server started comes from the list. */
import { useMemo, useState } from 'react'
import type { FederationTrafficRow } from '../../../../server/api/live/rows.js'
import { navigate } from '../../../app/route.js'
import { useServerInfo } from '../../../app/server-info.js'
import { useServices } from '../../../app/services.js'
import { useLoaded } from '../../../app/use-loaded.js'
import { formatAgo, formatDateTime, formatNumber } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { byNeed } from '../../../live/federation-traffic.js'
import { useStore } from '../../../live/store.js'
import { platform } from '../../../platform/bridge.js'
import { Banner, EmptyState } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { SearchField } from '../../../ui/field.js'
import { type Destination, listDestinations, type Reachability } from '../admin-api.js'
import { type Column, DataTable, type Sorting, sortRows } from '../data-table.js'
import { ListAndDetail, PanelActions, PanelSection } from '../list-and-detail.js'
import { AdminsOnly, Fact, Facts, LoadFailed, LoadingRows, PageHead } from '../page.js'
import { describeFederation } from '../reach/reach-text.js'
import { useReachability } from '../reach/use-reachability.js'
import { RetryButton } from '../retry-button.js'
import { explainDestination, formatInOut, StateDot } from '../state-dot.js'
import tools from '../tools.module.css'
import { useDashboard } from '../use-dashboard.js'
import { useNow } from '../use-now.js'

export default function FederationPage({ destination }: { destination: string | undefined }) {
  return (
    <AdminsOnly title={t('home.federation')}>
      <Federation destination={destination} />
    </AdminsOnly>
  )
}

/** A server that has not been talked to since the start, as far as the list knows it. */
export const toRow = ({
  destination,
  failure_ts,
  retry_last_ts,
  retry_interval,
}: Destination): FederationTrafficRow => ({
  destination,
  state: failure_ts === null ? 'unknown' : 'backing_off',
  queue_length: 0,
  in_pdus: 0,
  in_edus: 0,
  out_pdus: 0,
  out_edus: 0,
  ...(failure_ts === null ? {} : { retry_at: retry_last_ts + retry_interval }),
})

const readers = {
  server: (row: FederationTrafficRow) => row.destination,
  queue: (row: FederationTrafficRow) => row.queue_length,
  success: (row: FederationTrafficRow) => row.last_success_ts ?? 0,
  next: (row: FederationTrafficRow) => row.retry_at ?? 0,
  traffic: (row: FederationTrafficRow) => row.in_pdus + row.out_pdus,
}

const nextTryOf = (row: FederationTrafficRow, now: number) =>
  row.retry_at !== undefined && row.retry_at > now ? formatAgo(row.retry_at, now) : ''

const columns = (now: number): Column<FederationTrafficRow>[] => [
  {
    key: 'server',
    label: t('federation.column.server'),
    canSort: true,
    render: (row) => <span className={tools.name}>{row.destination}</span>,
  },
  {
    key: 'state',
    label: t('federation.column.state'),
    canSort: true,
    width: 140,
    render: (row) => (
      <span className={tools.state}>
        <StateDot state={row.state} />
        {t(`destination.${row.state}`)}
      </span>
    ),
  },
  {
    key: 'queue',
    label: t('federation.column.queue'),
    canSort: true,
    isNumber: true,
    importance: 2,
    width: 90,
    render: (row) => formatNumber(row.queue_length),
  },
  {
    key: 'traffic',
    label: t('federation.column.traffic'),
    canSort: true,
    isNumber: true,
    importance: 3,
    width: 110,
    render: (row) => formatInOut(row.in_pdus, row.out_pdus),
  },
  {
    key: 'success',
    label: t('federation.column.success'),
    canSort: true,
    isNumber: true,
    importance: 3,
    width: 150,
    render: (row) => (row.last_success_ts ? formatAgo(row.last_success_ts, now) : t('home.never')),
  },
  {
    key: 'next',
    label: t('federation.column.next'),
    canSort: true,
    isNumber: true,
    importance: 2,
    width: 130,
    render: (row) => nextTryOf(row, now),
  },
]

function Federation({ destination }: { destination: string | undefined }) {
  const { http } = useServices().matrix
  const info = useServerInfo()
  const { value: reach } = useReachability()
  const traffic = useStore(useDashboard().traffic)
  const listed = useLoaded(() => listDestinations(http), '')
  const now = useNow(1_000)
  const [term, setTerm] = useState('')
  const [sorting, setSorting] = useState<Sorting>({ key: 'state', isBackwards: false })
  const all = useMemo(() => {
    const rows = new Map((listed.value ?? []).map((each) => [each.destination, toRow(each)]))
    for (const row of traffic?.values() ?? []) rows.set(row.destination, row)
    return rows
  }, [listed.value, traffic])
  const rows = useMemo(() => {
    const found = [...all.values()].filter((row) => row.destination.includes(term.trim().toLowerCase()))
    if (sorting.key !== 'state') return sortRows(found, readers, sorting)
    const sorted = found.sort(byNeed)
    return sorting.isBackwards ? sorted.reverse() : sorted
  }, [all, term, sorting])
  const chosen = destination === undefined ? undefined : all.get(destination)
  const isLoading = !listed.value && listed.error === undefined && !traffic
  return (
    <ListAndDetail
      onClose={() => navigate('/home/federation', 'replace')}
      detail={chosen && { title: chosen.destination, content: <ServerPanel row={chosen} now={now} /> }}
    >
      <PageHead title={t('home.federation')} />
      {info?.federation === false && all.size === 0 ? (
        <EmptyState
          title={t('federation.off')}
          text={`${t('federation.offText')} ${platform.kind === 'browser' ? t('federation.offHow') : ''}`}
        />
      ) : (
        <>
          {reach && info?.federation && <ReachBanner reach={reach} server={info.server_name} />}
          <div className={tools.tools}>
            <SearchField
              label={t('federation.search')}
              value={term}
              onChange={(event) => setTerm(event.target.value)}
            />
            {all.size > 0 && <span className={tools.count}>{t('home.total', { count: all.size })}</span>}
          </div>
          {listed.error !== undefined && <LoadFailed error={listed.error} onRetry={listed.reload} />}
          {isLoading && <LoadingRows />}
          {!isLoading && rows.length === 0 && (
            <EmptyState
              title={t(term ? 'common.nothingFound' : 'federation.empty')}
              text={term ? undefined : t('federation.emptyText')}
            />
          )}
          {rows.length > 0 && (
            <DataTable
              label={t('home.federation')}
              columns={columns(now)}
              rows={rows}
              keyOf={(row) => row.destination}
              selected={destination}
              onOpen={(row) => navigate(`/home/federation/${encodeURIComponent(row.destination)}`)}
              sorting={sorting}
              onSort={setSorting}
            />
          )}
        </>
      )}
    </ListAndDetail>
  )
}

/** Whether other servers get to this one, which no list of those it talks to can tell. */
function ReachBanner({ reach, server }: { reach: Reachability; server: string }) {
  const { tone, text } = describeFederation(reach, server, Date.now())
  return (
    <Banner
      tone={tone === 'warn' ? 'warn' : 'plain'}
      action={<Button onClick={() => navigate('/home/reach')}>{t('home.details')}</Button>}
    >
      {text}
    </Banner>
  )
}

function ServerPanel({ row, now }: { row: FederationTrafficRow; now: number }) {
  const { why } = explainDestination(row, now)
  const next = nextTryOf(row, now)
  const isWaitedFor = row.state === 'down' || row.state === 'backing_off'
  return (
    <>
      {isWaitedFor && (
        <PanelActions>
          <RetryButton server={row.destination} />
        </PanelActions>
      )}
      <PanelSection>
        <Facts>
          <Fact name={t('federation.column.state')}>
            <span className={tools.state}>
              <StateDot state={row.state} />
              {t(`destination.${row.state}`)}
            </span>
          </Fact>
          {why && <Fact name={t('federation.lastError')}>{why}</Fact>}
          {next !== '' && <Fact name={t('federation.column.next')}>{next}</Fact>}
          <Fact name={t('federation.column.queue')}>{t('destination.queue', { count: row.queue_length })}</Fact>
          <Fact name={t('federation.column.success')}>
            {row.last_success_ts ? formatDateTime(row.last_success_ts) : t('home.never')}
          </Fact>
          <Fact name={`${t('federation.pdus')} (${t('federation.sinceStart')})`}>
            {formatInOut(row.in_pdus, row.out_pdus)}
          </Fact>
          <Fact name={`${t('federation.edus')} (${t('federation.sinceStart')})`}>
            {formatInOut(row.in_edus, row.out_edus)}
          </Fact>
        </Facts>
      </PanelSection>
    </>
  )
}
