/**
 * Sends a message event that one of our own users wrote. What relates to another event is held against the rules that
 * servers keep among their own users: a reaction counts once, and a thread begins at an event that relates to none.
 * What comes from other servers is judged by no such rule.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#validation-of-mthread-relationships
 */
import { annotationKeyOf, mayRootThread, type Relation, relationOf } from '../events/relations.js'
import { MatrixError } from '../kernel/errors.js'
import type { RoomId } from '../kernel/identifiers.js'
import type { Database } from '../store/reader.js'
import { readAnnotations } from '../store/relation-store.js'
import type { EventDraft } from './build-event.js'
import { makeKeyedLock } from './keyed-lock.js'
import type { Rooms } from './room.js'
import type { SendEvent } from './send-event.js'

type Needs = { db: Database; rooms: Pick<Rooms, 'get' | 'readEvents'>; sendEvent: SendEvent }

/** @throws MatrixError as `sendEvent`; 400 `M_DUPLICATE_ANNOTATION`, 400 `M_UNKNOWN` for a thread that cannot be one */
export function makeSendMessage({ db, rooms, sendEvent }: Needs): SendEvent {
  /** Two equal reactions at once: the second is judged when the first is there. */
  const lock = makeKeyedLock()

  async function checkRoot(roomId: RoomId, { eventId }: Relation): Promise<void> {
    const [root] = await rooms.readEvents([eventId])
    if (root?.roomId === roomId && !mayRootThread(root))
      throw new MatrixError(
        400,
        'M_UNKNOWN',
        'No thread begins there: that event is itself in one, or relates to another',
      )
  }

  async function checkIsFirst(roomId: RoomId, { sender, type }: EventDraft, relation: Relation, key: string) {
    const ids = await readAnnotations(db, { roomId, parent: relation.eventId, sender, type })
    const sent = await rooms.readEvents(ids)
    if (sent.some(({ pdu }) => annotationKeyOf(pdu) === key))
      throw new MatrixError(400, 'M_DUPLICATE_ANNOTATION', 'You have reacted with that already')
  }

  return async (roomId, draft, options) => {
    const relation = relationOf(draft)
    const isInside = relation && (await rooms.get(roomId))?.localMembers.get(draft.sender) === 'join'
    if (!relation || !isInside) return sendEvent(roomId, draft, options)
    if (relation.relType === 'm.thread') await checkRoot(roomId, relation)
    const key = relation.relType === 'm.annotation' ? annotationKeyOf(draft) : undefined
    if (typeof key !== 'string') return sendEvent(roomId, draft, options)
    return lock(JSON.stringify([roomId, draft.sender, draft.type, relation.eventId, key]), async () => {
      await checkIsFirst(roomId, draft, relation, key)
      return sendEvent(roomId, draft, options)
    })
  }
}
