/** Work that several wait for, lanes that several want, senders that drip. */
import { describe, expect, test } from 'vitest'
import { makeFairLanes } from '../../../server/kernel/fair-lanes.js'
import { keepPace } from '../../../server/media/keep-pace.js'
import { makeShareWork } from '../../../server/media/shared-work.js'
import { fakeClock } from '../../support/fake-clock.js'

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Work that ends when it is told to. */
function heldWork() {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  return {
    begun,
    work: (name: string) => () =>
      new Promise<string>((resolve) => {
        begun.push(name)
        ends.set(name, () => resolve(name))
      }),
    async end(name: string) {
      ends.get(name)?.()
      await settled()
    },
  }
}

describe('shared work', () => {
  const make = () => {
    const share = makeShareWork<string>()
    const signals: AbortSignal[] = []
    let finish = (_result: string) => {}
    const work = (signal: AbortSignal) => {
      signals.push(signal)
      return new Promise<string>((resolve, reject) => {
        finish = resolve
        signal.addEventListener('abort', () => reject(new Error('given up')))
      })
    }
    const wait = () => {
      const controller = new AbortController()
      return { controller, result: share('file', controller.signal, work) }
    }
    return { signals, wait, finish: (result: string) => finish(result) }
  }

  test('goes on for the second when the first has gone away', async () => {
    const { signals, wait, finish } = make()
    const [first, second] = [wait(), wait()]
    first.controller.abort()
    await expect(first.result).rejects.toThrow()
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    finish('whole')
    expect(await second.result).toBe('whole')
  })

  test('is given up when the last has gone, and begun anew for whoever comes then', async () => {
    const { signals, wait, finish } = make()
    const [first, second] = [wait(), wait()]
    first.controller.abort()
    second.controller.abort()
    await expect(second.result).rejects.toThrow()
    expect(signals[0]!.aborted).toBe(true)
    const third = wait()
    expect(signals).toHaveLength(2)
    finish('again')
    expect(await third.result).toBe('again')
    await expect(first.result).rejects.toThrow()
  })
})

describe('lanes', () => {
  const never = new AbortController().signal
  const make = () => {
    const lanes = makeFairLanes({ atOnce: 2, perParty: 1, waitingPerParty: 3 }, 'Too much.')
    const held = heldWork()
    const ask = (name: string, signal = never) => lanes.run(name[0]!, signal, held.work(name))
    return { ...held, ask }
  }

  test('are not all one party’s: another comes in at once', async () => {
    const { begun, ask } = make()
    for (const name of ['a1', 'a2', 'a3']) void ask(name)
    void ask('b1')
    await settled()
    expect(begun).toEqual(['a1', 'b1'])
  })

  test('go in turn to the parties that wait, whoever asked most', async () => {
    const { begun, ask, end } = make()
    for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) void ask(name)
    await settled()
    await end('a1')
    await end('b1')
    await end('c1')
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'c2'])
  })

  test('what nobody waits for any more is not begun', async () => {
    const { begun, ask, end } = make()
    const controller = new AbortController()
    void ask('a1')
    const gone = ask('a2', controller.signal)
    void ask('a3')
    controller.abort()
    await expect(gone).rejects.toThrow()
    await end('a1')
    expect(begun).toEqual(['a1', 'a3'])
  })

  test('too much waiting of one party is refused, and does not count against another', async () => {
    const { ask } = make()
    for (const name of ['a1', 'a2', 'a3', 'a4']) void ask(name)
    await expect(ask('a5')).rejects.toMatchObject({ status: 429 })
    void ask('b1')
  })

  test('work that fails gives its lane back', async () => {
    const lanes = makeFairLanes({ atOnce: 1, perParty: 1, waitingPerParty: 3 }, 'Too much.')
    const fails = () => Promise.reject(new Error('broken'))
    await expect(lanes.run('a', never, fails)).rejects.toThrow('broken')
    expect(await lanes.run('b', never, async () => 'fine')).toBe('fine')
  })
})

describe('a transfer', () => {
  const pace = { graceMs: 10_000, bytesPerSecond: 100, atMostMs: 60_000 }

  test('that drips is given up after its grace', () => {
    const clock = fakeClock()
    const paced = keepPace(clock, pace)
    for (let second = 0; second < 10; second++) {
      paced.note(1)
      clock.advance(1_000)
    }
    expect(paced.signal.aborted).toBe(false)
    clock.advance(1_000)
    expect(paced.signal.aborted).toBe(true)
  })

  test('at the least rate goes on, until its deadline', () => {
    const clock = fakeClock()
    const paced = keepPace(clock, pace)
    for (let second = 0; second < 60; second++) {
      paced.note(100)
      clock.advance(1_000)
    }
    expect(paced.signal.aborted).toBe(false)
    paced.note(1_000_000)
    clock.advance(1_000)
    expect(paced.signal.aborted).toBe(true)
  })

  test('that has ended is not watched any more', () => {
    const clock = fakeClock()
    const paced = keepPace(clock, pace)
    paced.end()
    clock.advance(120_000)
    expect([paced.signal.aborted, clock.timers]).toEqual([false, 0])
  })
})
