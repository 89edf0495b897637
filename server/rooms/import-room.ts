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

import { setImmediate as nextTurn } from 'node:timers/promises'
import { canonicalJson } from '../events/canonical-json.js'
import type { PduEvent } from '../events/pdu.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import { type EventId, type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import { stringifySpelled } from '../kernel/spelled-numbers.js'
import { setEvent } from '../store/event-store.js'
import { setServerCount } from '../store/member-store.js'
import { setMembership } from '../store/membership-store.js'
import { insertStateNode, readOtherStateRows, setStateCopy } from '../store/room-store.js'
import { sizeOfWrite } from '../store/write-size.js'
import { deleteRow, type StreamPosition, type Write } from '../store/writes.js'
import { type BuildStep, entryWrite } from './build-step.js'
import { writeChunks } from './copy-state.js'
import { readGround } from './extremities.js'
import { keyOf, placeOnTop, withNode } from './place-event.js'
import type { Membership, RoomMembership, Snapshot } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import { type Census, makeEmptySnapshot, membershipIn, nobody, userOfKey, withState } from './snapshot.js'
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

const rowsPerRead = 1_000
const eventsPerTurn = 2_000
/** Small enough to be built and sent without a stall, whatever waits. */
const piece = { bytes: 500_000, rows: 200 } as const

export function makeImportRoom(rooms: RoomsForWriting, buildStep: BuildStep, serverName: ServerName): ImportRoom {
  const { db } = rooms

  async function commitEach<T>(items: Iterable<T>, toWrites: (item: T) => Write[]): Promise<void> {
    let writes: Write[] = []
    let bytes = 0
    const commit = async () => {
      const committed = writes
      writes = []
      bytes = 0
      await db.commit(() => ({ writes: committed, changes: [], result: undefined }))
    }
    for (const item of items) {
      for (const write of toWrites(item)) {
        writes.push(write)
        bytes += sizeOfWrite(write)
      }
      if (writes.length >= piece.rows || bytes >= piece.bytes) await commit()
    }
    if (writes.length > 0) await commit()
  }

  /** States that the room does not have, or not any more. */
  async function deleteOtherStates(roomId: RoomId, current: number | undefined): Promise<void> {
    for (;;) {
      const rows = await readOtherStateRows(db, roomId, current, rowsPerRead)
      if (rows.length === 0) return
      await commitEach(rows, ({ table, id }) => [deleteRow(table, id)])
    }
  }

  return async (request) => {
    const { roomId, rules, createEvent, joinEvent } = request
    await rooms.write(roomId, async (tx) => {
      await tx.landed()
      const before = tx.durable
      const outliers = await missingOf(tx, [createEvent, ...request.state, ...request.authChain])
      await commitEach(outliers, (event) => [outlierWrite(event, rules)])
      await deleteOtherStates(roomId, before?.stateGeneration) // what a join that broke off has left

      const bare: Snapshot = {
        ...makeEmptySnapshot(createEvent, rules, serverName),
        nextNode: before?.nextNode ?? 0,
        stateGeneration: (before?.stateGeneration ?? -1) + 1,
        waiting: before?.waiting ?? PersistentMap.of(),
      }
      const { position } = db
      const told = await takeIn(bare, [createEvent, ...request.state], position)
      const room = withNode(told.room, { n: bare.nextNode })
      const chunks = await writeChunks(db, roomId, room.node, told.ids)
      await commitEach(told.events, (event) => {
        const write = entryWrite(room, event, position, stringifySpelled(event.pdu))
        const userId = userOfKey(keyOf(event))
        const row = userId && told.members.get(userId)
        const isLocal = userId && serverNameOf(userId) === serverName
        return row && !isLocal ? [write, membershipWrite([userId, row])] : [write]
      })
      await commitEach(told.servers, ([server, joined]) => [setServerCount(room, server, joined)])

      const json = canonicalJson(joinEvent.pdu, { strict: rules.strictCanonicalJson })
      const user = joinEvent.pdu.state_key as UserId // the caller's: a join of one of ours
      const held = told.events.find((event) => keyOf(event) === keyOf(joinEvent))
      const census: Census = { members: new Map(held ? [[user, held]] : []), servers: told.servers }
      const { next, placed } = placeOnTop(room, joinEvent, json, { isLocal: true, destinations: [] }, census)
      const locals = [...told.members].filter(([userId]) => serverNameOf(userId) === serverName)
      tx.stage(room, (_, timeline) => ({
        writes: [
          insertStateNode(roomId, { n: room.node, parent: room.node, entries: {} }),
          setStateCopy(roomId, { n: room.node, chunks }),
          ...locals.map(membershipWrite),
        ],
        changes: [],
        timeline,
        remembers: [() => rooms.setMembershipsInMemory(told.members)],
      }))
      // What was said while nobody of this server was inside is a hole; where nothing was, there is none.
      const { absent } = await readGround(joinEvent, (ids) => tx.readEvents(ids))
      tx.stage(next, buildStep(next, { ...placed, absent }), joinEvent.eventId)
    })
    const room = await rooms.get(roomId)
    await deleteOtherStates(roomId, room?.stateGeneration)
  }
}

