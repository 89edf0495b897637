/**
 * A few lanes for heavy work, shared out among the parties that want it.
 *
 * No party has all lanes, so that somebody who comes alone need not wait until another's work is done; and of those who
 * wait, the party goes first that has least under way and was served longest ago. What nobody waits for any more is not
 * begun.
 */
import { MatrixError } from './errors.js'

export type FairLanes = {
  /** @throws MatrixError 429 where too much of this party waits already */
  run<Result>(party: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result>
}

/** What whoever has gone away is told; the code is that of Node's own aborted reads. */
export const givenUp = () => Object.assign(new Error('nobody waits for it any more'), { code: 'ABORT_ERR' })

type Waiting = { begin: () => void }
/** `served`: when work of it was begun last, counted. */
type Party = { running: number; served: number; waiting: Set<Waiting> }

const goesBefore = (one: Party, other: Party | undefined) =>
  other === undefined || one.running < other.running || (one.running === other.running && one.served < other.served)

/** @param tooMany the sentence for a party of whose work too much waits */
export function makeFairLanes(
  limits: { atOnce: number; perParty: number; waitingPerParty: number },
  tooMany: string,
): FairLanes {
  const parties = new Map<string, Party>()
  let running = 0
  let begun = 0

  function next(): void {
    while (running < limits.atOnce) {
      let chosen: Party | undefined
      for (const party of parties.values())
        if (party.waiting.size > 0 && party.running < limits.perParty && goesBefore(party, chosen)) chosen = party
      if (!chosen) return
      const [first] = chosen.waiting
      chosen.waiting.delete(first!)
      chosen.running += 1
      chosen.served = ++begun
      running += 1
      first!.begin()
    }
  }

  function done(name: string, party: Party): void {
    running -= 1
    party.running -= 1
    if (party.running === 0 && party.waiting.size === 0) parties.delete(name)
    next()
  }

  function enter(name: string, signal: AbortSignal): Promise<Party> {
    const party = parties.get(name) ?? { running: 0, served: 0, waiting: new Set() }
    parties.set(name, party)
    if (party.waiting.size >= limits.waitingPerParty)
      throw new MatrixError(429, 'M_LIMIT_EXCEEDED', tooMany, {
        retry_after_ms: 2_000,
      })
    return new Promise((resolve, reject) => {
      const leave = () => {
        party.waiting.delete(place)
        if (party.running === 0 && party.waiting.size === 0 && parties.get(name) === party) parties.delete(name)
        reject(givenUp())
      }
      const place = {
        begin() {
          signal.removeEventListener('abort', leave)
          resolve(party)
        },
      }
      if (signal.aborted) return leave()
      signal.addEventListener('abort', leave, { once: true })
      party.waiting.add(place)
      next()
    })
  }

  return {
    async run(name, signal, work) {
      const party = await enter(name, signal)
      try {
        return await work()
      } finally {
        done(name, party)
      }
    },
  }
}
