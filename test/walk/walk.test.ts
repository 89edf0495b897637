/**
 * A random walk through sending, receiving, redacting, commits that fail, rooms that are forgotten and restarts; after
 * each run memory, database, /sync and the live rows must say the same.
 *
 * `npm run test:walk -- --seconds N [--seed S]` walks longer, or again; a failure names its seed.
 */
import { expect } from 'vitest'
import { compare } from './compare.js'
import { makeRandom } from './random.js'
import { type Memory, steps } from './steps.js'
import { walkFor } from './walk-for.js'
import { makeWorld } from './world.js'

const runsPerWalk = 12

/** One database from its first event on. */
async function walk(seed: number, until: number): Promise<number> {
  const random = makeRandom(seed)
  await using world = await makeWorld(random)
  const memory: Memory = { views: [], held: [], acknowledged: new Map(), words: 0 }
  let runs = 0
  for (; runs < runsPerWalk && performance.now() < until; runs++) {
    world.weather.isCalm = random.chance(0.2)
    const going: Promise<unknown>[] = []
    for (let left = 5 + random.integer(25); left > 0; left--) {
      const step = random.pick(steps)(world, random, memory, random.pick(world.roomIds))
      going.push(step.catch((error: unknown) => error)) // refusals and failures on purpose are part of it
      if (random.chance(0.4)) await Promise.race([going.at(-1), new Promise((resolve) => setTimeout(resolve, 5))])
    }
    const faults = (await Promise.all(going)).filter((outcome) => outcome instanceof Error && !isExpected(outcome))
    expect(faults).toEqual([])
    world.weather.isCalm = true
    if (random.chance(0.3)) await world.restart()
    for (const roomId of world.roomIds) await compare(world, memory, roomId)
  }
  return runs
}

/** What users and other servers are refused, and what failed on purpose. */
const isExpected = (error: Error) => 'errcode' in error || /on purpose|not executed/.test(error.message)

walkFor({ shows: 'all that is kept of a room says the same', seconds: 35, graceSeconds: 120, walk })
