/** Queues that deliver in order: what they hold, how they repeat, and that they do not hold each other up. */
import { describe, expect, test, vi } from 'vitest'
import { Backlog, type Queued } from '../../../server/delivery/backlog.js'
import { type Batch, makeDeliveryQueue, type Passengers } from '../../../server/delivery/delivery-queue.js'
import { makeSlots, type TakeSlot } from '../../../server/delivery/slots.js'
import { silentLogger } from '../../support/database.js'
import { type FakeClock, fakeClock } from '../../support/fake-clock.js'

type Item = Queued & { key: string }
type Answer = 'taken' | 'refused' | Promise<unknown>

const nobody: Passengers<undefined> = {
  mayHaveSome: false,
  areCrowded: false,
  isSome: () => false,
  positionsOf: () => [],
  board: async () => undefined,
  arrived: async () => undefined,
  delayed: async () => undefined,
  rest: async () => undefined,
}

/** One destination with its own disk, which answers as it is told. */
function makeDestination(clock: FakeClock, takeSlot: TakeSlot = async () => () => undefined) {
  let rows: Item[] = []
  let retryAt = 0
  const closing = new AbortController()
  const batches: { id: string; positions: number[] }[] = []
  const state = { answer: 'taken' as Answer, loads: 0, removals: 0, idle: 0, removeFails: false }
  const backlog = new Backlog<Item>(
    {
      async load(after, limit) {
        state.loads++
        return rows.filter(({ position }) => position > after).slice(0, limit)
      },
      async remove(items) {
        state.removals++
        if (state.removeFails) throw new Error('the disk')
        rows = rows.filter((row) => !items.some(({ position }) => position === row.position))
      },
    },
    { maxInMemory: 50, mayHaveRows: true },
  )
  let lastId = 0
  const queue = makeDeliveryQueue<Item, undefined>({
    clock,
    log: silentLogger,
    backlog,
    passengers: nobody,
    maxItems: 10,
    newBatchId: () => `b${++lastId}`,
    async send({ id, items }: Batch<Item, undefined>) {
      batches.push({ id, positions: items.map(({ position }) => position) })
      if (state.answer === 'refused') throw new Error('refused')
      if (state.answer !== 'taken') await state.answer
      retryAt = 0
    },
    failed: () => {
      retryAt = clock.now() + 60_000
    },
    retryAt: () => retryAt,
    isFailing: () => retryAt > 0,
    takeSlot,
    thinning: { above: 100, keyOf: ({ key }) => key },
    closing: closing.signal,
    changed: () => undefined,
    idle: () => void state.idle++,
  })
  return {
    queue,
    state,
    batches,
    close: () => {
      closing.abort()
      return queue.settle()
    },
    get rows() {
      return rows.map(({ position }) => position)
    },
    /** Makes durable without telling the queue, as an earlier run did. */
    write(from: number, to: number) {
      for (let position = from; position <= to; position++) rows.push({ position, key: `k${position % 3}` })
    },
    push(from: number, to: number) {
      for (let position = from; position <= to; position++) {
        rows.push({ position, key: `k${position % 3}` })
        queue.add(rows.at(-1)!)
      }
    },
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5))
const sent = ({ batches }: { batches: { positions: number[] }[] }) => batches.flatMap(({ positions }) => positions)
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

