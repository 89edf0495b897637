/**
 * A random walk of three servers over TLS that are away at times, leave the room and come back, while all go on changing
 * it: when all are there again they hold one state, and whoever is in the room can page to all that was said.
 *
 * `npm run test:walk -- --seconds N [--seed S]` walks longer, or again; a failure names its seed.
 */
import { expect, test } from 'vitest'
import { makeIslands } from './partitions.js'
import { makeRandom } from './random.js'

const seconds = Number(process.env.HEARTH_WALK_SECONDS ?? 25)
const given = process.env.HEARTH_WALK_SEED || undefined

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

test(
  `for ${seconds} s, servers that were apart come to one state and one history`,
  async () => {
    const until = performance.now() + seconds * 1_000
    let seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given)
    let runs = 0
    do {
      try {
        runs += await walk(seed, until)
      } catch (error) {
        throw new Error(`the walk of seed ${seed} failed: npm run test:walk -- --seed ${seed}`, { cause: error })
      }
      seed = (seed + 1) >>> 0
    } while (given === undefined && performance.now() < until)
    console.log(`${runs} runs`)
    expect(runs).toBeGreaterThan(0)
  },
  (seconds + 240) * 1_000,
)
