/** Histories of one user's membership as the auth rules allow them, and the spec's rule over them. */
import fc from 'fast-check'
import { type HistoryVisibility, mayUserSeeEvent } from '../../../server/events/history-visibility.js'

export type Step = { membership: string; seq: number }
export const visibilities: readonly HistoryVisibility[] = ['world_readable', 'shared', 'invited', 'joined']

const next: Readonly<Record<string, readonly string[]>> = {
  none: ['invite', 'join', 'knock', 'ban'],
  invite: ['join', 'leave', 'ban'],
  join: ['join', 'leave', 'ban'],
  leave: ['invite', 'join', 'knock', 'ban'],
  knock: ['invite', 'leave', 'ban'],
  ban: ['leave'],
}

/** Up to ten changes at rising seqs from 1 to 40. */
export const histories: fc.Arbitrary<Step[]> = fc
  .array(fc.record({ gap: fc.integer({ min: 1, max: 4 }), pick: fc.nat(99) }), { maxLength: 10 })
  .map((choices) => {
    let membership = 'none'
    let seq = 0
    return choices.map(({ gap, pick }) => {
      const allowed = next[membership]!
      membership = allowed[pick % allowed.length]!
      seq += gap
      return { membership, seq }
    })
  })

/** Whether the user may see an event sent at `seq` under `visibility`; where they moved at `seq`, it is that member event. */
export function mayAccordingToSpec(steps: readonly Step[], visibility: HistoryVisibility, seq: number): boolean {
  const before = steps.findLast((step) => step.seq < seq)?.membership
  const own = steps.find((step) => step.seq === seq)?.membership
  return mayUserSeeEvent({
    visibility,
    membershipAtEvent: before,
    joinedLater: steps.some((step) => step.membership === 'join' && step.seq > seq),
    ...(own && { membershipAfter: own }),
  })
}
