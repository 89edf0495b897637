/**
 * What follows a commit, by name and in this order:
 *  1. *memory*: what readers are answered from moves on;
 *  2. the callers of `commit` get their answers;
 *  3. *notify*: waiting requests of this server's own users are woken;
 *  4. *project*: the live tables are told that there is work;
 *  5. *send*: other servers.
 *
 * The order does not depend on who subscribed first. A follower that fails is logged and stops nobody.
 */
import type { Change } from './writes.js'

export const commitPhases = ['memory', 'notify', 'project', 'send'] as const
export type CommitPhase = (typeof commitPhases)[number]
export type ChangeFollower = (changes: readonly Change[]) => void

/** One entry for each kind: a kind that is new is a compile error wherever nobody has thought of it. */
export type ByKind<Result = void> = {
  [Kind in Change['kind']]: (change: Extract<Change, { kind: Kind }>) => Result
}

/** For the kinds that a follower has nothing to do with. */
export const ignore = (): undefined => undefined

/** The entry that treats this change. */
export function treat<Result>(by: ByKind<Result>, change: Change): Result {
  return (by[change.kind] as (of: Change) => Result)(change) // the entry's kind is the change's own
}

export class ChangeFollowers {
  readonly #followers: Record<CommitPhase, Set<ChangeFollower>> = {
    memory: new Set(),
    notify: new Set(),
    project: new Set(),
    send: new Set(),
  }
  readonly #onFailure: (error: unknown, phase: CommitPhase) => void

  constructor(onFailure: (error: unknown, phase: CommitPhase) => void) {
    this.#onFailure = onFailure
  }

  /** @returns a function that ends it */
  add(phase: CommitPhase, follower: ChangeFollower): () => void {
    // Wrapped, so that the same function added twice is two followers.
    const entry: ChangeFollower = (changes) => follower(changes)
    this.#followers[phase].add(entry)
    return () => this.#followers[phase].delete(entry)
  }

  tell(phase: CommitPhase, changes: readonly Change[]): void {
    for (const follower of this.#followers[phase]) {
      try {
        follower(changes)
      } catch (error) {
        this.#onFailure(error, phase)
      }
    }
  }
}
