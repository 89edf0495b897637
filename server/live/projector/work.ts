/**
 * What the projector has to do for one stream position: the same whether the commit just told it or the feed
 * remembers it after a restart. What is missing here is read again from the tables.
 */
import { createHash } from 'node:crypto'
import type { EventId, RoomId, UserId } from '../../kernel/identifiers.js'
import type { FeedEntry } from '../../store/feed-store.js'
import type { Change, RoomSeq, StreamPosition } from '../../store/writes.js'

export type Work = { position: StreamPosition } & (
  | {
      kind: 'event'
      roomId: RoomId
      eventId: EventId
      seq: RoomSeq
      type: string
      stateKey: string | undefined
      isCurrentState: boolean
      historical: boolean
      /** Known only to the process that took the event in. */
      txnHash?: string
    }
  | { kind: 'state'; roomId: RoomId }
  | { kind: 'redaction'; roomId: RoomId; eventId: EventId }
  | { kind: 'membership'; roomId: RoomId; userId: UserId }
  | { kind: 'receipt'; roomId: RoomId; userId: UserId; receiptType: string; threadId: string | undefined }
  | { kind: 'account_data'; userId: UserId; roomId: RoomId | undefined; type: string }
)

/** `RoomEventRow.txn_hash`: base64url of SHA-256 of `<sid>|<transaction ID>`. */
export const hashTxn = ({ sid, txnId }: { sid: string; txnId: string }): string =>
  createHash('sha256').update(`${sid}|${txnId}`).digest('base64url')

/** Undefined for what no live table shows. */
export function workOfChange(change: Change): Work | undefined {
  const { position } = change
  switch (change.kind) {
    case 'event': {
      const { roomId, eventId, seq, type, stateKey, isCurrentState, historical, txn } = change
      const work = { kind: change.kind, position, roomId, eventId, seq, type, stateKey, isCurrentState, historical }
      return txn ? { ...work, txnHash: hashTxn(txn) } : work
    }
    case 'state':
      return { kind: 'state', position, roomId: change.roomId }
    case 'redaction':
      return { kind: 'redaction', position, roomId: change.roomId, eventId: change.eventId }
    case 'membership':
      return { kind: 'membership', position, roomId: change.roomId, userId: change.userId }
    case 'receipt': {
      const { roomId, userId, receiptType, threadId } = change
      return { kind: 'receipt', position, roomId, userId, receiptType, threadId }
    }
    case 'account_data':
      return { kind: 'account_data', position, userId: change.userId, roomId: change.roomId, type: change.type }
    default:
      return undefined
  }
}

export function workOfFeed(entry: FeedEntry): Work | undefined {
  const { position } = entry
  const roomId = entry.room_id as RoomId
  const userId = entry.user_id as UserId
  const eventId = entry.event_id as EventId
  switch (entry.kind) {
    case 'event':
      return {
        ...{ kind: 'event', position, roomId, eventId, seq: entry.seq as RoomSeq, type: entry.type ?? '' },
        ...{ stateKey: entry.state_key, isCurrentState: entry.is_current_state ?? false },
        historical: entry.historical ?? false,
      }
    case 'state':
      return { kind: 'state', position, roomId }
    case 'redaction':
      return { kind: 'redaction', position, roomId, eventId }
    case 'membership':
      return { kind: 'membership', position, roomId, userId }
    case 'receipt':
      return {
        kind: 'receipt',
        position,
        roomId,
        userId,
        receiptType: entry.receipt_type ?? '',
        threadId: entry.thread_id,
      }
    case 'account_data':
      return {
        kind: 'account_data',
        position,
        userId,
        roomId: entry.room_id ? roomId : undefined,
        type: entry.type ?? '',
      }
    default:
      return undefined
  }
}
