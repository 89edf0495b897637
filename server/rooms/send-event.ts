/**
 * Sends an event of a local user: the one way in which this server's own users change a room.
 *
 * Under the room's lock: build on the room in memory, check against the current state, move the room on. The
 * lock is given up before the commit, so that a busy room's next event is built while the last one is
 * on its way to the disk. Where that fails, what was built on it fails too and is built again.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#pdus
 */
import { isDeepStrictEqual } from 'node:util'
import { checkAgainstState } from '../events/auth-rules/index.js'
import { stateKeyOf } from '../events/pdu.js'
import { forbidden, notFound } from '../kernel/errors.js'
import { type EventId, type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Write } from '../store/writes.js'
import { decideRedaction, type RedactionOutcome } from './apply-redaction.js'
import { buildUnsignedEvent, type EventDraft, type Signer, signEvent } from './build-event.js'
import { type CommitEvents, StaleRoomError } from './commit-events.js'
import { type Placed, placeOnTop } from './place-event.js'
import type { Room } from './room.js'
import type { RoomsForWriting } from './rooms.js'

export type SendEventOptions = {
  /** The device's transaction ID, told to that device alone in `unsigned.transaction_id`. */
  txn?: { sid: string; txnId: string }
  /** Made durable with the event: the idempotency record, for instance. */
  writes?: (eventId: EventId) => Write[]
  /** Refuses or adjusts the draft on the room as it is under the lock. */
  check?: (room: Room) => EventDraft | undefined
}

/**
 * @returns the event's ID once it is durable; for a state event that says what the state already says, the ID of that one
 * @throws MatrixError `M_FORBIDDEN` by the auth rules, `M_NOT_FOUND` for an unknown room, `M_TOO_LARGE`, `M_BAD_JSON`
 */
export type SendEvent = (roomId: RoomId, draft: EventDraft, options?: SendEventOptions) => Promise<EventId>

const attempts = 3

export function makeSendEvent(rooms: RoomsForWriting, commitEvents: CommitEvents, signer: Signer): SendEvent {
  async function sendOnce(roomId: RoomId, draft: EventDraft, options: SendEventOptions): Promise<EventId> {
    const { eventId, durable } = await rooms.lock(roomId, async () => {
      const room = await rooms.get(roomId)
      if (!room) throw notFound('This server does not know the room')
      const decided = options.check?.(room) ?? draft
      const unchanged = sameStateEvent(room, decided)
      if (unchanged) return { eventId: unchanged, durable: undefined }
      const placed = await prepareEvent(rooms, room, decided, signer, options.txn)
      const durable = commitEvents(room, [placed], { writes: options.writes?.(placed.event.eventId) ?? [] })
      durable.catch(() => undefined) // awaited below, outside the lock; it must not count as unhandled until then
      return { eventId: placed.event.eventId, durable }
    })
    await durable
    return eventId
  }

  return async (roomId, draft, options = {}) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await sendOnce(roomId, draft, options)
      } catch (error) {
        if (!(error instanceof StaleRoomError) || attempt === attempts) throw error
      }
    }
  }
}

/** Builds, checks and places one event. Under the room's lock. */
export async function prepareEvent(
  rooms: Pick<RoomsForWriting, 'readEvent' | 'landed'>,
  room: Room,
  draft: EventDraft,
  signer: Signer,
  txn?: { sid: string; txnId: string },
): Promise<Placed> {
  const { event, json } = signEvent(buildUnsignedEvent(room, draft, signer.now()), room.rules, signer)
  const verdict = checkAgainstState(event, (type, stateKey) => room.state.get(stateKeyOf(type, stateKey)), room.rules)
  if (!verdict.allowed) throw forbidden(`Not allowed: ${verdict.reason}`)
  const outcome = await decideRedaction(rooms, room, event)
  checkRedacts(room, draft.sender, outcome)
  const destinations = destinationsOf(room, signer.serverName, draft)
  return placeOnTop(room, event, json, {
    isLocal: true,
    isNew: true,
    ...(txn ? { txn } : {}),
    destinations,
    ...outcome,
  })
}

/** The rules let any user redact what their server's users sent; among our own, one needs the level for others' events. */
function checkRedacts(room: Room, sender: UserId, { redaction, awaitedTarget }: RedactionOutcome): void {
  const isOthers = redaction ? redaction.target.pdu.sender !== sender : awaitedTarget !== undefined
  if (isOthers && room.powerLevels.userLevel(sender) < room.powerLevels.redact)
    throw forbidden('You may not redact that event')
}

/** The other servers with joined members; also the server of a user who is removed while only invited. */
export function destinationsOf(
  room: Pick<Room, 'servers'>,
  own: ServerName,
  { type, stateKey, content }: Pick<EventDraft, 'type' | 'stateKey' | 'content'>,
): ServerName[] {
  const servers = new Set(room.servers.keys())
  const isRemoval = content.membership === 'leave' || content.membership === 'ban'
  if (type === 'm.room.member' && stateKey && isRemoval) servers.add(serverNameOf(stateKey as UserId))
  servers.delete(own)
  return [...servers]
}

function sameStateEvent(room: Room, draft: EventDraft): EventId | undefined {
  if (draft.stateKey === undefined) return undefined
  const current = room.state.get(stateKeyOf(draft.type, draft.stateKey))
  if (!current || current.pdu.sender !== draft.sender) return undefined
  return isDeepStrictEqual(current.pdu.content, draft.content) ? current.eventId : undefined
}
