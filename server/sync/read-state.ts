/**
 * The state of a room as a user may see it: the current one to its members and where the world may
 * read, that of their leaving to those who left.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate
 */
import { type JsonObject, type PduEvent, parseStateMapKey, stateKeyOf } from '../events/pdu.js'
import { forbidden, notFound } from '../kernel/errors.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Room, Rooms } from '../rooms/room.js'
import { stretchBelow } from '../rooms/segments.js'
import type { ClientEvents } from './client-events.js'
import { readGap } from './pagination-token.js'
import type { RoomAccess, Visibility } from './visibility.js'

type Reader = { userId: UserId; sid: string; roomId: RoomId }
type MembersQuery = Reader & {
  at?: string | undefined
  membership?: string | undefined
  notMembership?: string | undefined
}

export type ReadState = {
  /** @throws MatrixError 403 without access */
  readState(reader: Reader): Promise<JsonObject[]>
  /** @returns the client event. @throws MatrixError 403 without access, 404 for no such state */
  readStateEvent(reader: Reader, type: string, stateKey: string): Promise<JsonObject & { content: JsonObject }>
  /** Member events, now or at a pagination token. @throws MatrixError 403 without access, 400 for a bad token */
  readMembers(query: MembersQuery): Promise<JsonObject[]>
  /** Of a room the user is joined to. @throws MatrixError 403 otherwise */
  readJoinedMembers(
    userId: UserId,
    roomId: RoomId,
  ): Promise<Record<string, { display_name?: string; avatar_url?: string }>>
}

type Needs = {
  rooms: Pick<
    Rooms,
    'readStateNode' | 'readCurrent' | 'readMembers' | 'readEvents' | 'readStateEntryAt' | 'readTimeline'
  >
  visibility: Pick<Visibility, 'checkAccess'>
  clientEvents: Pick<ClientEvents, 'ofState'>
}

export function makeReadState({ rooms, visibility, clientEvents }: Needs): ReadState {
  async function checkStateAccess(userId: UserId, roomId: RoomId): Promise<RoomAccess> {
    const access = await visibility.checkAccess(userId, roomId)
    if (access.kind === 'invited') throw forbidden('You are not in this room')
    return access
  }

  /** Entries of a state, all or those of one type; from memory where it is the current one. */
  async function readEntries(room: Room, node: number | undefined, type?: string): Promise<PduEvent[]> {
    if (node === undefined) {
      const members = type === undefined || type === 'm.room.member' ? await rooms.readMembers(room) : []
      if (type === 'm.room.member') return [...members]
      const others = [...room.state.values()]
      return [...others.filter(({ pdu }) => type === undefined || pdu.type === type), ...members]
    }
    const state = [...(await rooms.readStateNode(room.roomId, node))]
    const wanted = type === undefined ? state : state.filter(([key]) => parseStateMapKey(key)[0] === type)
    return rooms.readEvents(wanted.map(([, eventId]) => eventId))
  }

  /** Node of the state at a token, never beyond what is the user's; undefined: the current state. */
  async function nodeAt({ room, node, lastSeq }: RoomAccess, at: string | undefined): Promise<number | undefined> {
    if (at === undefined) return node
    const seq = (await readGap(rooms, room, at)) - 1
    if (seq >= (lastSeq ?? room.maxSeq)) return node
    const place = stretchBelow(room, seq + 1)?.high ?? room.minSeq
    const [event] = await rooms.readTimeline(room.roomId, place, place)
    return event?.node ?? node
  }

  return {
    async readState({ userId, sid, roomId }) {
      const { room, node } = await checkStateAccess(userId, roomId)
      return clientEvents.ofState(room, await readEntries(room, node), { userId, sid, omitRoomId: false })
    },
    async readStateEvent({ userId, sid, roomId }, type, stateKey) {
      const { room, node } = await checkStateAccess(userId, roomId)
      const event =
        node === undefined
          ? (await rooms.readCurrent(room, [stateKeyOf(type, stateKey)])).get(stateKeyOf(type, stateKey))
          : await rooms.readStateEntryAt(roomId, node, type, stateKey)
      if (!event) throw notFound('The room has no such state')
      const [shown] = clientEvents.ofState(room, [event], { userId, sid, omitRoomId: false })
      return { ...shown, content: event.pdu.content }
    },
    async readMembers({ userId, sid, roomId, at, membership, notMembership }) {
      const access = await checkStateAccess(userId, roomId)
      const events = await readEntries(access.room, await nodeAt(access, at), 'm.room.member')
      const wanted = events.filter(({ pdu }) => isWanted(pdu.content.membership, membership, notMembership))
      return clientEvents.ofState(access.room, wanted, { userId, sid, omitRoomId: false })
    },
    async readJoinedMembers(userId, roomId) {
      const { kind, room } = await visibility.checkAccess(userId, roomId)
      if (kind !== 'joined') throw forbidden('You are not in this room')
      const joined: Record<string, { display_name?: string; avatar_url?: string }> = {}
      for (const { pdu } of await rooms.readMembers(room)) {
        const { membership, displayname, avatar_url } = pdu.content
        if (membership !== 'join' || pdu.state_key === undefined) continue
        joined[pdu.state_key] = {
          ...(typeof displayname === 'string' ? { display_name: displayname } : {}),
          ...(typeof avatar_url === 'string' ? { avatar_url } : {}),
        }
      }
      return joined
    },
  }
}

/** Both conditions together widen the choice, as the spec says. */
function isWanted(membership: unknown, wanted: string | undefined, unwanted: string | undefined): boolean {
  if (wanted === undefined && unwanted === undefined) return true
  return (wanted !== undefined && membership === wanted) || (unwanted !== undefined && membership !== unwanted)
}
