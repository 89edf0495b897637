/**
 * Work that several wait for is done once, for as long as anybody waits.
 *
 * Each may go away by themselves: who began it leaves the others what they wait for, and when the last has gone the
 * work is given up.
 */
import { givenUp } from '../kernel/fair-lanes.js'

export type ShareWork<Result> = (
  key: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
) => Promise<Result>

type Shared<Result> = { result: Promise<Result>; waiting: number; controller: AbortController }

export function makeShareWork<Result>(): ShareWork<Result> {
  const running = new Map<string, Shared<Result>>()

  function begin(key: string, work: (signal: AbortSignal) => Promise<Result>): Shared<Result> {
    const controller = new AbortController()
    const forget = () => {
      if (running.get(key) === shared) running.delete(key)
    }
    const shared = { result: work(controller.signal).finally(forget), waiting: 0, controller }
    shared.result.catch(() => {}) // told to those who wait; perhaps nobody does
    running.set(key, shared)
    return shared
  }

  return (key, signal, work) => {
    if (signal.aborted) return Promise.reject(givenUp())
    const shared = running.get(key) ?? begin(key, work)
    shared.waiting += 1
    return new Promise((resolve, reject) => {
      const leave = () => {
        shared.waiting -= 1
        if (shared.waiting === 0) {
          if (running.get(key) === shared) running.delete(key) // whoever comes now begins anew
          shared.controller.abort()
        }
        reject(givenUp())
      }
      signal.addEventListener('abort', leave, { once: true })
      shared.result.finally(() => signal.removeEventListener('abort', leave)).then(resolve, reject)
    })
  }
}
