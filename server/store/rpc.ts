/**
 * SurrealDB's RPC over an `Engine`: encodes calls, decodes answers, turns refusals into `DatabaseError`.
 *
 * It stands in for the SDK's client in this process: half the time per query, and no timer of the SDK that
 * invalidates a session (which would leave it with owner rights).
 */
import { BoundExcluded, BoundIncluded, CborCodec, RecordId, RecordIdRange, Uuid } from 'surrealdb'
import { encodeCbor } from './cbor-encode.js'
import type { Engine } from './engine.js'
import { causeOf, type DatabaseError, NotSentError, type StatementReply, toDatabaseError } from './errors.js'
import type { RowId } from './writes.js'

export type Scope = {
  /** An attached session; without one the call runs in the shared session, which is OWNER. */
  session?: Uuid
  /** A transaction from `begin`. Live queries stay silent for what it commits. */
  txn?: Uuid
}

export type Rpc = {
  /** @throws DatabaseError when the engine refuses the call */
  call<T>(method: string, params: readonly unknown[], scope?: Scope): Promise<T>
  /** One reply per statement, failed ones included. */
  queryReplies(sql: string, bindings?: Record<string, unknown>, scope?: Scope): Promise<StatementReply[]>
  /** One result per statement. @throws DatabaseError, the real cause, when any statement failed */
  query<T extends unknown[]>(sql: string, bindings?: Record<string, unknown>, scope?: Scope): Promise<T>
}

export const codec = CborCodec.DEFAULT

function encodeRpc(request: unknown): Uint8Array {
  try {
    return encodeCbor(request, (value) => codec.encode(value))
  } catch (error) {
    throw new NotSentError(`a request cannot be encoded: ${(error as Error).message}`, { cause: error })
  }
}

/** A session or transaction number that this process makes up. */
export const newUuid = (): Uuid => Uuid.v4()

/** `recordId('timeline', ['!r', 7])`: a link, or the target of a statement. */
export const recordId = (table: string, id: RowId): RecordId => new RecordId(table, idPart(id))

/** Rows of a table from `from` to `to`, `to` exclusive; bind it and `SELECT … FROM $range`. Keep both ends tight. */
export const idRange = (table: string, from: RowId, to: RowId): RecordIdRange =>
  new RecordIdRange(table, new BoundIncluded(idPart(from)), new BoundExcluded(idPart(to)))

const idPart = (id: RowId) => (typeof id === 'object' ? [...id] : id)

export type RpcGuard = {
  /** @throws where nothing is to reach the engine any more */
  checkUsable(): void
  /** Told of what a statement answers when the disk fails under it, whoever wrote it. */
  onIoError(error: DatabaseError): void
}
const noGuard: RpcGuard = { checkUsable() {}, onIoError() {} }

export function makeRpc(engine: Pick<Engine, 'execute'>, guard: RpcGuard = noGuard): Rpc {
  let lastId = 0

  async function call<T>(method: string, params: readonly unknown[], scope: Scope = {}): Promise<T> {
    guard.checkUsable()
    lastId += 1
    const reply = await engine.execute(encodeRpc({ id: String(lastId), method, params, ...scope }))
    const value = codec.decode<unknown>(reply)
    const refusal = refusalIn(value)
    if (refusal) throw toDatabaseError(refusal.message, refusal.kind, refusal.details)
    return value as T
  }

  async function queryReplies(
    sql: string,
    bindings: Record<string, unknown> = {},
    scope?: Scope,
  ): Promise<StatementReply[]> {
    const replies = await call<StatementReply[]>('query', [sql, bindings], scope)
    const cause = causeOf(replies)
    if (cause?.isIoError) guard.onIoError(cause)
    return replies
  }

  async function query<T extends unknown[]>(
    sql: string,
    bindings?: Record<string, unknown>,
    scope?: Scope,
  ): Promise<T> {
    const replies = await queryReplies(sql, bindings, scope)
    const cause = causeOf(replies)
    if (cause) throw cause
    return replies.map((reply) => reply.result) as T
  }

  return { call, queryReplies, query }
}

type Refusal = { message: string; kind?: string; details?: unknown }

/** Only a refusal of the whole request has this shape; rows of a query come inside an array. */
function refusalIn(value: unknown): Refusal | undefined {
  if (typeof value !== 'object' || value === null || !('error' in value)) return undefined
  const { error } = value as { error: unknown }
  return typeof error === 'object' && error !== null && 'message' in error ? (error as Refusal) : undefined
}