type Told = {
  room: Snapshot
  events: readonly PduEvent[]
  ids: ReadonlyMap<string, EventId>
  /** As they are told; their history before the join lies on other servers. */
  members: ReadonlyMap<UserId, RoomMembership>
  /** Joined users of each other server. */
  servers: ReadonlyMap<ServerName, number>
}

/** The room with a state, and what is to be written of it. */
async function takeIn(bare: Snapshot, state: readonly PduEvent[], position: StreamPosition): Promise<Told> {
  const events = new Map(state.map((event) => [keyOf(event), event]))
  const ids = new Map<string, EventId>()
  const others = new Map<string, PduEvent>()
  const members = new Map<UserId, RoomMembership>()
  const local = new Map<UserId, Membership>()
  const joined = new Map<ServerName, number>()
  let invitedCount = 0
  for (const [key, event] of events) {
    if (ids.size % eventsPerTurn === 0) await nextTurn()
    const { eventId, pdu } = event
    ids.set(key, eventId)
    const userId = userOfKey(key)
    const membership = membershipIn(event)
    if (userId === undefined || membership === undefined) {
      others.set(key, event)
      continue
    }
    const server = serverNameOf(userId)
    members.set(userId, { roomId: bare.roomId, membership, eventId, sender: pdu.sender, position, forgotten: false })
    if (server === bare.serverName) local.set(userId, membership)
    if (membership === 'join') joined.set(server, (joined.get(server) ?? 0) + 1)
    if (membership === 'invite') invitedCount++
  }
  const localJoinedCount = joined.get(bare.serverName) ?? 0
  const joinedCount = [...joined.values()].reduce((sum, count) => sum + count, 0)
  joined.delete(bare.serverName)
  const room: Snapshot = {
    ...withState(bare, others, nobody),
    ...{ stateSize: events.size, localMembers: PersistentMap.of(local), joinedCount, invitedCount, localJoinedCount },
  }
  return { room, events: [...events.values()], ids, members, servers: joined }
}

async function missingOf(tx: Pick<RoomTx, 'readEvents'>, events: readonly PduEvent[]): Promise<PduEvent[]> {
  const unique = new Map(events.map((event) => [event.eventId, event]))
  for (const { eventId } of await tx.readEvents([...unique.keys()])) unique.delete(eventId)
  return [...unique.values()]
}

/** An event whose place in the room is unknown, to be judged by. */
export function outlierWrite(event: PduEvent, rules: RoomVersionRules): Write {
  return setEvent(event.eventId, {
    room_id: event.roomId,
    status: event.rejected ? 'rejected' : 'outlier',
    pdu: canonicalJson(event.pdu, { strict: rules.strictCanonicalJson }),
  })
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
