/**
 * What the projector has to do for one stream position: the same whether the commit just told it or the feed
 * remembers it after a restart. What is missing here is read again from the tables.
 */

import { createHash } from 'node:crypto'
import { parseStateMapKey, stateKeyOf } from '../../events/pdu.js'
import type { EventId, RoomId, UserId } from '../../kernel/identifiers.js'
import type { FeedEntry } from '../../store/feed-store.js'
import { type ByKind, ignore, treat } from '../../store/follow-changes.js'
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
  /** `keys` of the state that moved, where it is known; else any of them may have. */
  | { kind: 'state'; roomId: RoomId; keys?: readonly string[] }
  /** `relatedTo`: of what it related to until then. */
  | { kind: 'redaction'; roomId: RoomId; eventId: EventId; relatedTo?: EventId }
  | { kind: 'membership'; roomId: RoomId; userId: UserId }
  | { kind: 'receipt'; roomId: RoomId; userId: UserId; receiptType: string; threadId: string | undefined }
  | { kind: 'account_data'; userId: UserId; roomId: RoomId | undefined; type: string }
)

/** `RoomEventRow.txn_hash`: base64url of SHA-256 of `<sid>|<transaction ID>`. */
export const hashTxn = ({ sid, txnId }: { sid: string; txnId: string }): string =>
  createHash('sha256').update(`${sid}|${txnId}`).digest('base64url')

/** Undefined for what no live table shows. */
export const workOfChange = (change: Change): Work | undefined => treat(works, change)

const works: ByKind<Work | undefined> = {
  event({ kind, position, roomId, eventId, seq, type, stateKey, isCurrentState, historical, txn }) {
    const work = { kind, position, roomId, eventId, seq, type, stateKey, isCurrentState, historical }
    return txn ? { ...work, txnHash: hashTxn(txn) } : work
  },
  state: ({ kind, position, roomId, keys }) => ({ kind, position, roomId, ...(keys && { keys }) }),
  redaction: ({ kind, position, roomId, eventId, relatedTo }) => ({
    ...{ kind, position, roomId, eventId },
    ...(relatedTo !== undefined && { relatedTo }),
  }),
  membership: ({ kind, position, roomId, userId }) => ({ kind, position, roomId, userId }),
  receipt: ({ kind, position, roomId, userId, receiptType, threadId }) => ({
    ...{ kind, position, roomId, userId, receiptType, threadId },
  }),
  account_data: ({ kind, position, userId, roomId, type }) => ({ kind, position, userId, roomId, type }),
  ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
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
      return {
        ...{ kind: 'redaction', position, roomId, eventId },
        ...(entry.related_to !== undefined && { relatedTo: entry.related_to as EventId }),
      }
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

export type Moved = {
  /** Any member of the room may have moved. */
  everybody: boolean
  users: ReadonlySet<UserId>
  /** Power levels, and with them roles. */
  hasNewLevels: boolean
}

const levelsKey = stateKeyOf('m.room.power_levels', '')

/** Whose membership or power level a work changes, among those who count; undefined where nobody's. */
export function whoMoved(work: Work, counts: (userId: UserId) => boolean): Moved | undefined {
  const some = (keys: readonly string[]): Moved | undefined => {
    const users = new Set<UserId>()
    for (const key of keys) {
      const [type, stateKey] = parseStateMapKey(key)
      if (type === 'm.room.member' && counts(stateKey as UserId)) users.add(stateKey as UserId) // the auth rules let no other key through
    }
    const hasNewLevels = keys.includes(levelsKey)
    return users.size > 0 || hasNewLevels ? { everybody: false, users, hasNewLevels } : undefined
  }
  switch (work.kind) {
    case 'event':
      return work.isCurrentState && work.stateKey !== undefined
        ? some([stateKeyOf(work.type, work.stateKey)])
        : undefined
    case 'state':
      return work.keys ? some(work.keys) : { everybody: true, users: new Set(), hasNewLevels: true }
    case 'membership':
      return counts(work.userId) ? { everybody: false, users: new Set([work.userId]), hasNewLevels: false } : undefined
    default:
      return undefined
  }
}
