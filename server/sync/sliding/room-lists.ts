/**
 * Lists of rooms: which a filter lets through, in the order in which something was last said, and the windows on them.
 */
import { isJsonObject, type JsonObject, stateKeyOf } from '../../events/pdu.js'
import type { RoomId } from '../../kernel/identifiers.js'
import type { Room, RoomMembership } from '../../rooms/room.js'
import type { AccountDataOfUser } from '../account-data-changes.js'
import type { ListFilters, ListRequest } from './request.js'

export type ListAnswer = { count: number; ops: { op: 'SYNC'; range: [number, number]; room_ids: RoomId[] }[] }

export type ListedRoom = { row: RoomMembership; stamp: number }

/** Whether a filter can be answered only of rooms that are loaded. */
export const needsRooms = ({ filters = {} }: ListRequest): boolean =>
  filters.is_encrypted !== undefined ||
  filters.room_types !== undefined ||
  filters.not_room_types !== undefined ||
  filters.spaces !== undefined ||
  filters.room_name_like !== undefined

type Known = { account: AccountDataOfUser; peek(roomId: RoomId): Room | undefined }

/** @param rooms all that may be in a list, newest first */
export function listRooms(
  { ranges = [], filters = {} }: ListRequest,
  rooms: readonly ListedRoom[],
  known: Known,
): { answer: ListAnswer; shown: RoomId[] } {
  const matches = matcherOf(filters, known)
  const roomIds = rooms.filter(({ row }) => matches(row)).map(({ row }) => row.roomId)
  const ops = ranges.map(([first, last]) => ({
    op: 'SYNC' as const,
    range: [first, last] as [number, number],
    room_ids: roomIds.slice(first, last + 1),
  }))
  return { answer: { count: roomIds.length, ops }, shown: ops.flatMap(({ room_ids }) => room_ids) }
}

function matcherOf(filters: ListFilters, { account, peek }: Known): (row: RoomMembership) => boolean {
  const direct = directRooms(account)
  const children = filters.spaces && new Set(filters.spaces.flatMap((space) => childrenOf(peek(space as RoomId))))
  const name = filters.room_name_like?.toLowerCase()
  const isIn = (list: readonly (string | null)[], type: string | undefined) => list.includes(type ?? null)
  const tagsOf = (roomId: RoomId) => {
    const tags = account.rooms.get(roomId)?.get('m.tag')?.content.tags
    return isJsonObject(tags) ? Object.keys(tags) : []
  }
  return ({ roomId, membership, stripped }) => {
    const read = (type: string) =>
      peek(roomId)?.state.get(stateKeyOf(type, ''))?.pdu.content ?? strippedContent(stripped, type)
    if (filters.is_dm !== undefined && direct.has(roomId) !== filters.is_dm) return false
    if (filters.is_invite !== undefined && (membership === 'invite') !== filters.is_invite) return false
    if (filters.is_encrypted !== undefined && (read('m.room.encryption') !== undefined) !== filters.is_encrypted)
      return false
    if (children && !children.has(roomId)) return false
    if (filters.room_types || filters.not_room_types) {
      const type = read('m.room.create')?.type
      const given = typeof type === 'string' ? type : undefined
      if (filters.not_room_types && isIn(filters.not_room_types, given)) return false
      if (filters.room_types && !isIn(filters.room_types, given)) return false
    }
    if (
      name !== undefined &&
      !String(read('m.room.name')?.name ?? '')
        .toLowerCase()
        .includes(name)
    )
      return false
    if (!filters.tags && !filters.not_tags) return true
    const tags = tagsOf(roomId)
    if (filters.not_tags?.some((tag) => tags.includes(tag))) return false
    return !filters.tags || filters.tags.some((tag) => tags.includes(tag))
  }
}

const strippedContent = (stripped: readonly JsonObject[] | undefined, type: string): JsonObject | undefined => {
  const content = stripped?.find((event) => event.type === type && event.state_key === '')?.content
  return isJsonObject(content) ? content : undefined
}

function childrenOf(space: Room | undefined): string[] {
  const children: string[] = []
  for (const { pdu } of space?.state.values() ?? [])
    if (pdu.type === 'm.space.child' && pdu.state_key !== undefined && Array.isArray(pdu.content.via))
      children.push(pdu.state_key)
  return children
}

/** The user's direct chats, by their `m.direct`. */
export function directRooms(account: AccountDataOfUser): ReadonlySet<string> {
  const content = account.global.get('m.direct')?.content ?? {}
  const lists = Object.values(content).filter((list) => Array.isArray(list)) as unknown[][]
  return new Set(lists.flat().filter((roomId) => typeof roomId === 'string'))
}
