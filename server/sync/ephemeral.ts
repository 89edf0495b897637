/**
 * The `ephemeral` of a joined room in /sync: who is typing, and receipts.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#typing-notifications
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#receipts
 */
import type { JsonObject } from '../events/pdu.js'
import type { RoomId } from '../kernel/identifiers.js'
import type { EphemeralStream } from './ephemeral-stream.js'
import { type Receipts, receiptContent } from './receipts.js'
import type { SyncContext } from './sync-context.js'
import type { Typing } from './typing.js'

export type ReadEphemeral = (context: SyncContext, roomId: RoomId, isNew: boolean) => Promise<JsonObject[]>

type Needs = {
  receipts: Pick<Receipts, 'readFor'>
  typing: Pick<Typing, 'usersIn' | 'serialOf'>
  stream: Pick<EphemeralStream, 'boot'>
}

export function makeReadEphemeral({ receipts, typing, stream }: Needs): ReadEphemeral {
  return async ({ userId, from, fromSerial, filter, account }, roomId, isNew) => {
    const events: JsonObject[] = []
    const isFirst = isNew || !from
    const rows = await receipts.readFor(userId, roomId, isFirst ? 0 : from.position)
    const shown = rows.filter(({ user_id }) => !account.ignored.has(user_id))
    if (shown.length > 0) events.push({ type: 'm.receipt', content: receiptContent(shown) })

    const users = typing.usersIn(roomId).filter((typist) => !account.ignored.has(typist))
    // To a client that knows another process's typists, an empty list is news.
    const isStale = from !== undefined && from.boot !== stream.boot
    if (isFirst ? users.length > 0 : isStale ? users.length > 0 : typing.serialOf(roomId) > fromSerial)
      events.push({ type: 'm.typing', content: { user_ids: users } })
    return events.filter((event) => filter.ephemeral({ type: String(event.type), roomId }))
  }
}
