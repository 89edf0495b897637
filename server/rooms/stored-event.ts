/** An event's row as the rest of the server knows it. */
import type { Pdu } from '../events/pdu.js'
import { parseSpelled } from '../kernel/spelled-numbers.js'
import type { ReadEventRow } from '../store/event-store.js'
import type { StoredEvent } from './room.js'

export function toStoredEvent(row: ReadEventRow): StoredEvent {
  return {
    eventId: row.event_id,
    roomId: row.room_id,
    pdu: parseSpelled(row.pdu) as Pdu,
    rejected: row.status === 'rejected',
    status: row.status,
    reason: row.reason,
    seq: row.seq,
    position: row.position,
    node: row.node,
    redactedBy: row.redacted_by,
    replaces: row.replaces,
    related: row.related,
    behind: row.behind,
  }
}
