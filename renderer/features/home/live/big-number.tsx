/** One big number with the last minute behind it; hovering the line reads an exact value. */
import { Suspense, useState } from 'react'
import { formatTimeWithSeconds } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { Skeleton } from '../../../ui/bits.js'
import styles from './big-number.module.css'
import { TimeChart } from './chart-card.js'

type BigNumberProps = {
  label: string
  /** Undefined while nothing is known. */
  value: string | undefined
  /** What the value is of, or a second fact. */
  note: string
  /** Seconds since the epoch. */
  times: readonly number[]
  values: readonly (number | null)[]
  /** A value of the line. */
  format: (value: number) => string
  tone?: 'plain' | 'warn' | 'bad'
  atLeast?: number
}

const spanSeconds = 60
const sparkHeight = 40

export function BigNumber({ label, value, note, times, values, format, tone = 'plain', atLeast }: BigNumberProps) {
  const [hovered, setHovered] = useState<number>()
  const most = Math.max(0, ...values.map((each) => each ?? 0))
  const pointed = hovered === undefined ? undefined : values[hovered]
  const pointedAt = hovered === undefined ? undefined : times[hovered]
  return (
    <div className={styles.card} data-tone={tone}>
      <dt className={styles.label}>{label}</dt>
      <dd className={styles.value}>{value ?? <Skeleton width={72} height={28} />}</dd>
      <dd className={styles.caption}>
        {pointed !== undefined && pointed !== null && pointedAt !== undefined
          ? `${formatTimeWithSeconds(pointedAt * 1_000)}  ${format(pointed)}`
          : note}
      </dd>
      <dd className={styles.spark}>
        <Suspense fallback={<div style={{ height: sparkHeight }} />}>
          <TimeChart
            label={
              value === undefined
                ? t('live.big.chartNothing', { label })
                : t('live.big.chart', { label, now: value, most: format(most) })
            }
            times={times}
            values={[values]}
            spanSeconds={spanSeconds}
            height={sparkHeight}
            isSpark
            atLeast={atLeast ?? 1}
            onHover={setHovered}
          />
        </Suspense>
      </dd>
    </div>
  )
}
