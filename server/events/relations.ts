/**
 * How events relate to each other: what an event names, and which edits count.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#validity-of-replacement-events
 */
import { type EventId, parseEventId } from '../kernel/identifiers.js'
import { isJsonObject, type JsonObject, type PduEvent } from './pdu.js'

export type Relation = { relType: string; eventId: EventId }

/** Longer names are nobody's. */
const maxRelType = 255

/** The relation of an event; undefined where it names none, or in no way that counts. */
export function relationOf({ content }: { readonly content: JsonObject }): Relation | undefined {
  const relation = content['m.relates_to']
  if (!isJsonObject(relation)) return undefined
  const eventId = parseEventId(relation.event_id)
  const { rel_type: relType } = relation
  if (!eventId || typeof relType !== 'string' || relType.length > maxRelType) return undefined
  return { relType, eventId }
}

/** The key of an annotation, which is what a reaction shows. */
export function annotationKeyOf({ content }: { readonly content: JsonObject }): unknown {
  const relation = content['m.relates_to']
  return isJsonObject(relation) ? relation.key : undefined
}

/** Whether an event may have edits at all: no state event has, no edit, and none that was redacted. */
export const isEditable = ({ pdu, redactedBy }: PduEvent & { redactedBy?: EventId }): boolean =>
  pdu.state_key === undefined && redactedBy === undefined && relationOf(pdu)?.relType !== 'm.replace'

/** Whether an event that replaces another does so for everybody. What an encrypted one says inside only its readers know. */
export function isValidEdit(original: PduEvent & { redactedBy?: EventId }, { roomId, pdu }: PduEvent): boolean {
  const relation = relationOf(pdu)
  return (
    isEditable(original) &&
    relation?.relType === 'm.replace' &&
    relation.eventId === original.eventId &&
    roomId === original.roomId &&
    pdu.sender === original.pdu.sender &&
    pdu.type === original.pdu.type &&
    pdu.state_key === undefined &&
    (pdu.type === 'm.room.encrypted' || isJsonObject(pdu.content['m.new_content']))
  )
}

/** A thread begins at an event that relates to no other. */
export const mayRootThread = ({ pdu }: PduEvent): boolean => relationOf(pdu) === undefined
