/**
 * Filters: what a client asks to be sent, read once into functions.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#filtering
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import { badJson, invalidParam, MatrixError } from '../kernel/errors.js'
import { parseRoomId, parseUserId, type UserId } from '../kernel/identifiers.js'

/** What a filter looks at. Ephemeral events and account data have no sender or no room of their own. */
export type Filterable = { type: string; sender?: string; roomId?: string; content?: JsonObject }
export type Matcher = (event: Filterable) => boolean

export type RoomEventFilter = {
  matches: Matcher
  /** Undefined where the client named none. */
  limit: number | undefined
  lazyLoadMembers: boolean
  includeRedundantMembers: boolean
  unreadThreadNotifications: boolean
}

export type SyncFilter = {
  matchesRoom(roomId: string): boolean
  includeLeave: boolean
  timeline: RoomEventFilter
  state: RoomEventFilter
  ephemeral: Matcher
  roomAccountData: Matcher
  accountData: Matcher
  presence: Matcher
  /** Dot-separated paths; undefined: all of the event. */
  eventFields: string[] | undefined
  eventFormat: 'client' | 'federation'
}

/** Largest number of timeline events a client gets at once, and what it gets when it does not say. */
export const timelineLimits = { most: 500, fallback: 10 } as const

const everything: Matcher = () => true

/** A filter that lets everything through. */
export const emptyFilter: SyncFilter = readSyncFilter({})
export const emptyRoomEventFilter: RoomEventFilter = readRoomEventFilter({})

/** @throws MatrixError 400 `M_BAD_JSON` where a member has a wrong type */
export function readSyncFilter(definition: unknown): SyncFilter {
  const filter = objectOf(definition, 'filter')
  const room = objectOf(filter.room, 'room')
  const rooms = namesOf(room, 'rooms', parseRoomId)
  const notRooms = namesOf(room, 'not_rooms', parseRoomId)
  const eventFormat = filter.event_format ?? 'client'
  if (eventFormat !== 'client' && eventFormat !== 'federation') throw badJson('event_format is not one of the spec')
  const eventFields = listOf(filter, 'event_fields')
  return {
    matchesRoom: (roomId) => !notRooms?.has(roomId) && (rooms?.has(roomId) ?? true),
    includeLeave: flagOf(room, 'include_leave'),
    timeline: readRoomEventFilter(room.timeline),
    state: readRoomEventFilter(room.state),
    ephemeral: matcherOf(objectOf(room.ephemeral, 'ephemeral')),
    roomAccountData: matcherOf(objectOf(room.account_data, 'account_data')),
    accountData: matcherOf(objectOf(filter.account_data, 'account_data')),
    presence: matcherOf(objectOf(filter.presence, 'presence')),
    eventFields: eventFields && eventFields.length > 0 ? eventFields : undefined,
    eventFormat,
  }
}

/** @throws MatrixError 400 `M_BAD_JSON` where a member has a wrong type */
export function readRoomEventFilter(definition: unknown): RoomEventFilter {
  const filter = objectOf(definition, 'room event filter')
  const { limit } = filter
  if (limit !== undefined && (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0))
    throw badJson('limit is not a number of events')
  return {
    matches: matcherOf(filter),
    limit: limit as number | undefined,
    lazyLoadMembers: flagOf(filter, 'lazy_load_members'),
    includeRedundantMembers: flagOf(filter, 'include_redundant_members'),
    unreadThreadNotifications: flagOf(filter, 'unread_thread_notifications'),
  }
}

/**
 * The `filter` of a query: JSON text.
 *
 * @throws MatrixError 400 `M_NOT_JSON`, `M_BAD_JSON`
 */
export function parseFilterText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new MatrixError(400, 'M_NOT_JSON', 'filter is not JSON')
  }
}

/** A stored filter's definition. @throws MatrixError 404 where the user has none with that ID */
export type ReadFilter = (userId: UserId, filterId: string) => Promise<Record<string, unknown>>

/**
 * The `filter` of /sync: an ID, or JSON that begins with a brace.
 *
 * @throws MatrixError 400 `M_INVALID_PARAM` for an unknown ID
 */
export async function resolveSyncFilter(
  readFilter: ReadFilter,
  userId: UserId,
  text: string | undefined,
): Promise<SyncFilter> {
  if (text === undefined || text === '') return emptyFilter
  if (text.startsWith('{')) return readSyncFilter(parseFilterText(text))
  return readSyncFilter(
    await readFilter(userId, text).catch((error: unknown) => {
      // 404 would say that there is no /sync.
      throw error instanceof MatrixError && error.status === 404 ? invalidParam('No such filter ID') : error
    }),
  )
}

export const timelineLimitOf = ({ limit }: RoomEventFilter): number =>
  Math.min(limit ?? timelineLimits.fallback, timelineLimits.most)

function matcherOf(filter: JsonObject): Matcher {
  const types = typesOf(filter, 'types')
  const notTypes = typesOf(filter, 'not_types')
  const senders = namesOf(filter, 'senders', parseUserId)
  const notSenders = namesOf(filter, 'not_senders', parseUserId)
  const rooms = namesOf(filter, 'rooms', parseRoomId)
  const notRooms = namesOf(filter, 'not_rooms', parseRoomId)
  const { contains_url: containsUrl } = filter
  if (containsUrl !== undefined && typeof containsUrl !== 'boolean') throw badJson('contains_url is not a boolean')
  if (!types && !notTypes && !senders && !notSenders && !rooms && !notRooms && containsUrl === undefined)
    return everything
  return ({ type, sender, roomId, content }) => {
    if (notTypes?.(type) || (types && !types(type))) return false
    if (sender !== undefined && (notSenders?.has(sender) || (senders && !senders.has(sender)))) return false
    if (roomId !== undefined && (notRooms?.has(roomId) || (rooms && !rooms.has(roomId)))) return false
    return containsUrl === undefined || (typeof content?.url === 'string') === containsUrl
  }
}

/** Event types by name, or with `*` for any characters. */
function typesOf(filter: JsonObject, name: string): ((type: string) => boolean) | undefined {
  const patterns = listOf(filter, name)
  if (!patterns) return undefined
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')))
  const globs = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'))
  return (type) => exact.has(type) || globs.some((parts) => fitsParts(type, parts))
}

/** Without a regular expression, whose running time a client could choose. */
function fitsParts(text: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= text.length - last.length
}

/** @param parse what an entry has to be */
function namesOf(
  filter: JsonObject,
  name: string,
  parse: (entry: string) => string | undefined,
): Set<string> | undefined {
  const list = listOf(filter, name)
  if (list?.some((entry) => parse(entry) === undefined)) throw badJson(`${name} has an entry that is no ID`)
  return list && new Set(list)
}

function listOf(filter: JsonObject, name: string): string[] | undefined {
  const value = filter[name]
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string'))
    throw badJson(`${name} is not a list of strings`)
  return value
}

function flagOf(filter: JsonObject, name: string): boolean {
  const value = filter[name] ?? false
  if (typeof value !== 'boolean') throw badJson(`${name} is not a boolean`)
  return value
}

function objectOf(value: unknown, name: string): JsonObject {
  if (value === undefined || value === null) return {}
  if (!isJsonObject(value)) throw badJson(`${name} is not an object`)
  return value
}
