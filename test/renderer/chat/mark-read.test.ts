/** Read markers: sent while a room is busy, per account, and again after a failure. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { markRead } from '../../../renderer/features/chat/mark-read.js'
import type { MatrixClient } from '../../../renderer/platform/matrix/client.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const client = (setReadMarkers = vi.fn(async () => undefined)) => ({
  setReadMarkers,
  matrix: { setReadMarkers } as unknown as MatrixClient,
})

test('in a room of two messages a second the marker goes out every second, with the newest', async () => {
  const { matrix, setReadMarkers } = client()
  for (let seq = 1; seq <= 20; seq++) {
    markRead(matrix, '!r', `$${seq}`, seq, false)
    await vi.advanceTimersByTimeAsync(500)
  }
  await vi.advanceTimersByTimeAsync(1_000)

  expect(setReadMarkers.mock.calls.length).toBeGreaterThanOrEqual(9)
  expect(setReadMarkers).toHaveBeenLastCalledWith('!r', '$20', false)
})

test('what one account has read says nothing about the next', async () => {
  const [ana, bo] = [client(), client()]
  markRead(ana.matrix, '!r', '$9', 9, false)
  markRead(bo.matrix, '!r', '$5', 5, false)
  await vi.advanceTimersByTimeAsync(1_000)

  expect(bo.setReadMarkers).toHaveBeenCalledWith('!r', '$5', false)
})

test('a marker that was refused is tried again, and none goes backwards', async () => {
  const { matrix, setReadMarkers } = client()
  setReadMarkers.mockRejectedValueOnce(new Error('the server does not answer'))
  markRead(matrix, '!r', '$5', 5, false)
  await vi.advanceTimersByTimeAsync(1_000)
  markRead(matrix, '!r', '$5', 5, false)
  await vi.advanceTimersByTimeAsync(1_000)
  markRead(matrix, '!r', '$4', 4, false)
  await vi.advanceTimersByTimeAsync(1_000)

  expect(setReadMarkers).toHaveBeenCalledTimes(2)
})
