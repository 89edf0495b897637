/** A titled chart with its exact values: of the newest sample, or of the one under the pointer. */
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react'
import { formatTimeWithSeconds } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { columnsOf, type MetricsSample } from '../../../live/server-metrics.js'
import { Tip } from '../../../ui/tip.js'
import styles from './chart.module.css'

export const TimeChart = lazy(() => import('./time-chart.js'))

type Line = { label: string; read: (sample: MetricsSample) => number }

type ChartCardProps = {
  title: string
  samples: readonly MetricsSample[]
  /** How much time is shown, up to the newest sample. */
  spanSeconds: number
  lines: readonly Line[]
  format: (value: number) => string
  formatAxis?: (value: number) => string
  atLeast?: number
  height?: number
  /** More facts under the chart. */
  note?: ReactNode
}

const dashes = ['', '5 4', '1 3']

export function ChartCard(props: ChartCardProps) {
  const { title, samples, spanSeconds, lines, format, formatAxis, atLeast, height = 112, note } = props
  const [hovered, setHovered] = useState<number>()
  // The readers are written anew at each drawing but never differ.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the samples change
  const { times, values } = useMemo(
    () =>
      columnsOf(
        samples,
        lines.map(({ read }) => read),
        (samples.at(-1)?.ts ?? 0) - spanSeconds * 1_000,
      ),
    [samples, spanSeconds],
  )
  const at = hovered !== undefined && hovered < times.length ? hovered : times.length - 1
  const readout = lines.map(({ label }, index) => {
    const value = values[index]?.[at]
    return `${label} ${value === undefined || value === null ? '–' : format(value)}`
  })
  return (
    <section className={styles.card} aria-label={title}>
      <header className={styles.head}>
        <Tip text={t('live.chart.hint')} side="top">
          <h2>{title}</h2>
        </Tip>
        <p className={styles.readout}>
          {hovered !== undefined && times[at] !== undefined && <time>{formatTimeWithSeconds(times[at] * 1_000)}</time>}
          {readout.map((text, index) => (
            <span key={lines[index]!.label} className={styles.key}>
              {lines.length > 1 && <LineKey dash={dashes[index] ?? ''} />}
              {text}
            </span>
          ))}
        </p>
      </header>
      <Suspense fallback={<div style={{ height }} />}>
        <TimeChart
          label={t('live.chart.about', { label: title, now: readout.join(', ') })}
          times={times}
          values={values}
          spanSeconds={spanSeconds}
          height={height}
          {...(atLeast === undefined ? {} : { atLeast })}
          {...(formatAxis ? { formatAxis } : {})}
          onHover={setHovered}
        />
      </Suspense>
      {note && <p className={styles.note}>{note}</p>}
    </section>
  )
}

const LineKey = ({ dash }: { dash: string }) => (
  <svg width="16" height="8" viewBox="0 0 16 8" aria-hidden="true">
    <path d="M0 4h16" stroke="currentColor" strokeWidth="1.5" strokeDasharray={dash} />
  </svg>
)
