/**
 * Errors of the database as types, so that nobody matches the engine's sentences but this file.
 *
 * A failed transaction answers "not executed" for every statement but the guilty one; `causeOf` finds that one.
 */

/** A statement as the engine answers it. */
export type StatementReply =
  | { status: 'OK'; result: unknown; time: string; type?: string }
  | { status: 'ERR'; result: string; time: string; kind?: string; details?: unknown }

export class DatabaseError extends Error {
  override readonly name: string = 'DatabaseError'

  /**
   * @param kind    the engine's class of error, e.g. `Internal`, `NotAllowed`, `AlreadyExists`, `Thrown`
   * @param details the engine's details, of no fixed shape
   */
  constructor(
    message: string,
    readonly kind: string = 'Internal',
    readonly details?: unknown,
  ) {
    super(message)
  }

  /** True for a conflict with another transaction: the same query may succeed when it is run again. */
  get isRetryable(): boolean {
    return this.message.includes('can be retried')
  }

  get isTimeout(): boolean {
    return this.message.includes('exceeded the timeout')
  }
}

/** An `insert` met a row, or a unique index an entry, that is there already. */
export class AlreadyExistsError extends DatabaseError {
  override readonly name = 'AlreadyExistsError'
  /** The record as SurrealQL writes it, e.g. ``event:`$x` ``; undefined for a unique index. */
  readonly recordId: string | undefined

  constructor(message: string, details?: unknown) {
    super(message, 'AlreadyExists', details)
    const inner = (details as { details?: { id?: unknown } } | undefined)?.details
    this.recordId = typeof inner?.id === 'string' ? inner.id : undefined
  }
}

export function toDatabaseError(message: string, kind?: string, details?: unknown): DatabaseError {
  return kind === 'AlreadyExists' ? new AlreadyExistsError(message, details) : new DatabaseError(message, kind, details)
}

/** The error that made a query fail, or undefined when every statement succeeded. */
export function causeOf(replies: readonly StatementReply[]): DatabaseError | undefined {
  const failed = replies.filter((reply) => reply.status === 'ERR')
  const cause = failed.find((reply) => !isConsequence(reply.result)) ?? failed[0]
  return cause && toDatabaseError(cause.result, cause.kind, cause.details)
}

const isConsequence = (message: string) => message.includes('not executed due to')
