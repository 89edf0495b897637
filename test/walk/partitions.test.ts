/**
 * A random walk of three servers over TLS that are away at times, leave the room and come back, while all go on changing
 * it: when all are there again they hold one state, and whoever is in the room can page to all that was said.
 *
 * `npm run test:walk -- --seconds N [--seed S]` walks longer, or again; a failure names its seed.
 */
import { expect } from 'vitest'
import { makeIslands } from './partitions.js'
import { makeRandom } from './random.js'
import { walkFor } from './walk-for.js'

async function walk(seed: number, until: number): Promise<number> {
  const random = makeRandom(seed)
  await using islands = await makeIslands(random)
  let runs = 0
  do {
    if (random.chance(0.15)) await islands.missMuch()
    else if (random.chance(0.7)) await islands.missSome()
    const going: Promise<unknown>[] = []
    for (let left = 15 + random.integer(25); left > 0; left--) {
      const step = islands.step().catch((error: unknown) => error) // refusals are part of it
      going.push(step)
      if (random.chance(0.7)) await step
    }
    const faults = (await Promise.all(going)).filter((outcome) => outcome instanceof Error && !('errcode' in outcome))
    expect(faults).toEqual([])
    await islands.heal()
    await islands.compare()
    runs++
  } while (runs < 4 && performance.now() < until)
  return runs
}

walkFor({ shows: 'servers that were apart come to one state and one history', seconds: 25, graceSeconds: 240, walk })
