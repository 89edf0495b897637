/**
 * Links to users, rooms and events: matrix.to and matrix: URIs.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#uris
 */
export type MatrixTarget =
  | { kind: 'user'; userId: string }
  | { kind: 'room'; idOrAlias: string; eventId?: string; via: string[] }

const userPattern = /^@[^\s:]+:[^\s/]+$/
const roomPattern = /^[#!][^\s]+$/

export const isUserId = (text: string) => userPattern.test(text) && text.length <= 255
export const isRoomReference = (text: string) => roomPattern.test(text) && text.length <= 255

/** What a link leads to inside Matrix; undefined for any other link. */
export function parseMatrixLink(href: string): MatrixTarget | undefined {
  const toMatrix = /^https?:\/\/matrix\.to\/#\/(.+)$/.exec(href)
  if (toMatrix) return parseParts(toMatrix[1]!)
  const uri = /^matrix:([^?#]+)(\?[^#]*)?$/.exec(href)
  return uri ? parseUri(uri[1]!, uri[2] ?? '') : undefined
}

function parseParts(rest: string): MatrixTarget | undefined {
  const [path = '', search = ''] = rest.split('?')
  const [first, second] = path.split('/').map(decode)
  return target(first, second, search)
}

/** `u/ana:example.org`, `r/garden:example.org`, `roomid/abc:example.org/e/event` */
function parseUri(path: string, search: string): MatrixTarget | undefined {
  const [kind, id, eventKind, event] = path.split('/').map(decode)
  const sigil = { u: '@', user: '@', r: '#', room: '#', roomid: '!' }[kind ?? '']
  if (!sigil || !id) return undefined
  return target(sigil + id, eventKind === 'e' && event ? `$${event}` : undefined, search)
}

function target(id: string | undefined, event: string | undefined, search: string): MatrixTarget | undefined {
  if (!id) return undefined
  if (isUserId(id)) return { kind: 'user', userId: id }
  if (!isRoomReference(id)) return undefined
  const via = new URLSearchParams(search).getAll('via')
  return { kind: 'room', idOrAlias: id, via, ...(event?.startsWith('$') ? { eventId: event } : {}) }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const linkToUser = (userId: string) => `https://matrix.to/#/${encodeURIComponent(userId)}`

/** @param via servers that others can join through */
export function linkToRoom(idOrAlias: string, via: string[] = [], eventId?: string): string {
  const query = via.length ? `?${via.map((server) => `via=${encodeURIComponent(server)}`).join('&')}` : ''
  const event = eventId ? `/${encodeURIComponent(eventId)}` : ''
  return `https://matrix.to/#/${encodeURIComponent(idOrAlias)}${event}${query}`
}
