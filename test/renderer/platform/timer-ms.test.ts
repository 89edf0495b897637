import { expect, test } from 'vitest'
import { timerMs } from '../../../renderer/platform/timer-ms.js'

test.each([
  [5_000, 5_000],
  [-1, 0],
  [2 ** 31, 2 ** 31 - 1],
  [1e300, 2 ** 31 - 1],
])('a wait of %d ms is a timer of %d ms, never one that runs at once', (ms, timer) => {
  expect(timerMs(ms)).toBe(timer)
})
