/**
 * Errors of the database as types, so that nobody matches the engine's sentences but this file.
 *
 * A failed transaction answers "not executed" for every statement but the guilty one; `causeOf` finds that one.
 */
import { MatrixError } from '../kernel/errors.js'
import { EngineClosedError } from './engine.js'

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

  /** The disk under the engine failed or is full. */
  get isIoError(): boolean {
    return this.message.includes('IO error')
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

/** Why a transaction cannot be tried at all: it would be larger than the engine bears. Nothing was sent. */
export class TransactionTooLargeError extends MatrixError {
  override readonly name = 'TransactionTooLargeError'

  constructor(readonly size: { bytes: number; rows: number }) {
    super(413, 'M_TOO_LARGE', `That is too much at once: ${size.bytes} bytes in ${size.rows} rows.`)
  }
}

/** Writes are refused, or reading too, for a reason that lies in the machine and not in the request. */
export class StoreUnavailableError extends MatrixError {
  override readonly name = 'StoreUnavailableError'

  /** @param reason a sentence for people: it goes out to clients */
  constructor(reason: string) {
    super(503, 'M_UNKNOWN', reason, { retry_after_ms: 5_000 })
  }
}

/** A transaction has neither succeeded nor failed for so long that it never will. */
export class TransactionStuckError extends Error {
  override readonly name = 'TransactionStuckError'
}

/** The request could not be put into bytes, so nothing was sent. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError'
}

/** Classes of errors that a statement gets for what it says or meets; the transaction ends there, uncommitted. */
const statementKinds = new Set(['AlreadyExists', 'Thrown', 'NotFound', 'Validation', 'NotAllowed'])
/** Beginnings of the same where the engine files them under `Internal`: unique indexes, types, assertions, events. */
const statementWords =
  /^(Database index `|Found |Couldn't coerce |Cannot (execute|perform) |Error while processing event )/
/** The engine could not read the request, so it ran nothing of it. */
const unreadableRequest = /^RecursionLimitExceeded$/

/**
 * True where an error of a transaction says for certain that nothing of it was written and the engine is well.
 * Everything else (no space, I/O, a lost connection, words we do not know) leaves it open: after a failed sync of
 * the log the engine even shows rows that are gone when it is opened again.
 */
export function isNothingWritten(error: unknown): boolean {
  if (error instanceof DatabaseError)
    return (
      error.isRetryable ||
      statementKinds.has(error.kind) ||
      (error.kind === 'Query' && error.isTimeout) ||
      (error.kind === 'Internal' && statementWords.test(error.message))
    )
  if (error instanceof EngineClosedError) return !error.wasSent
  return (
    error instanceof TransactionTooLargeError ||
    error instanceof StoreUnavailableError ||
    error instanceof NotSentError ||
    unreadableRequest.test((error as Error | undefined)?.message ?? '')
  )
}

/** True for the words of an engine, or a system, that has run out of room. */
export const isOutOfSpace = (error: unknown): boolean =>
  /No space left|ENOSPC|[Qq]uota exceeded|EDQUOT/.test(error instanceof Error ? error.message : String(error))
