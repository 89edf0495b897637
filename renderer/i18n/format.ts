/**
 * Dates, times, numbers and sizes as the user's language writes them. Times are ms since the epoch.
 *
 * Times and sizes come from other people's servers, so every function here is total: what no date or number can
 * be is shown as the nearest that can, and nothing throws while a window is drawn.
 */
import { isolate } from './bidi.js'
import { currentLocale, t } from './index.js'

/** The last moment a Date can hold, either side of the epoch. */
const farthest = 8.64e15

/** Any value as a time: what is no number is the epoch, what lies beyond all dates is the last one. */
export const timeOf = (value: unknown): number =>
  typeof value === 'number' && !Number.isNaN(value) ? Math.max(-farthest, Math.min(farthest, Math.trunc(value))) : 0

const countOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)

/** For `<time dateTime>`. */
export const isoTimeOf = (ts: number): string => new Date(timeOf(ts)).toISOString()

const formats = new Map<string, Intl.DateTimeFormat>()

/** Making a DateTimeFormat costs 50 µs and more; a timeline asks for hundreds. */
function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = currentLocale() + JSON.stringify(options)
  const made = formats.get(key) ?? new Intl.DateTimeFormat(currentLocale(), options)
  formats.set(key, made)
  return made
}

export const formatTime = (ts: number) => dateFormat({ hour: 'numeric', minute: '2-digit' }).format(timeOf(ts))

/** Without AM and PM, for a narrow column beside a full time. */
export const formatTimeShort = (ts: number) =>
  dateFormat({ hour: 'numeric', minute: '2-digit' })
    .formatToParts(timeOf(ts))
    .filter(({ type }) => type !== 'dayPeriod')
    .map(({ value }) => value)
    .join('')
    .trim()

export const formatTimeWithSeconds = (ts: number) =>
  dateFormat({ hour: 'numeric', minute: '2-digit', second: '2-digit' }).format(timeOf(ts))
export const formatDateTime = (ts: number) => dateFormat({ dateStyle: 'medium', timeStyle: 'short' }).format(timeOf(ts))

/** Local calendar day as a number that sorts: 20261122. */
export function dayOf(ts: number): number {
  const date = new Date(timeOf(ts))
  return date.getFullYear() * 10_000 + (date.getMonth() + 1) * 100 + date.getDate()
}

/** "Today", "Yesterday", a weekday within the last six days, else the date; the year only where it differs. */
export function formatDay(at: number, now = Date.now()): string {
  const ts = timeOf(at)
  const day = dayOf(ts)
  if (day === dayOf(now)) return t('time.today')
  if (day === dayOf(now - 86_400_000)) return t('time.yesterday')
  if (now - ts < 6 * 86_400_000 && ts < now) return dateFormat({ weekday: 'long' }).format(ts)
  const isThisYear = new Date(ts).getFullYear() === new Date(now).getFullYear()
  return dateFormat({ day: 'numeric', month: 'long', ...(isThisYear ? {} : { year: 'numeric' }) }).format(ts)
}

/** Short: a time today, "Yesterday", a weekday this week, else a short date. For the room list. */
export function formatBriefly(at: number, now = Date.now()): string {
  const ts = timeOf(at)
  const day = dayOf(ts)
  if (day === dayOf(now)) return formatTime(ts)
  if (day === dayOf(now - 86_400_000)) return t('time.yesterday')
  if (now - ts < 6 * 86_400_000 && ts < now) return dateFormat({ weekday: 'short' }).format(ts)
  const isThisYear = new Date(ts).getFullYear() === new Date(now).getFullYear()
  return dateFormat({ day: 'numeric', month: 'short', ...(isThisYear ? {} : { year: '2-digit' }) }).format(ts)
}

export const formatNumber = (value: number, options: Intl.NumberFormatOptions = {}) =>
  new Intl.NumberFormat(currentLocale(), options).format(value)

/** 1 kB = 1000 bytes, as disks and networks count. */
export function formatBytes(size: number): string {
  const bytes = Math.max(0, countOf(size))
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const unit = units[step]!
  return formatNumber(bytes / 1000 ** step, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: step > 1 ? 1 : 0,
  })
}

/** "3 minutes ago", "in 2 hours". */
export function formatAgo(ts: number, now = Date.now()): string {
  const seconds = Math.round((timeOf(ts) - now) / 1000)
  const relative = new Intl.RelativeTimeFormat(currentLocale(), { numeric: 'auto' })
  const abs = Math.abs(seconds)
  if (abs < 60) return relative.format(seconds, 'second')
  if (abs < 3600) return relative.format(Math.round(seconds / 60), 'minute')
  if (abs < 86_400) return relative.format(Math.round(seconds / 3600), 'hour')
  return relative.format(Math.round(seconds / 86_400), 'day')
}

/** A span such as an uptime: "3 d 4 h", "12 min 5 s". */
export function formatSpan(ms: number): string {
  const seconds = Math.floor(countOf(ms) / 1000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'day'],
    [Math.floor(seconds / 3600) % 24, 'hour'],
    [Math.floor(seconds / 60) % 60, 'minute'],
    [seconds % 60, 'second'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first < 0 ? 3 : first, (first < 0 ? 3 : first) + 2)
    .map(([count, unit]) => formatNumber(count, { style: 'unit', unit, unitDisplay: 'short' }))
    .join(' ')
}

/** "Ana, Bo and 3 others" as the language joins names. */
export function formatList(names: string[]): string {
  return new Intl.ListFormat(currentLocale(), { type: 'conjunction' }).format(names.map(isolate))
}
