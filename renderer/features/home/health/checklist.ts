/**
 * The checklist: a dozen things that are looked at all the time, each with what it is like now and with the repairs
 * that came of it. Pure: from what is known to rows, in an order that never changes.
 */
import type { FederationTrafficRow } from '../../../../server/api/live/rows.js'
import { formatBytes, formatDateTime, formatNumber, formatSpan } from '../../../i18n/format.js'
import { type TextKey, t } from '../../../i18n/index.js'
import type { MetricsSample } from '../../../live/server-metrics.js'
import type { Reachability } from '../admin-api.js'
import { longestStall, type Repair } from './repairs.js'

/** `plain`: neither good nor bad, since nobody asked for it. */
export type Tone = 'good' | 'plain' | 'warn' | 'bad'
export type Check = { key: string; label: string; value: string; tone: Tone; repairs: readonly Repair[] }
export type CheckGroup = { key: string; title: string; checks: readonly Check[] }

type Facts = {
  isConnected: boolean
  samples: readonly MetricsSample[]
  traffic: readonly FederationTrafficRow[]
  reach: Reachability | undefined
  now: number
  repairs: readonly Repair[]
}

export const milliseconds = (ms: number) =>
  t('live.ms', { value: formatNumber(ms, { maximumFractionDigits: ms < 10 ? 1 : 0 }) })
export const spanOf = (ms: number) => (ms < 1_000 ? milliseconds(ms) : formatSpan(ms))

export function makeChecklist(facts: Facts): CheckGroup[] {
  const groups = [
    { key: 'machine', checks: ofMachine(facts) },
    { key: 'reach', checks: ofReach(facts.reach, facts.now) },
    { key: 'servers', checks: ofServers(facts) },
  ]
  return groups.map(({ key, checks }) => ({
    key,
    title: t(`health.group.${key}` as TextKey),
    checks: checks.map((check) => withRepairs(check, facts.repairs)),
  }))
}

type Row = { key: string; value: string; tone: 'good' | 'plain'; kinds?: readonly Repair['kind'][]; at?: string }

function withRepairs({ key, value, tone, kinds = [], at }: Row, repairs: readonly Repair[]): Check {
  const own = repairs.filter((repair) => (repair.kind === 'reach' ? repair.at === at : kinds.includes(repair.kind)))
  const worst = own.some((repair) => repair.tone === 'bad') ? 'bad' : own.length > 0 ? 'warn' : tone
  return { key, label: t(`health.check.${key}` as TextKey), value, tone: worst, repairs: own }
}

function ofMachine({ isConnected, samples }: Facts): Row[] {
  const connection: Row = {
    ...{ key: 'connection', tone: 'good', kinds: ['offline'] },
    value: t(isConnected ? 'status.live' : 'status.offline'),
  }
  const newest = samples.at(-1)
  if (!newest) return [connection]
  const lag = newest.projector_lag
  return [
    connection,
    { key: 'commit', value: milliseconds(newest.db_commit_p50_ms), tone: 'good', kinds: ['slow-disk'] },
    {
      ...{ key: 'projector', tone: 'good', kinds: ['lag'] },
      value: lag > 0 ? t('health.value.behind', { count: lag }) : t('health.value.current'),
    },
    { key: 'stall', value: spanOf(longestStall(samples)), tone: 'good', kinds: ['stall'] },
    { key: 'memory', value: formatBytes(newest.rss_bytes), tone: 'good', kinds: ['memory'] },
    { key: 'uptime', value: formatSpan(newest.uptime_s * 1_000), tone: 'good' },
  ]
}

function ofReach(reach: Reachability | undefined, now: number): Row[] {
  if (!reach) return []
  const { home_network, public: outside, federation } = reach
  const homes = home_network.addresses.flatMap(({ url }) => url ?? [])
  const { is_on, listener } = federation
  const certificate = listener?.certificate
  return [
    { key: 'here', value: reach.this_machine.url ?? t('health.value.window'), tone: 'good' },
    {
      ...{ key: 'home', at: 'home' },
      ...(homes.length > 0
        ? { value: t('health.value.on'), tone: 'good' }
        : { value: t('health.value.off'), tone: 'plain' }),
    },
    {
      key: 'outside',
      value: outside.url ? t('reach.from.outside', { url: outside.url }) : t('health.value.notSet'),
      tone: 'plain',
    },
    {
      ...{ key: 'federation', at: 'federation' },
      ...(is_on && listener
        ? { value: t('health.value.port', { port: String(listener.port) }), tone: 'good' }
        : { value: t(is_on ? 'health.value.elsewhere' : 'health.value.off'), tone: 'plain' }),
    },
    {
      key: 'certificate',
      ...(certificate
        ? {
            value: t('health.value.until', { when: formatDateTime(certificate.expires_ts) }),
            tone: certificate.is_for_server && certificate.expires_ts > now ? 'good' : 'plain',
          }
        : { value: t('health.value.none'), tone: 'plain' }),
    },
  ]
}

function ofServers({ traffic }: Facts): Row[] {
  const well = traffic.filter((row) => row.state === 'ok').length
  const waiting = traffic.reduce((sum, row) => sum + row.queue_length, 0)
  return [
    {
      ...{ key: 'destinations', kinds: ['destination', 'destinations'] },
      ...(traffic.length > 0
        ? { value: t('health.check.destinationsValue', { well, all: traffic.length }), tone: 'good' }
        : { value: t('health.value.none'), tone: 'plain' }),
    },
    { key: 'waiting', value: formatNumber(waiting), tone: 'good' },
  ]
}
