/** The order of history that another server tells, and how far it leads down from what is open. */
import { expect, test } from 'vitest'
import type { PduEvent } from '../../../server/events/pdu.js'
import type { EventId } from '../../../server/kernel/identifiers.js'
import { inHistoryOrder, reachedFrom } from '../../../server/rooms/history-order.js'

const event = (eventId: string, depth: number, ...prev: string[]) =>
  ({ eventId, pdu: { depth, origin_server_ts: depth, prev_events: prev } }) as unknown as PduEvent
const ids = (events: readonly PduEvent[]) => events.map(({ eventId }) => eventId)
const mapOf = (...events: PduEvent[]) => new Map(events.map((each) => [each.eventId, each]))

test('each comes after those it stands on, whatever depth it claims', () => {
  const [a, b, c] = [event('a', 90), event('b', 5, 'a'), event('c', 6, 'b')]
  expect(ids(inHistoryOrder([c, a, b]))).toEqual(['a', 'b', 'c'])
})

test('branches are ordered by depth, and a circle does not hang', () => {
  const [a, left, right, top] = [event('a', 1), event('l', 2, 'a'), event('r', 3, 'a'), event('t', 4, 'l', 'r')]
  expect(ids(inHistoryOrder([top, right, left, a]))).toEqual(['a', 'l', 'r', 't'])
  expect(ids(inHistoryOrder([event('x', 1, 'y'), event('y', 2, 'x')])).sort()).toEqual(['x', 'y'])
})

test('only what leads down from the ends is reached; what it stands on and does not come is open', () => {
  const [a, b, stray] = [event('a', 1, 'below'), event('b', 2, 'a'), event('stray', 9, 'elsewhere')]
  const { reached, open } = reachedFrom(['b' as EventId], mapOf(a, b, stray), new Map())
  expect(ids(reached)).toEqual(['b', 'a'])
  expect(open).toEqual(['below'])
})

test('the way goes on behind what is passed over, and ends at what nobody has', () => {
  const passedOver = new Map([
    ['bad', ['a']],
    ['gone', []],
  ]) as unknown as ReadonlyMap<EventId, readonly EventId[]>
  const { reached, open } = reachedFrom(['bad', 'gone'] as EventId[], mapOf(event('a', 1, 'below')), passedOver)
  expect(ids(reached)).toEqual(['a'])
  expect(open).toEqual(['below'])
})
