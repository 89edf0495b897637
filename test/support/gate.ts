/**
 * A database whose reads and commits a test can hold open, fail, and let go in an order of its own: faults of
 * concurrency are tested by making them happen on purpose.
 */
import type { Database } from '../../server/store/reader.js'
import type { CommitUnit } from '../../server/store/writes.js'

/** A read or a commit on its way. */
export type Passing = { kind: 'query' | 'commit'; sql?: string; bindings?: Record<string, unknown> }

export type Hold = {
  /** Resolves when what was waited for has come. */
  reached: Promise<void>
  /** Lets it go on. */
  release(): void
  /** Makes it fail; a commit is not tried then. */
  fail(error: Error): void
}

export type Gate = {
  db: Database
  /**
   * Holds the next read or commit for which `matches` holds. A read has been done by then, so its answer is of that
   * time; a commit has not begun, and all later ones wait behind it.
   */
  hold(matches: (passing: Passing) => boolean): Hold
}

type Waiting = { matches: (passing: Passing) => boolean; reach: () => void; outcome: Promise<void> }

export function makeGate(inner: Database): Gate {
  const waiting: Waiting[] = []
  let lastCommit: Promise<unknown> = Promise.resolve()
  let heldCommits = 0

  function take(passing: Passing): Waiting | undefined {
    const at = waiting.findIndex(({ matches }) => matches(passing))
    const [found] = at < 0 ? [] : waiting.splice(at, 1)
    found?.reach()
    return found
  }

  async function query<T extends unknown[]>(sql: string, bindings?: Record<string, unknown>): Promise<T> {
    const held = take({ kind: 'query', sql, ...(bindings ? { bindings } : {}) })
    const rows = await inner.query<T>(sql, bindings)
    await held?.outcome
    return rows
  }

  function commit<T>(unit: CommitUnit<T>): Promise<T> {
    const held = take({ kind: 'commit' })
    if (!held && heldCommits === 0) return inner.commit(unit)
    heldCommits++
    const turn = lastCommit.then(() => held?.outcome)
    const done = turn.then(() => inner.commit(unit))
    // The next may begin once this one is in the queue, or has failed before it came there.
    lastCommit = turn.catch(() => undefined).finally(() => void heldCommits--)
    return done
  }

  return {
    db: {
      query,
      commit,
      seedRoom: (roomId, bounds) => inner.seedRoom(roomId, bounds),
      get position() {
        return inner.position
      },
      onCommitted: (phase, listener) => inner.onCommitted(phase, listener),
    },
    hold(matches) {
      let reach = () => {}
      const reached = new Promise<void>((resolve) => {
        reach = resolve
      })
      let release = () => {}
      let fail = (_: Error) => {}
      const outcome = new Promise<void>((resolve, reject) => {
        release = resolve
        fail = reject
      })
      outcome.catch(() => undefined) // it may fail before it is reached
      waiting.push({ matches, reach, outcome })
      return { reached, release, fail }
    },
  }
}

export const anyCommit = ({ kind }: Passing): boolean => kind === 'commit'
/** A read of the room's rows, of an event by its ID, and so on: by a part of its text. */
export const readOf =
  (part: string) =>
  ({ kind, sql }: Passing): boolean =>
    kind === 'query' && sql?.includes(part) === true
