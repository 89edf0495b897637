/** Medians, percentiles, loops, and what the server's process takes. */
import { readFileSync } from 'node:fs'
import { request } from 'undici'
import { metricsHeaders } from '../support/server-process.js'

export type Summary = { p50: number; p99: number; max: number; n: number }

export const round = (value: number, digits = 2) => Number(value.toFixed(digits))
export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

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

/** CPU time of a process so far in milliseconds, user and system; in steps of ten. */
export function readCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

export function readRssMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024)
}

/** Samples a figure until it is told to stop; gives the largest. */
export function watchPeak(read: () => number): () => number {
  let peak = read()
  const timer = setInterval(() => {
    peak = Math.max(peak, read())
  }, 200)
  return () => {
    clearInterval(timer)
    return peak
  }
}

/** The longest time since the last reading in which the server's event loop did nothing else. */
export async function readStallMs(url: string): Promise<number> {
  const { body } = await request(`${url}/metrics`, { headers: metricsHeaders })
  const found = /^hearth_event_loop_longest_stall_ms ([0-9.e+-]+)$/m.exec(await body.text())
  return Math.round(Number(found?.[1] ?? Number.NaN))
}

/** Runs `lanes` loops at once until the time is over. */
export async function loadFor(
  ms: number,
  lanes: number,
  work: (lane: number) => Promise<unknown>,
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

/** Does `work` for every item, so many at once. */
export async function forEachOf<Item>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (next < items.length) await work(items[next++]!)
    }),
  )
}
