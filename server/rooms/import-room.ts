/**
 * Takes over a room as another server told it when a local user joined through that server: state and
 * auth chain as outliers, the current state, and the join as the first event of the timeline here.
 *
 * The bulk is written first, in pieces that mean nothing by themselves; the last piece makes the room
 * appear. A crash between leaves outliers and nothing else.
 *
 * Everything handed in has passed the signature and auth checks of the caller.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 */
import { canonicalJson } from '../events/canonical-json.js'
import { type PduEvent, parseStateMapKey, stateKeyOf } from '../events/pdu.js'
import { readPowerLevels } from '../events/power-levels.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import type { RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import { setEvent } from '../store/event-store.js'
import { setMembership } from '../store/membership-store.js'
import { deleteStateEntry, insertStateNode, setStateEntry } from '../store/room-store.js'
import { inPieces } from '../store/write-size.js'
import type { StreamPosition, Write } from '../store/writes.js'
import type { CommitEvents } from './commit-events.js'
import { makeEmptyRoom, newRow } from './create-room.js'
import { countMember } from './load-room.js'
import { fieldsOf, placeOnTop, takeNode } from './place-event.js'
import type { Membership, Room, RoomMembership } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import { buildStateNode } from './state-nodes.js'

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

export function makeImportRoom(rooms: RoomsForWriting, commitEvents: CommitEvents, serverName: ServerName): ImportRoom {
  async function commitPieces(writes: Write[]): Promise<void> {
    for (const piece of inPieces(writes))
      await rooms.db.commit(() => ({ writes: piece, changes: [], result: undefined }))
  }

  return (request) =>
    rooms.lock(request.roomId, async () => {
      const { roomId, rules, createEvent, joinEvent } = request
      const before = await rooms.get(roomId)
      const outliers = await missingOf(rooms, [createEvent, ...request.state, ...request.authChain])
      await commitPieces(outliers.map((event) => outlierWrite(event, rules)))

      const room = before ?? { ...makeEmptyRoom(createEvent, rules, serverName), historyComplete: false }
      const unpin = rooms.pin(room)
      try {
        const staleKeys = new Set(room.state.keys())
        replaceState(room, [createEvent, ...request.state])
        const node = buildStateNode(
          room.nextNode,
          undefined,
          new Map(),
          () => new Map([...room.state].map(([key, { eventId }]) => [key, eventId])),
        )
        takeNode(room, node)
        for (const key of room.state.keys()) staleKeys.delete(key)
        const { position } = rooms.db
        await commitPieces(stateWrites(room, staleKeys, position))
        for (const [userId, row] of membershipsIn(room, position)) rooms.setMembershipInMemory(userId, row)
        if (!before) rooms.add(room)
        room.extremities = [] // only the join leads on from here; what came before it lies on other servers
        const joined = placeOnTop(
          room,
          joinEvent,
          canonicalJson(joinEvent.pdu, { strict: rules.strictCanonicalJson }),
          {
            isLocal: true,
            destinations: [],
          },
        )
        room.historyComplete = false
        await commitEvents(room, [{ ...joined, roomFields: fieldsOf(room) }], {
          writes: [insertStateNode(roomId, node)],
          room: newRow(room),
        })
      } catch (error) {
        rooms.drop(room)
        throw error
      } finally {
        unpin()
      }
    })
}

async function missingOf(rooms: RoomsForWriting, events: readonly PduEvent[]): Promise<PduEvent[]> {
  const unique = new Map(events.map((event) => [event.eventId, event]))
  for (const { eventId } of await rooms.readEvents([...unique.keys()])) unique.delete(eventId)
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

function replaceState(room: Room, state: readonly PduEvent[]): void {
  room.state = new Map(state.map((event) => [stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event]))
  room.localMembers = new Map()
  room.joinedCount = 0
  room.invitedCount = 0
  room.joined = new Set()
  room.servers = new Map()
  for (const event of state) countMember(room, undefined, event)
  const levels = room.state.get(stateKeyOf('m.room.power_levels', ''))
  room.powerLevels = readPowerLevels(levels?.pdu.content, room.createEvent, room.rules)
}

/** The members as the memory knows them; their history before the join lies on other servers. */
function* membershipsIn(room: Room, position: StreamPosition): Generator<[UserId, RoomMembership]> {
  for (const { eventId, pdu } of room.state.values()) {
    if (pdu.type !== 'm.room.member') continue
    const membership = pdu.content.membership as Membership // the auth rules know no other
    const row = { roomId: room.roomId, membership, eventId, sender: pdu.sender, position, forgotten: false }
    yield [pdu.state_key as UserId, row]
  }
}

function stateWrites(room: Room, staleKeys: ReadonlySet<string>, position: StreamPosition): Write[] {
  const { roomId } = room
  const writes: Write[] = []
  for (const [key, event] of room.state) {
    const [type, stateKey] = parseStateMapKey(key)
    const { eventId, pdu } = event
    writes.push(
      setStateEntry(roomId, type, stateKey, {
        event_id: eventId,
        sender: pdu.sender,
        position,
        pdu: JSON.stringify(pdu),
      }),
    )
    if (type !== 'm.room.member') continue
    writes.push(
      setMembership(stateKey as UserId, {
        room_id: roomId,
        membership: String(pdu.content.membership),
        event_id: eventId,
        sender: pdu.sender,
        position,
        seq: undefined,
        forgotten: false,
        stripped: undefined,
      }),
    )
  }
  for (const key of staleKeys) writes.push(deleteStateEntry(roomId, ...parseStateMapKey(key)))
  return writes
}
