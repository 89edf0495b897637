/**
 * The rooms of a space, as its state names them, and a space with them as servers tell each other.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mspacechild
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#ordering-of-children-within-a-space
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import { parseRoomId, parseServerName, type RoomId, type ServerName } from '../kernel/identifiers.js'
import { describeRoom, type RoomSummary, readSummary } from './describe-room.js'
import type { Room } from './room.js'

/** An `m.space.child` event as the hierarchy shows it. */
export type ChildState = {
  type: string
  state_key: string
  content: JsonObject
  sender: string
  origin_server_ts: number
}
export type SpaceRoom = RoomSummary & { children_state: ChildState[] }
export type SpaceChild = { roomId: RoomId; via: ServerName[]; isSuggested: boolean }

/** A space as another server describes it to this one. */
export type RemoteSpace = { room: SpaceRoom; children: RoomSummary[]; inaccessible: RoomId[] }

export const isSpace = ({ room_type }: Pick<RoomSummary, 'room_type'>) => room_type === 'm.space'

export function describeSpaceRoom(room: Room): SpaceRoom {
  const summary = describeRoom(room)
  if (!isSpace(summary)) return { ...summary, children_state: [] }
  const states: ChildState[] = []
  for (const { pdu } of room.state.values())
    if (pdu.type === 'm.space.child' && pdu.state_key !== undefined && viaOf(pdu.content).length > 0) {
      const { type, state_key, content, sender, origin_server_ts } = pdu
      states.push({ type, state_key, content, sender, origin_server_ts })
    }
  return { ...summary, children_state: states }
}

/** In the order in which they are to be shown; events that name no room or no server are no children. */
export function childrenOf({ children_state: states }: Pick<SpaceRoom, 'children_state'>): SpaceChild[] {
  return states.toSorted(byOrder).flatMap(({ state_key, content }) => {
    const roomId = parseRoomId(state_key)
    const via = viaOf(content)
    return roomId && via.length > 0 ? [{ roomId, via, isSuggested: content.suggested === true }] : []
  })
}

function viaOf({ via }: JsonObject): ServerName[] {
  return Array.isArray(via) ? via.flatMap((server: unknown) => parseServerName(server) ?? []) : []
}

/** Those with a valid `order` first, by code points; then by time; then by room ID. */
function byOrder(a: ChildState, b: ChildState): number {
  const [orderA, orderB] = [orderOf(a), orderOf(b)]
  if (orderA !== orderB) {
    if (orderA === undefined) return 1
    if (orderB === undefined) return -1
    return orderA < orderB ? -1 : 1
  }
  return a.origin_server_ts - b.origin_server_ts || (a.state_key < b.state_key ? -1 : 1)
}

/** At most 50 characters from U+0020 to U+007E; anything else is as if it were not there. */
const orderOf = ({ content: { order } }: ChildState) =>
  typeof order === 'string' && /^[\x20-\x7e]{1,50}$/.test(order) ? order : undefined

/** Reads what another server answered; undefined where it is not about that room. */
export function readRemoteSpace(answer: JsonObject, roomId: RoomId): RemoteSpace | undefined {
  const summary = readSummary(answer.room)
  if (!summary || summary.room_id !== roomId) return undefined
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
  const states = list((answer.room as JsonObject).children_state).filter(isChildState)
  return {
    room: { ...summary, children_state: states.map(toChildState) },
    children: list(answer.children).flatMap((child) => readSummary(child) ?? []),
    inaccessible: list(answer.inaccessible_children).flatMap((id) => parseRoomId(id) ?? []),
  }
}

const isChildState = (value: unknown): value is ChildState =>
  isJsonObject(value) &&
  value.type === 'm.space.child' &&
  typeof value.state_key === 'string' &&
  typeof value.sender === 'string' &&
  Number.isSafeInteger(value.origin_server_ts) &&
  isJsonObject(value.content)

const toChildState = ({ type, state_key, content, sender, origin_server_ts }: ChildState): ChildState => ({
  ...{ type, state_key, content, sender, origin_server_ts },
})