describe('a delivery queue', () => {
  test('what an earlier run left goes first, in order, and is deleted when it was taken', async () => {
    const peer = makeDestination(fakeClock())
    peer.write(1, 25)
    peer.push(26, 30)
    await vi.waitFor(() => expect(peer.rows).toEqual([]))
    expect(sent(peer)).toEqual(upTo(30))
    expect(peer.queue.isIdle).toBe(true)
  })

  test('a batch that failed is repeated under its name with the same items; what came later goes after it', async () => {
    const clock = fakeClock()
    const peer = makeDestination(clock)
    peer.state.answer = 'refused'
    peer.push(1, 3)
    await vi.waitFor(() => expect(peer.batches.length).toBe(1))
    await settled()
    peer.push(4, 5)
    peer.state.answer = 'taken'
    clock.advance(60_000)
    await vi.waitFor(() => expect(peer.rows).toEqual([]))
    const [first, second, third] = peer.batches
    expect(second).toEqual(first)
    expect(sent({ batches: [second!, third!] })).toEqual(upTo(5))
    expect(third!.id).not.toBe(first!.id)
  })

  test('what was taken but could not be deleted is not sent again; it is deleted before anything else is sent', async () => {
    const clock = fakeClock()
    const peer = makeDestination(clock)
    peer.state.removeFails = true
    peer.push(1, 1)
    await vi.waitFor(() => expect(peer.state.removals).toBe(1))
    await settled()
    peer.push(2, 2)
    await settled()
    expect(sent(peer)).toEqual([1])
    peer.state.removeFails = false
    clock.advance(30_000)
    await vi.waitFor(() => expect(peer.rows).toEqual([]))
    expect(sent(peer)).toEqual([1, 2])
  })

  test('while the destination is away nothing is held in memory, and nothing is done', async () => {
    const clock = fakeClock()
    const peer = makeDestination(clock)
    peer.state.answer = 'refused'
    peer.push(1, 20)
    await vi.waitFor(() => expect(peer.batches.length).toBe(1))
    await settled()
    peer.push(21, 60)
    await settled()
    const { loads } = peer.state
    expect([peer.queue.inMemory, peer.queue.length, clock.timers]).toEqual([0, 60, 1])
    clock.advance(59_000)
    await settled()
    expect([peer.batches.length, peer.state.loads]).toEqual([1, loads])
  })

  test('too long a backlog of a destination that is away becomes the newest of each key', async () => {
    const clock = fakeClock()
    const peer = makeDestination(clock)
    peer.state.answer = 'refused'
    peer.push(1, 1)
    await vi.waitFor(() => expect(peer.batches.length).toBe(1))
    await settled()
    peer.push(2, 101)
    await vi.waitFor(() => expect(peer.rows).toEqual([99, 100, 101]))
    peer.state.answer = 'taken'
    clock.advance(60_000)
    await vi.waitFor(() => expect(peer.rows).toEqual([]))
    expect(sent({ batches: peer.batches.slice(1) })).toEqual([99, 100, 101])
    expect(peer.batches[1]!.id).not.toBe(peer.batches[0]!.id)
  })

  test('a burst to a destination that answers is sent whole', async () => {
    const peer = makeDestination(fakeClock())
    let open!: () => void
    peer.state.answer = new Promise<void>((resolve) => {
      open = resolve
    })
    peer.push(1, 500)
    await settled()
    open()
    await vi.waitFor(() => expect(peer.rows).toEqual([]))
    expect(sent(peer)).toEqual(upTo(500))
  })

  test('closing between sending and deleting keeps what was not answered', async () => {
    const peer = makeDestination(fakeClock())
    let refuse!: (error: Error) => void
    peer.state.answer = new Promise((_resolve, reject) => {
      refuse = reject
    })
    peer.push(1, 3)
    await vi.waitFor(() => expect(peer.batches.length).toBe(1))
    const closed = peer.close()
    refuse(new Error('aborted'))
    await closed
    expect(peer.rows).toEqual([1, 2, 3])
  })
})

describe('many destinations', () => {
  test('a thousand dead ones with ninety rows each hold nothing, and one timer each', async () => {
    const clock = fakeClock()
    const takeSlot = makeSlots(clock, { healthy: 30, failing: 10, passOnAfterMs: 2_000 })
    const peers = Array.from({ length: 1000 }, () => {
      const peer = makeDestination(clock, takeSlot)
      peer.state.answer = 'refused'
      peer.write(1, 90)
      peer.queue.wake()
      return peer
    })
    await vi.waitFor(() => expect(peers.every(({ batches }) => batches.length === 1)).toBe(true), { timeout: 10_000 })
    await settled()
    expect(peers.reduce((sum, { queue }) => sum + queue.inMemory, 0)).toBe(0)
    expect(clock.timers).toBe(1000)
  })

  test('those that hang do not keep the others waiting', async () => {
    const clock = fakeClock()
    const takeSlot = makeSlots(clock, { healthy: 3, failing: 1, passOnAfterMs: 2_000 })
    const hanging = Array.from({ length: 6 }, () => {
      const peer = makeDestination(clock, takeSlot)
      peer.state.answer = new Promise(() => undefined)
      peer.push(1, 1)
      return peer
    })
    await vi.waitFor(() => expect(hanging.filter(({ batches }) => batches.length > 0).length).toBe(3))
    const well = makeDestination(clock, takeSlot)
    well.push(1, 1)
    await settled()
    expect(sent(well)).toEqual([])
    clock.advance(2_000) // the three pass their slots on, to the other three
    await settled()
    clock.advance(2_000)
    await vi.waitFor(() => expect(well.rows).toEqual([]))
  })

  test('those that failed wait for each other, not for those that are well', async () => {
    const clock = fakeClock()
    const takeSlot = makeSlots(clock, { healthy: 1, failing: 1, passOnAfterMs: 2_000 })
    const [dead, alsoDead, well] = [0, 1, 2].map(() => makeDestination(clock, takeSlot)) as [
      ReturnType<typeof makeDestination>,
      ReturnType<typeof makeDestination>,
      ReturnType<typeof makeDestination>,
    ]
    for (const peer of [dead, alsoDead]) {
      peer.state.answer = 'refused'
      peer.push(1, 1)
    }
    await vi.waitFor(() => expect(alsoDead.batches.length).toBe(1))
    await settled()
    for (const peer of [dead, alsoDead]) peer.state.answer = new Promise(() => undefined)
    clock.advance(60_000)
    await vi.waitFor(() => expect(dead.batches.length + alsoDead.batches.length).toBe(3))
    well.push(1, 1)
    await vi.waitFor(() => expect(well.rows).toEqual([]))
  })
})
