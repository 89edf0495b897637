/** The big numbers on top of Live: of the whole server for who runs it, of their own rooms for everybody else. */
import { useMemo } from 'react'
import { formatNumber } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { columnsOf, type MetricsSample } from '../../../live/server-metrics.js'
import { useStore } from '../../../live/store.js'
import { useDashboard } from '../use-dashboard.js'
import { BigNumber } from './big-number.js'
import styles from './live-page.module.css'

const minuteMs = 60_000
/** A pause people notice, and one in which clients give up. */
const stall = { warnMs: 200, badMs: 2_000 }

export const pace = (value: number) => formatNumber(value, { maximumFractionDigits: value < 10 ? 1 : 0 })
export const whole = (value: number) => formatNumber(Math.round(value))
const perSecond = (value: number) => t('live.perSecond', { value: pace(value) })
/** Short enough for a big number: "76 ms", "2.3s", "2m". */
function span(ms: number): string {
  if (ms < 1_000) return t('live.ms', { value: whole(ms) })
  const [value, unit] = ms < 60_000 ? [ms / 1_000, 'second'] : [ms / 60_000, 'minute']
  return formatNumber(value, { style: 'unit', unit, unitDisplay: 'narrow', maximumFractionDigits: 1 })
}
const sum = (values: readonly (number | null)[] = []) => values.reduce<number>((all, each) => all + (each ?? 0), 0)
const most = (values: readonly (number | null)[] = []) => Math.max(0, ...values.map((each) => each ?? 0))

const read: readonly ((sample: MetricsSample) => number)[] = [
  (sample) => sample.events_per_second,
  (sample) => sample.active_rooms,
  (sample) => sample.connected_clients,
  (sample) => sample.federation_in_per_second + sample.federation_out_per_second,
  (sample) => sample.longest_stall_ms,
  (sample) => sample.federation_in_per_second,
  (sample) => sample.federation_out_per_second,
]

export function ServerNumbers() {
  const { latest, samples } = useStore(useDashboard().metrics)
  const since = (samples.at(-1)?.ts ?? 0) - minuteMs
  const { times, values } = useMemo(() => columnsOf(samples, read, since), [samples, since])
  const [events = [], rooms = [], clients = [], federation = [], stalls = [], incoming, outgoing] = values
  const has = samples.length > 0
  const longest = most(stalls)
  const tone = longest >= stall.badMs ? 'bad' : longest >= stall.warnMs ? 'warn' : 'plain'
  const minute = t('live.big.lastMinute')
  return (
    <dl className={styles.numbers}>
      <BigNumber
        label={t('live.big.events')}
        value={has ? whole(sum(events)) : undefined}
        note={t('live.big.peak', { value: perSecond(most(events)) })}
        {...{ times, values: events, format: perSecond }}
      />
      <BigNumber
        label={t('live.big.rooms')}
        value={has ? whole(most(rooms)) : undefined}
        note={t('live.big.atOnce')}
        {...{ times, values: rooms, format: whole }}
      />
      <BigNumber
        label={t('live.big.clients')}
        value={latest && whole(latest.connected_clients)}
        note={latest ? t('live.subscriptions.channels', { count: latest.live_channels }) : minute}
        {...{ times, values: clients, format: whole }}
      />
      <BigNumber
        label={t('live.big.federation')}
        value={has ? whole(sum(federation)) : undefined}
        note={t('live.big.inOut', { incoming: whole(sum(incoming)), outgoing: whole(sum(outgoing)) })}
        {...{ times, values: federation, format: perSecond }}
      />
      <BigNumber
        label={t('live.big.stall')}
        value={has ? span(longest) : undefined}
        note={minute}
        {...{ times, values: stalls, format: span, tone, atLeast: 50 }}
      />
    </dl>
  )
}

export function OwnNumbers() {
  const { ownPace, activity, subscriptions } = useDashboard()
  const samples = useStore(ownPace)
  const busy = useStore(activity.store).length
  const rows = [...(useStore(subscriptions)?.values() ?? [])]
  const since = (samples.at(-1)?.ts ?? 0) - minuteMs
  const { times, values } = useMemo(() => {
    const shown = samples.filter(({ ts }) => ts >= since)
    return { times: shown.map(({ ts }) => ts / 1_000), values: shown.map((sample) => sample.perSecond) }
  }, [samples, since])
  const delay = Math.max(0, ...rows.map(({ delay_p50_ms }) => delay_p50_ms))
  return (
    <>
      <dl className={styles.numbers}>
        <BigNumber
          label={t('live.big.ownEvents')}
          value={samples.length > 0 ? whole(sum(values)) : undefined}
          note={t('live.big.peak', { value: perSecond(most(values)) })}
          {...{ times, values, format: perSecond }}
        />
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
