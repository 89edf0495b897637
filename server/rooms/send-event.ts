/**
 * Sends an event of a local user: the one way in which this server's own users change a room.
 *
 * Built on the room in memory, checked against its current state, staged, and answered once it is durable.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#pdus
 */
import { isDeepStrictEqual } from 'node:util'
import { checkAgainstState } from '../events/auth-rules/index.js'
import { stateKeyOf } from '../events/pdu.js'
import { forbidden, notFound } from '../kernel/errors.js'
import { type EventId, type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Write } from '../store/writes.js'
import { buildUnsignedEvent, type EventDraft, keysFor, type Signer, signEvent } from './build-event.js'
import type { BuildStep } from './build-step.js'
import { gatherParent } from './gather-relations.js'
import { keyOf, type Origin, type Placement, placeOnTop } from './place-event.js'
import { decideRedaction, type RedactionOutcome, targetOf, waitingOf } from './redactions.js'
import type { Entries, Snapshot, StoredEvent } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import { userOfKey } from './snapshot.js'
import type { RoomTx } from './write-room.js'

export type SendEventOptions = {
  /** The device's transaction ID, told to that device alone in `unsigned.transaction_id`. */
  txn?: { sid: string; txnId: string }
  /** Made durable with the event: the idempotency record, for instance. */
  writes?: (eventId: EventId) => Write[]
  /** Refuses or adjusts the draft on the room as it is under the lock. */
  check?: (room: Snapshot) => EventDraft | undefined
}

/**
 * @returns the event's ID once it is durable; for a state event that says what the state already says, the ID of that one
 * @throws MatrixError `M_FORBIDDEN` by the auth rules, `M_NOT_FOUND` for an unknown room, `M_TOO_LARGE`, `M_BAD_JSON`
 */
export type SendEvent = (roomId: RoomId, draft: EventDraft, options?: SendEventOptions) => Promise<EventId>

export function makeSendEvent(rooms: RoomsForWriting, buildStep: BuildStep, signer: Signer): SendEvent {
  /** Who comes in is mostly not in memory: a crowd is read side by side, not one by one under the lock. */
  async function prepare(roomId: RoomId, { type, sender, stateKey }: EventDraft): Promise<void> {
    const room = type === 'm.room.member' && stateKey !== undefined ? await rooms.get(roomId) : undefined
    if (room) await rooms.prepareMembers(room, [...new Set([sender, stateKey as UserId])])
  }

  return async (roomId, draft, options = {}) => {
    await prepare(roomId, draft)
    return rooms.write(roomId, async (tx) => {
      const room = tx.tip
      if (!room) throw notFound('This server does not know the room')
      const decided = options.check?.(room) ?? draft
      const current = await tx.readCurrent(keysFor(room, decided))
      const unchanged = sameStateEvent(current, decided)
      if (unchanged) return unchanged
      const { next, placed } = await prepareEvent(tx, room, decided, current, signer, options.txn)
      const { eventId } = placed.event
      tx.stage(next, buildStep(next, placed, options.writes?.(eventId)), eventId)
      return eventId
    })
  }
}

/**
 * Builds, checks and places one event. Under the room's lock.
 *
 * @param current what `keysFor` the draft names
 */
export async function prepareEvent(
  tx: Pick<RoomTx, 'readEvents' | 'readCensus' | 'readServers'>,
  room: Snapshot,
  draft: EventDraft,
  current: Entries,
  signer: Signer,
  txn?: { sid: string; txnId: string },
): Promise<Placement> {
  const { event, json } = signEvent(buildUnsignedEvent(room, draft, current, signer.now()), room.rules, signer)
  const verdict = checkAgainstState(event, (type, stateKey) => current.get(stateKeyOf(type, stateKey)), room.rules)
  if (!verdict.allowed) throw forbidden(`Not allowed: ${verdict.reason}`)
  const targetId = targetOf(event, room.rules)
  const [target] = targetId ? await tx.readEvents([targetId]) : []
  const relatesTo = await gatherParent(tx, event)
  const outcome = decideRedaction(room, event, target, room.powerLevels)
  checkRedacts(room, draft.sender, target, outcome)
  const redacted = outcome.kind === 'applied' ? [keyOf(outcome.redaction.redacted)] : []
  const users = [...(draft.stateKey === undefined ? [] : [keyOf(event)]), ...redacted].flatMap(
    (key) => userOfKey(key) ?? [],
  )
  const origin: Origin = {
    isLocal: true,
    isNew: true,
    ...(txn ? { txn } : {}),
    ...(relatesTo ? { relatesTo } : {}),
    destinations: destinationsOf(await serversOf(tx, room), signer.serverName, draft),
    ...(outcome.kind === 'applied' ? { redaction: outcome.redaction } : {}),
    // Who may redact anything may do so before it comes: shown at once, as it is sure to be applied.
    ...(outcome.kind === 'waits'
      ? { waits: { target: outcome.target, entry: waitingOf(room, event, room.powerLevels, signer.now()) } }
      : {}),
  }
  return placeOnTop(room, event, json, origin, await tx.readCensus(users))
}

/** Most rooms are of this server alone, and then nothing has to be read. */
const serversOf = async (tx: Pick<RoomTx, 'readServers'>, { joinedCount, localJoinedCount }: Snapshot) =>
  joinedCount === localJoinedCount ? [] : (await tx.readServers()).keys()

/** The rules let any user redact what their server's users sent; among our own, one needs the level for others' events. */
function checkRedacts(
  room: Snapshot,
  sender: UserId,
  target: StoredEvent | undefined,
  { kind }: RedactionOutcome,
): void {
  if (kind === 'none') return
  const isOwn = kind === 'applied' && target?.pdu.sender === sender
  if (kind === 'hidden' || (!isOwn && room.powerLevels.userLevel(sender) < room.powerLevels.redact))
    throw forbidden('You may not redact that event')
}

/** The other servers with joined members; also the server of a user who is removed while only invited. */
export function destinationsOf(
  joined: Iterable<ServerName>,
  own: ServerName,
  { type, stateKey, content }: Pick<EventDraft, 'type' | 'stateKey' | 'content'>,
): ServerName[] {
  const servers = new Set(joined)
  const isRemoval = content.membership === 'leave' || content.membership === 'ban'
  if (type === 'm.room.member' && stateKey && isRemoval) servers.add(serverNameOf(stateKey as UserId))
  servers.delete(own)
  return [...servers]
}

function sameStateEvent(state: Entries, draft: EventDraft): EventId | undefined {
  if (draft.stateKey === undefined) return undefined
  const current = state.get(stateKeyOf(draft.type, draft.stateKey))
  if (!current || current.pdu.sender !== draft.sender) return undefined
  return isDeepStrictEqual(current.pdu.content, draft.content) ? current.eventId : undefined
}
