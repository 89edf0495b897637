/**
 * What events say of each other: edits, reactions, redactions and replies. Pure.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
 */
import type { RoomEventRow } from '../../../../server/api/live/rows.js'
import { secretOf } from '../../../encryption/clear-rows.js'
import type { OutboxItem } from '../../../platform/matrix/outbox.js'
import type { MessageItem, Reaction, Redaction, TimelineInput } from './timeline-items.js'

export type Relation = { rel_type?: string; event_id?: string; key?: string; 'm.in_reply_to'?: { event_id?: string } }

export const contentOf = (row: RoomEventRow) => (row.event.content ?? {}) as Record<string, unknown>

export function relationOf(row: RoomEventRow): Relation | undefined {
  const relation = contentOf(row)['m.relates_to']
  return typeof relation === 'object' && relation !== null ? (relation as Relation) : undefined
}

export type Relations = {
  edits: Map<string, RoomEventRow[]>
  reactions: Map<string, Map<string, Map<string, string>>> // target → key → user → event
  byId: Map<string, RoomEventRow>
  pendingEdits: Map<string, OutboxItem>
}

export function collectRelations({ rows, echoes }: TimelineInput): Relations {
  const relations: Relations = { edits: new Map(), reactions: new Map(), byId: new Map(), pendingEdits: new Map() }
  for (const row of rows) {
    relations.byId.set(row.event_id, row)
    const relation = relationOf(row)
    if (!relation?.event_id || row.redacted_by) continue
    if (relation.rel_type === 'm.replace') {
      relations.edits.set(relation.event_id, [...(relations.edits.get(relation.event_id) ?? []), row])
    } else if (
      relation.rel_type === 'm.annotation' &&
      row.event_type === 'm.reaction' &&
      typeof relation.key === 'string'
    ) {
      addReaction(relations.reactions, relation.event_id, relation.key, row.sender, row.event_id)
    }
  }
  for (const echo of echoes) {
    const relation = echo.content['m.relates_to'] as Relation | undefined
    if (relation?.rel_type === 'm.replace' && relation.event_id) relations.pendingEdits.set(relation.event_id, echo)
  }
  return relations
}

function addReaction(into: Relations['reactions'], target: string, key: string, user: string, event: string): void {
  const byKey = into.get(target) ?? new Map<string, Map<string, string>>()
  const byUser = byKey.get(key) ?? new Map<string, string>()
  byUser.set(user, event)
  byKey.set(key, byUser)
  into.set(target, byKey)
}

/** Only the sender can edit, and what was encrypted only by what is; of several edits the newest counts. */
export function withEdits(item: MessageItem, row: RoomEventRow, relations: Relations): MessageItem {
  const edits = (relations.edits.get(row.event_id) ?? [])
    .filter((edit) => edit.sender === row.sender && edit.event_type === row.event_type && newContentOf(edit))
    .filter((edit) => !secretOf(row) || secretOf(edit))
    .sort((a, b) => a.origin_server_ts - b.origin_server_ts || a.seq - b.seq)
  const pending = relations.pendingEdits.get(row.event_id)
  const last = edits.at(-1)
  if (!last && !pending) return item
  const contents = [
    { ts: row.origin_server_ts, content: item.content },
    ...edits.map((edit) => ({ ts: edit.origin_server_ts, content: newContentOf(edit)! })),
    ...(pending
      ? [{ ts: pending.createdAt, content: pending.content['m.new_content'] as Record<string, unknown> }]
      : []),
  ]
  const shown = contents.at(-1)!
  return { ...item, content: shown.content, versions: contents.slice(0, -1), editedTs: shown.ts }
}

function newContentOf(edit: RoomEventRow): Record<string, unknown> | undefined {
  const content = contentOf(edit)['m.new_content']
  return typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : undefined
}

export function reactionsOf(eventId: string, relations: Relations, userId: string): Reaction[] {
  const byKey = relations.reactions.get(eventId)
  if (!byKey) return []
  return [...byKey].map(([key, byUser]) => {
    const mine = byUser.get(userId)
    return { key, users: [...byUser.keys()], ...(mine ? { mine } : {}) }
  })
}

export function redactionOf(row: RoomEventRow, relations: Relations): Redaction {
  const loaded = relations.byId.get(row.redacted_by ?? '')
  const because = (row.event.unsigned as { redacted_because?: Record<string, unknown> } | undefined)?.redacted_because
  const event = loaded?.event ?? because
  const reason = (event?.content as { reason?: unknown } | undefined)?.reason
  return {
    ...(typeof event?.sender === 'string' ? { by: event.sender } : {}),
    ...(typeof reason === 'string' && reason ? { reason } : {}),
    ...(typeof event?.origin_server_ts === 'number' ? { ts: event.origin_server_ts } : {}),
  }
}
