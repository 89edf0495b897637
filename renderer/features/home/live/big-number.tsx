/** One big number with the last minute behind it; hovering the line reads an exact value. */
import { Suspense, useState } from 'react'
import { formatTimeWithSeconds } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { Skeleton } from '../../../ui/bits.js'
import styles from './big-number.module.css'
import { TimeChart } from './chart-card.js'

type BigNumberProps = {
  label: string
  /** Seconds since the epoch. */
  times: readonly number[]
  /** One or two lines. */
  values: readonly (readonly (number | null)[])[]
  /** All lines' values at one time, as one text. */
  format: (values: readonly number[]) => string
  /** Shown instead of the newest sample. */
  now?: readonly number[]
  tone?: 'plain' | 'warn' | 'bad'
  atLeast?: number
}

const spanSeconds = 60

export function BigNumber({ label, times, values, format, now, tone = 'plain', atLeast }: BigNumberProps) {
  const [hovered, setHovered] = useState<number>()
  const at = (index: number) => values.map((list) => list[index] ?? undefined)
  const isWhole = (row: (number | undefined)[]): row is number[] => row.every((value) => value !== undefined)
  const newest = now ?? at(times.length - 1)
  const pointed = hovered === undefined ? undefined : at(hovered)
  const most = values.map((list) => Math.max(0, ...list.map((value) => value ?? 0)))
  const hasAny = times.length > 0 && isWhole([...newest])
  const text = hasAny ? format([...newest] as number[]) : undefined
  return (
    <div className={styles.card} data-tone={tone}>
      <dt className={styles.label}>{label}</dt>
      <dd className={styles.value}>{text ?? <Skeleton width={72} height={28} />}</dd>
      <dd className={styles.spark}>
        <Suspense fallback={<div style={{ height: 36 }} />}>
          <TimeChart
            label={
              text
                ? t('live.big.chart', { label, now: text, most: format(most) })
                : t('live.big.chartNothing', { label })
            }
            times={times}
            values={values}
            spanSeconds={spanSeconds}
            height={36}
            isSpark
            atLeast={atLeast ?? 1}
            onHover={setHovered}
          />
        </Suspense>
      </dd>
      <dd className={styles.caption}>
        {pointed && isWhole(pointed) && times[hovered!] !== undefined
          ? `${formatTimeWithSeconds(times[hovered!]! * 1_000)}  ${format(pointed)}`
          : hasAny
            ? t('live.big.mostLately', { value: format(most) })
            : t('live.big.lastMinute')}
      </dd>
    </div>
  )
}
