/**
 * Transaction IDs of clients and what they were answered, the ID of an event or nothing, so that a repeated request gets
 * the same answer after a restart too. The row is written in the same commit as what the request did; its `insert` is
 * the last guard against doing it twice.
 *
 * Keys are hashes: what they stand for is several times as long as all else in the row.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import { createHash } from 'node:crypto'
import type { DeviceId, EventId, UserId } from '../kernel/identifiers.js'
import type { RangeToClear } from './clear-ranges.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, type Write } from './writes.js'

/** Hashes of the device, and of the device with the request's path and its transaction ID. */
export type TxnId = readonly [device: string, request: string]

/** @param path the request's path with its transaction ID */
export function toTxnId(userId: UserId, deviceId: DeviceId, path: string): TxnId {
  return [hashOfDevice(userId, deviceId), hash([userId, deviceId, path], 16)]
}

/** What the IDs of a device begin with. Two devices may share it; nothing but their deletion goes by it. */
export const hashOfDevice = (userId: UserId, deviceId: DeviceId): string => hash([userId, deviceId], 8)

/** Of the parts as JSON: a device ID may hold anything. */
const hash = (parts: readonly string[], bytes: number): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, bytes).toString('base64url')

/** What a request was answered: requests that send no event are answered nothing. */
export type TxnAnswer = EventId | undefined

/** @returns undefined where there was no such request */
export async function readTxn(db: Reader, id: TxnId): Promise<{ answer: TxnAnswer } | undefined> {
  const [rows] = await db.query<[{ event_id?: EventId }[]]>('SELECT event_id FROM type::record("txn", $id)', { id })
  return rows[0] && { answer: rows[0].event_id }
}

/** Fails its unit when this device has used the path before. */
export const insertTxn = (id: TxnId, answer: TxnAnswer, createdAt: number): Write =>
  insertRow('txn', { id, event_id: answer, created_at: createdAt })

/** At most `limit` of those that are older than `before`, in milliseconds since the epoch. */
export async function readOldTxns(db: Reader, before: number, limit: number): Promise<TxnId[]> {
  const [ids] = await db.query<[TxnId[]]>(
    'SELECT VALUE record::id(id) FROM txn WITH INDEX txn_created_at WHERE created_at < $before LIMIT $limit',
    { before, limit },
  )
  return ids
}

export const deleteTxn = (id: TxnId): Write => deleteRow('txn', id)

/** Where those of a device are. */
export const txnsOf = (userId: UserId, deviceId: DeviceId): RangeToClear => ({
  table: 'txn',
  prefix: [hashOfDevice(userId, deviceId)],
})

/** Those of a device that is gone: the last of them, after `clearRanges`. */
export const deleteTxnsOf = (userId: UserId, deviceId: DeviceId): Write => ({
  op: 'statement',
  sql: 'DELETE txn:[$device, NONE]..[$device, ..] RETURN NONE',
  bindings: { device: hashOfDevice(userId, deviceId) },
})
