/**
 * A chart over time on uPlot, loaded when the first one is shown. Values are drawn in ink, not in colour: colour
 * means something here. Null values are gaps and stay gaps.
 */
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { formatNumber, formatTime, formatTimeWithSeconds } from '../../../i18n/format.js'
import styles from './chart.module.css'

export type TimeChartProps = {
  /** Read instead of the drawing. */
  label: string
  /** Seconds since the epoch, ascending. */
  times: readonly number[]
  /** One list per line; the second is dashed, the third dotted. */
  values: readonly (readonly (number | null)[])[]
  /** How much time is shown, up to the newest sample. */
  spanSeconds: number
  height: number
  /** No axes, no zoom. */
  isSpark?: boolean
  /** The top of the scale is at least this. */
  atLeast?: number
  formatAxis?: (value: number) => string
  /** Index of the sample under the pointer; undefined when it left. */
  onHover: (index: number | undefined) => void
}

/** What the user dragged over, in seconds since the epoch. */
type Zoom = [from: number, to: number] | undefined

const dashes = [[], [5, 4], [1, 3]]

export default function TimeChart(props: TimeChartProps) {
  const holder = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot>(undefined)
  const latest = useRef(props)
  latest.current = props
  const zoom = useRef<Zoom>(undefined)
  const lines = props.values.length

  useEffect(() => {
    const element = holder.current
    if (!element) return
    const build = () => {
      chart.current?.destroy()
      zoom.current = undefined
      chart.current = makeChart(element, latest, zoom, lines)
    }
    build()
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth
      if (width > 0) chart.current?.setSize({ width, height: latest.current.height })
    })
    resized.observe(element)
    // The canvas knows no CSS variables: another theme is another chart.
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', build)
    const themed = new MutationObserver(build)
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    return () => {
      resized.disconnect()
      themed.disconnect()
      scheme.removeEventListener('change', build)
      chart.current?.destroy()
      chart.current = undefined
    }
  }, [lines])

  useEffect(() => {
    chart.current?.setData(dataOf(props.times, props.values))
  }, [props.times, props.values])

  return (
    <div ref={holder} className={styles.canvas} style={{ height: props.height }} role="img" aria-label={props.label} />
  )
}

const dataOf = (times: readonly number[], values: readonly (readonly (number | null)[])[]) =>
  [times, ...values] as uPlot.AlignedData

/** Colours as the element's CSS resolves them now. */
function inkOf(element: HTMLElement, variable: string): string {
  const probe = document.createElement('i')
  probe.style.color = `var(${variable})`
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

function makeChart(
  element: HTMLElement,
  latest: { current: TimeChartProps },
  zoom: { current: Zoom },
  lines: number,
): uPlot {
  const { isSpark = false, height, times, values } = latest.current
  const ink = inkOf(element, isSpark ? '--text-3' : '--text-2')
  const label = inkOf(element, '--text-3')
  const rule = inkOf(element, '--border')
  const wash = inkOf(element, '--surface-2')
  const font = `12px ${getComputedStyle(element).fontFamily}`
  const axis = { stroke: label, font, ticks: { show: false }, grid: { stroke: rule, width: 1 } }
  const spanEnd = () => latest.current.times.at(-1) ?? Date.now() / 1_000

  return new uPlot(
    {
      width: Math.max(1, element.clientWidth),
      height,
      legend: { show: false },
      padding: isSpark ? [3, 3, 3, 3] : [6, 8, 0, 0],
      cursor: {
        x: !isSpark,
        y: false,
        drag: { x: !isSpark, y: false, uni: 12 },
        points: { size: 6, width: 0, fill: ink },
        bind: {
          dblclick: (_, __, showAll) => (event) => {
            zoom.current = undefined
            return showAll(event)
          },
        },
      },
      scales: {
        x: {
          time: true,
          range: () => zoom.current ?? [spanEnd() - latest.current.spanSeconds, spanEnd()],
        },
        y: { range: (_, __, max) => [0, Math.max(latest.current.atLeast ?? 1, (max ?? 0) * 1.12)] },
      },
      axes: isSpark
        ? [{ show: false }, { show: false }]
        : [
            {
              ...axis,
              size: 24,
              space: 80,
              values: (_, splits, __, ___, step) =>
                splits.map((split) => (step < 60 ? formatTimeWithSeconds : formatTime)(split * 1_000)),
            },
            {
              ...axis,
              size: 52,
              gap: 6,
              space: 34,
              values: (_, splits) => splits.map((split) => (latest.current.formatAxis ?? formatNumber)(split)),
            },
          ],
      series: [
        {},
        ...Array.from({ length: lines }, (_, index) => ({
          stroke: ink,
          width: 1.5,
          dash: dashes[index] ?? [],
          spanGaps: false,
          points: { show: false },
          ...(index === 0 ? { fill: wash } : {}),
        })),
      ],
      hooks: {
        setCursor: [(self) => latest.current.onHover(self.cursor.idx ?? undefined)],
        setSelect: [
          (self) => {
            const { left, width } = self.select
            if (width > 0) zoom.current = [self.posToVal(left, 'x'), self.posToVal(left + width, 'x')]
          },
        ],
      },
    },
    dataOf(times, values),
    element,
  )
}
