/** Bounds of sight against the spec's rule, over any history of memberships. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HistoryVisibility } from '../../../server/events/history-visibility.js'
import { boundsOf, isInSight, noBounds } from '../../../server/live/projector/visibility.js'
import { histories, mayAccordingToSpec, type Step, visibilities } from './membership-histories.js'

const history = (...steps: [string, number][]): Step[] => steps.map(([membership, seq]) => ({ membership, seq }))
const seen = (steps: Step[], visibility: HistoryVisibility, from: number, to: number) => {
  const bounds = boundsOf(steps)
  return Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((seq) => isInSight(bounds, visibility, seq))
}

describe('the latest time in a room', () => {
  test('a member sees what was shared before they joined, and all since', () => {
    const steps = history(['join', 5])

    expect(seen(steps, 'shared', 3, 7)).toEqual([3, 4, 5, 6, 7])
    expect(seen(steps, 'joined', 3, 7)).toEqual([5, 6, 7])
    expect(seen(steps, 'invited', 3, 7)).toEqual([5, 6, 7])
  })

  test('an invitation opens what is visible to the invited, before and after joining', () => {
    expect(seen(history(['invite', 3]), 'invited', 1, 5)).toEqual([3, 4, 5])
    expect(seen(history(['invite', 3]), 'shared', 1, 5)).toEqual([])
    expect(seen(history(['invite', 3], ['join', 4]), 'invited', 1, 5)).toEqual([3, 4, 5])
    expect(seen(history(['invite', 3], ['leave', 4]), 'invited', 1, 6)).toEqual([3, 4])
  })

  test('who leaves keeps what they saw, up to their own leaving', () => {
    const steps = history(['join', 2], ['leave', 4])

    for (const visibility of visibilities) expect(seen(steps, visibility, 2, 6)).toEqual([2, 3, 4])
  })

  test('who comes back sees what was shared meanwhile, and not what was for those who were there', () => {
    const steps = history(['join', 1], ['leave', 3], ['join', 6])

    expect(seen(steps, 'shared', 1, 7)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(seen(steps, 'joined', 1, 7)).toEqual([6, 7]) // 1 to 3 through /messages
  })

  test('backfilled history has negative seq, and who never joined sees none of it', () => {
    expect(seen([], 'shared', -5, 5)).toEqual([])
    expect(seen(history(['invite', 2]), 'shared', -5, 5)).toEqual([])
    expect(seen(history(['join', 2]), 'shared', -2, 2)).toEqual([-2, -1, 0, 1, 2])
    expect(boundsOf(history(['knock', 2]))).toEqual(noBounds)
  })

  test('a new name or picture changes nothing', () => {
    expect(boundsOf(history(['invite', 1], ['join', 2], ['join', 9]))).toEqual(
      boundsOf(history(['invite', 1], ['join', 2])),
    )
  })
})

describe('against the rule of the spec', () => {
  test('nothing is in sight that the rule forbids', () => {
    fc.assert(
      fc.property(
        histories,
        fc.constantFrom(...visibilities),
        fc.integer({ min: -3, max: 45 }),
        (steps, visibility, seq) => {
          if (isInSight(boundsOf(steps), visibility, seq)) expect(mayAccordingToSpec(steps, visibility, seq)).toBe(true)
        },
      ),
      { numRuns: 5_000 },
    )
  })

  test('shared history is in sight exactly where the rule allows it', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: -3, max: 45 }), (steps, seq) => {
        expect(isInSight(boundsOf(steps), 'shared', seq)).toBe(mayAccordingToSpec(steps, 'shared', seq))
      }),
      { numRuns: 3_000 },
    )
  })

  test('everything of the latest time in the room is in sight', () => {
    fc.assert(
      fc.property(
        histories,
        fc.constantFrom(...visibilities),
        fc.integer({ min: -3, max: 45 }),
        (steps, visibility, seq) => {
          const begin = beginOfLatestTime(steps)
          if (begin === undefined || seq < begin || visibility === 'world_readable') return
          expect(isInSight(boundsOf(steps), visibility, seq)).toBe(mayAccordingToSpec(steps, visibility, seq))
        },
      ),
      { numRuns: 5_000 },
    )
  })
})

/** Seq of the invitation or joining with which the last time of being invited or joined began. */
function beginOfLatestTime(steps: readonly Step[]): number | undefined {
  let begin: number | undefined
  let isPresent = false
  for (const { membership, seq } of steps) {
    const isNow = membership === 'join' || membership === 'invite'
    if (isNow && !isPresent) begin = seq
    isPresent = isNow
  }
  return begin
}
