/**
 * The thread that an event's own relation puts it in: its root, or `main`.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#threading
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'

export const mainThread = 'main'

export function threadOf({ content }: { readonly content: JsonObject }): string {
  const relation = content['m.relates_to']
  if (!isJsonObject(relation) || relation.rel_type !== 'm.thread') return mainThread
  return typeof relation.event_id === 'string' ? relation.event_id : mainThread
}
