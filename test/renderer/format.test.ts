/** Every number from the wire can be shown: a test of what other people's servers may send. */
import { describe, expect, test } from 'vitest'
import {
  dayOf,
  formatAgo,
  formatBriefly,
  formatBytes,
  formatDateTime,
  formatDay,
  formatSpan,
  formatTime,
  formatTimeShort,
  isoTimeOf,
} from '../../renderer/i18n/format.js'

const impossible = [8.64e15 + 1, -8.64e15 - 1, Number.MAX_SAFE_INTEGER, Number.NaN, Infinity, -Infinity, 1.5]
const odd = [...impossible, 'soon', null, undefined, {}, [], true] as number[]

describe.each([
  ['time', formatTime],
  ['short time', formatTimeShort],
  ['date and time', formatDateTime],
  ['day', formatDay],
  ['brief date', formatBriefly],
  ['distance', formatAgo],
  ['span', formatSpan],
  ['size', formatBytes],
  ['ISO time', isoTimeOf],
  ['number of a day', dayOf],
])('a %s', (_name, format: (value: number) => string | number) => {
  test.each(odd.map((value) => [value]))('of %o is something to show', (value) => {
    expect(String(format(value))).not.toMatch(/^$|NaN|undefined|Invalid/)
  })
})

test('times that can be are not moved', () => {
  expect(isoTimeOf(1_795_000_000_000)).toBe(new Date(1_795_000_000_000).toISOString())
})
