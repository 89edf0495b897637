/** Walks of one seed after the other for some time, or of the one that is given; a failure names its seed. */
import { expect, test } from 'vitest'

const given = process.env.HEARTH_WALK_SEED || undefined

type Options = {
  /** What is shown, as the test's name. */
  shows: string
  /** Where `npm run test:walk` does not say. */
  seconds: number
  /** How much longer a walk under way, and what it ends with, may take. */
  graceSeconds: number
  /** @returns how many runs it had until then */
  walk(seed: number, until: number): Promise<number>
}

export function walkFor({ shows, seconds: usual, graceSeconds, walk }: Options): void {
  const seconds = Number(process.env.HEARTH_WALK_SECONDS ?? usual)
  test(`for ${seconds} s, ${shows}`, { timeout: (seconds + graceSeconds) * 1_000 }, async () => {
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
  })
}
