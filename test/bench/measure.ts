/** Medians, percentiles, and what the server says of itself. */
import { request } from 'undici'

export type Summary = { p50: number; p99: number; max: number; n: number }

const round = (value: number, digits = 2) => Number(value.toFixed(digits))

export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN)
  return { p50: at(0.5), p99: at(0.99), max: round(sorted.at(-1) ?? Number.NaN), n: sorted.length }
}

/** Median of several runs' figures. */
export const median = (values: readonly number[]): number =>
  round([...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN)

export async function timed<T>(work: () => Promise<T>): Promise<[ms: number, T]> {
  const start = performance.now()
  const result = await work()
  return [performance.now() - start, result]
}

/** Figures of `/metrics`, by name without labels. */
export async function readMetrics(url: string): Promise<Map<string, number>> {
  const { body } = await request(`${url}/metrics`)
  const figures = new Map<string, number>()
  for (const line of (await body.text()).split('\n')) {
    const match = /^([a-z_]+)(?:\{[^}]*\})? ([0-9.e+-]+)$/i.exec(line)
    if (match?.[1]) figures.set(match[1], (figures.get(match[1]) ?? 0) + Number(match[2]))
  }
  return figures
}

/** Runs `lanes` loops at once until the time is over. */
export async function loadFor(
  ms: number,
  lanes: number,
  work: (lane: number) => Promise<void>,
): Promise<{ done: number; seconds: number; times: number[] }> {
  const times: number[] = []
  const start = performance.now()
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      while (performance.now() - start < ms) {
        const began = performance.now()
        await work(lane)
        times.push(performance.now() - began)
      }
    }),
  )
  return { done: times.length, seconds: (performance.now() - start) / 1000, times }
}
