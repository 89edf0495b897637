/** Closing does not wait for ever. */
import { expect, test } from 'vitest'
import { closeInTime, closeWithinMs } from '../../server/close-in-time.js'
import { fakeClock } from '../support/fake-clock.js'

test('what takes too long is left behind, and that is said', async () => {
  const clock = fakeClock()
  let late = 0
  const closed = closeInTime(new Promise(() => {}), clock, () => {
    late += 1
  })

  clock.advance(closeWithinMs)
  await closed

  expect(late).toBe(1)
})

test('what closes in time is waited for, its error is passed on, and no timer is left', async () => {
  const clock = fakeClock()
  const never = () => expect.unreachable()
  await closeInTime(Promise.resolve(), clock, never)
  await closeInTime(undefined, clock, never)
  await expect(closeInTime(Promise.reject(new Error('broken')), clock, never)).rejects.toThrow('broken')

  expect(clock.timers).toBe(0)
})
