/**
 * Takes over a room as another server told it when a local user joined through that server: state and
 * auth chain as outliers, the current state, and the join as the first event of the timeline here.
 *
 * The bulk is written first, in pieces that mean nothing by themselves: the state of a room is of a generation,
 * which the room's row names. The last piece makes the room appear, or puts the new state in the place of that which
 * an earlier stay has left. A crash between leaves the old state whole.
 *
 * Everything handed in has passed the signature and auth checks of the caller.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 */
import { canonicalJson } from '../events/canonical-json.js'
import { type PduEvent, parseStateMapKey, prevEventIds, stateKeyOf } from '../events/pdu.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import { type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import { setEvent } from '../store/event-store.js'
import { setMembership } from '../store/membership-store.js'
import { deleteStateEntry, insertStateNode, readOtherStateKeys, setStateEntry } from '../store/room-store.js'
import { inPieces } from '../store/write-size.js'
import type { StreamPosition, Write } from '../store/writes.js'
import type { BuildStep } from './build-step.js'
import { groundOf } from './extremities.js'
import { placeOnTop, withNode } from './place-event.js'
import type { Membership, RoomMembership, Snapshot } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import { idsOf, makeEmptySnapshot, withState } from './snapshot.js'
import { extendNode } from './state-nodes.js'
import type { RoomTx } from './write-room.js'

export type ImportRoomRequest = {
  roomId: RoomId
  rules: RoomVersionRules
  createEvent: PduEvent
  /** State before the join. */
  state: readonly PduEvent[]
  authChain: readonly PduEvent[]
  joinEvent: PduEvent
}

export type ImportRoom = (request: ImportRoomRequest) => Promise<void>

const keysPerRead = 1_000

export function makeImportRoom(rooms: RoomsForWriting, buildStep: BuildStep, serverName: ServerName): ImportRoom {
  const { db } = rooms

  async function commitPieces(writes: readonly Write[]): Promise<void> {
    for (const piece of inPieces(writes)) await db.commit(() => ({ writes: piece, changes: [], result: undefined }))
  }

  /** States that the room does not have, or not any more. */
  async function deleteOtherStates(roomId: RoomId, current: number | undefined): Promise<void> {
    for (;;) {
      const keys = await readOtherStateKeys(db, roomId, current, keysPerRead)
      if (keys.length === 0) return
      await commitPieces(keys.map((key) => deleteStateEntry(roomId, ...key)))
    }
  }

  return async (request) => {
    const { roomId, rules, createEvent, joinEvent } = request
    await rooms.write(roomId, async (tx) => {
      await tx.landed()
      const before = tx.durable
      const outliers = await missingOf(tx, [createEvent, ...request.state, ...request.authChain])
      await commitPieces(outliers.map((event) => outlierWrite(event, rules)))
      await deleteOtherStates(roomId, before?.stateGeneration) // what a join that broke off has left

      const bare: Snapshot = {
        ...makeEmptySnapshot(createEvent, rules, serverName),
        nextNode: before?.nextNode ?? 0,
        stateGeneration: (before?.stateGeneration ?? -1) + 1,
        waiting: before?.waiting ?? PersistentMap.of(),
      }
      const told = withState(bare, byKey([createEvent, ...request.state]))
      const node = extendNode(bare.nextNode, undefined, new Map(), () => idsOf(told))
      const room = withNode(told, node)
      const { position } = db
      const members = membershipsIn(room, position)
      const isLocal = (userId: UserId) => serverNameOf(userId) === serverName
      await commitPieces(stateWrites(room, position))
      await commitPieces(members.filter(([userId]) => !isLocal(userId)).map(membershipWrite))

      const json = canonicalJson(joinEvent.pdu, { strict: rules.strictCanonicalJson })
      const { next, placed } = placeOnTop(room, joinEvent, json, { isLocal: true, destinations: [] })
      tx.stage(room, (_, timeline) => ({
        writes: [
          insertStateNode(roomId, node.row),
          ...members.filter(([userId]) => isLocal(userId)).map(membershipWrite),
        ],
        changes: [],
        timeline,
        remembers: members.map(
          ([userId, row]) =>
            () =>
              rooms.setMembershipInMemory(userId, row),
        ),
      }))
      // What was said while nobody of this server was inside is a hole; where nothing was, there is none.
      const absent = groundOf(joinEvent, await tx.readEvents(prevEventIds(joinEvent.pdu))).absent
      tx.stage(next, buildStep(next, { ...placed, absent }), joinEvent.eventId)
    })
    const room = await rooms.get(roomId)
    await deleteOtherStates(roomId, room?.stateGeneration)
  }
}

async function missingOf(tx: Pick<RoomTx, 'readEvents'>, events: readonly PduEvent[]): Promise<PduEvent[]> {
  const unique = new Map(events.map((event) => [event.eventId, event]))
  for (const { eventId } of await tx.readEvents([...unique.keys()])) unique.delete(eventId)
  return [...unique.values()]
}

/** An event whose place in the room is unknown, to be judged by. */
export function outlierWrite(event: PduEvent, rules: RoomVersionRules): Write {
  const { pdu } = event
  return setEvent(event.eventId, {
    room_id: event.roomId,
    sender: pdu.sender,
    type: pdu.type,
    ...(pdu.state_key === undefined ? {} : { state_key: pdu.state_key }),
    depth: pdu.depth,
    origin_server_ts: pdu.origin_server_ts,
    status: event.rejected ? 'rejected' : 'outlier',
    pdu: canonicalJson(pdu, { strict: rules.strictCanonicalJson }),
  })
}

const byKey = (state: readonly PduEvent[]): Map<string, PduEvent> =>
  new Map(state.map((event) => [stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event]))

/** The members as they are told; their history before the join lies on other servers. */
function membershipsIn(room: Snapshot, position: StreamPosition): [UserId, RoomMembership][] {
  const members: [UserId, RoomMembership][] = []
  for (const { eventId, pdu } of room.state.values()) {
    if (pdu.type !== 'm.room.member') continue
    const membership = pdu.content.membership as Membership // the auth rules know no other
    const row = { roomId: room.roomId, membership, eventId, sender: pdu.sender, position, forgotten: false }
    members.push([pdu.state_key as UserId, row])
  }
  return members
}

const membershipWrite = ([userId, { roomId, membership, eventId, sender, position }]: [
  UserId,
  RoomMembership,
]): Write =>
  setMembership(userId, {
    room_id: roomId,
    membership,
    event_id: eventId,
    sender,
    position,
    seq: undefined,
    forgotten: false,
    stripped: undefined,
  })

function stateWrites(room: Snapshot, position: StreamPosition): Write[] {
  const writes: Write[] = []
  for (const [key, { eventId, pdu }] of room.state) {
    const entry = { event_id: eventId, sender: pdu.sender, position, pdu: JSON.stringify(pdu) }
    writes.push(setStateEntry(room, ...parseStateMapKey(key), entry))
  }
  return writes
}
