/**
 * Matrix identifiers as branded types: a value of type `RoomId` has been parsed, never cast.
 *
 * `parse…` answers undefined for anything that is not such an identifier; the caller knows which
 * error that means. Schemas are for the HTTP edge, where a mismatch is 400 `M_INVALID_PARAM`.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#common-identifier-format
 */
import { Type } from 'typebox'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type ServerName = Branded<'ServerName'>
export type UserId = Branded<'UserId'>
export type RoomId = Branded<'RoomId'>
export type RoomAlias = Branded<'RoomAlias'>
export type EventId = Branded<'EventId'>
export type DeviceId = Branded<'DeviceId'>
/** `mxc://server/media-id` taken apart. */
export type MxcUri = { serverName: ServerName; mediaId: string }

const maxIdBytes = 255
const isShort = (value: string) => value.length <= maxIdBytes && Buffer.byteLength(value) <= maxIdBytes

const port = '(?::[0-9]{1,5})?'
const dnsName = '[0-9A-Za-z.-]{1,255}'
const ipv6 = '\\[[0-9A-Fa-f:.]{2,45}\\]'
const serverNamePattern = new RegExp(`^(?:${dnsName}|${ipv6})${port}$`)

/** Four runs of digits are an IPv4 literal, never a DNS name, and then each is 0–255. */
const ipv4Like = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d{1,5})?$/

export function parseServerName(value: unknown): ServerName | undefined {
  if (typeof value !== 'string' || value.length > 230 || !serverNamePattern.test(value)) return undefined
  if (
    ipv4Like.test(value) &&
    value
      .split(':')[0]!
      .split('.')
      .some((octet) => Number(octet) > 255)
  )
    return undefined
  return value as ServerName
}

/** The part after the first colon, when it is a server name. */
function domainOf(value: string): ServerName | undefined {
  const colon = value.indexOf(':')
  return colon < 0 ? undefined : parseServerName(value.slice(colon + 1))
}

/** A user ID as other servers may send it: historical localparts (any printable ASCII) are accepted. */
export function parseUserId(value: unknown): UserId | undefined {
  if (typeof value !== 'string' || value[0] !== '@' || !isShort(value)) return undefined
  const colon = value.indexOf(':')
  if (colon < 1 || !domainOf(value)) return undefined
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is the one character no localpart may hold
  return /\u0000/.test(value.slice(1, colon)) ? undefined : (value as UserId)
}

/** Localparts that new accounts may have. Spec: appendices, "User Identifiers". */
export const isValidLocalpart = (value: string) => /^[a-z0-9._=/+-]+$/.test(value)

/** `!opaque:domain` of versions 1–11 or `!hash` of version 12. */
export function parseRoomId(value: unknown): RoomId | undefined {
  if (typeof value !== 'string' || value[0] !== '!' || value.length < 2 || !isShort(value)) return undefined
  if (value.includes('\u0000')) return undefined
  const colon = value.indexOf(':')
  if (colon < 0) return /^![A-Za-z0-9_-]{43}$/.test(value) ? (value as RoomId) : undefined
  return colon > 1 && domainOf(value) ? (value as RoomId) : undefined
}

export function parseRoomAlias(value: unknown): RoomAlias | undefined {
  if (typeof value !== 'string' || value[0] !== '#' || !isShort(value)) return undefined
  return domainOf(value) && !value.includes('\u0000') ? (value as RoomAlias) : undefined
}

/** `$opaque:domain` of versions 1–2 or `$hash` of the others. */
export function parseEventId(value: unknown): EventId | undefined {
  if (typeof value !== 'string' || value[0] !== '$' || value.length < 2 || !isShort(value)) return undefined
  return value.includes('\u0000') ? undefined : (value as EventId)
}

export function parseMxcUri(value: unknown): MxcUri | undefined {
  if (typeof value !== 'string' || !value.startsWith('mxc://')) return undefined
  const [server, mediaId, ...rest] = value.slice(6).split('/')
  const serverName = parseServerName(server)
  if (!serverName || !mediaId || rest.length > 0 || !/^[A-Za-z0-9_-]+$/.test(mediaId)) return undefined
  return { serverName, mediaId }
}

/** Server name of an ID that is known to carry one. Throws TypeError where there is none (version-12 room IDs). */
export function serverNameOf(id: UserId | RoomAlias | RoomId | EventId): ServerName {
  const domain = domainOf(id)
  if (!domain) throw new TypeError(`no server name in ${id}`)
  return domain
}

/** Server name of a room or event ID, undefined where the ID is a bare hash. */
export const serverNameIn = (id: string): ServerName | undefined => domainOf(id)

export const localpartOf = (id: UserId | RoomAlias): string => id.slice(1, id.indexOf(':'))

const refined = <T extends string>(parse: (value: unknown) => T | undefined, what: string) =>
  Type.Unsafe<T>(
    Type.Refine(
      Type.String(),
      (value) => parse(value) !== undefined,
      () => `not a valid ${what}`,
    ),
  )

export const UserIdSchema = refined(parseUserId, 'user ID')
export const RoomIdSchema = refined(parseRoomId, 'room ID')
export const RoomAliasSchema = refined(parseRoomAlias, 'room alias')
export const EventIdSchema = refined(parseEventId, 'event ID')
export const ServerNameSchema = refined(parseServerName, 'server name')
/** Device IDs are opaque: clients may choose their own. */
export const DeviceIdSchema = Type.Unsafe<DeviceId>(Type.String({ minLength: 1, maxLength: 255 }))
