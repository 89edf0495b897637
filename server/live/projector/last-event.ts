/** The event that stands for a room in the list: its last message, and a line of its text. */
import { LRUCache } from 'lru-cache'
import { isJsonObject, type JsonObject } from '../../events/pdu.js'
import { isValidEdit, relationOf } from '../../events/relations.js'
import type { RoomId } from '../../kernel/identifiers.js'
import type { Room, Rooms, TimelineEvent } from '../../rooms/room.js'

const shownTypes = new Set(['m.room.message', 'm.room.encrypted', 'm.sticker', 'm.call.invite'])
const previewLength = 140
/** How far back a room's last message is looked for, once per room and process. */
const scanned = 200
/** More are not all ignored by anybody. */
const maxSenders = 8

/** A message that may stand for a room, and its edits, in the order of the timeline. */
export type LastEvent = { event: TimelineEvent; edits: readonly TimelineEvent[] }

const isShown = ({ pdu, redactedBy }: TimelineEvent): boolean =>
  shownTypes.has(pdu.type) &&
  pdu.state_key === undefined &&
  redactedBy === undefined &&
  relationOf(pdu)?.relType !== 'm.replace'

export type ReadLastEvents = {
  /** The newest event worth showing of each of the last senders, newest first: a reader may ignore one of them. */
  read(room: Room): Promise<readonly LastEvent[]>
  /** After a redaction: look again. */
  forget(roomId: RoomId): void
}

export function makeReadLastEvents(rooms: Pick<Rooms, 'readTimeline'>): ReadLastEvents {
  const known = new LRUCache<RoomId, { upTo: number; last: readonly LastEvent[] }>({ max: 5_000 })
  return {
    forget: (roomId) => void known.delete(roomId),
    async read(room) {
      const cached = known.get(room.roomId)
      if (cached?.upTo === room.maxSeq) return cached.last
      const from = Math.max(room.minSeq, cached ? cached.upTo + 1 : room.maxSeq - scanned + 1, room.maxSeq - 999)
      const newer = await rooms.readTimeline(room.roomId, from, room.maxSeq)
      const last = newer.reduce(withNewer, cached?.last ?? [])
      known.set(room.roomId, { upTo: newer.at(-1)?.seq ?? cached?.upTo ?? room.maxSeq, last })
      return last
    },
  }
}

function withNewer(last: readonly LastEvent[], event: TimelineEvent): readonly LastEvent[] {
  if (isShown(event)) {
    const others = last.filter((each) => each.event.pdu.sender !== event.pdu.sender)
    return [{ event, edits: [] }, ...others].slice(0, maxSenders)
  }
  const edited = last.find((each) => isValidEdit(each.event, event))
  return edited ? last.map((each) => (each === edited ? { ...each, edits: [...each.edits, event] } : each)) : last
}

/** What the message says after its latest edit; that of an encrypted one is for its readers alone. */
export function contentOf({ event, edits }: LastEvent): JsonObject {
  let latest: TimelineEvent | undefined
  for (const edit of edits) if (!latest || isLater(edit, latest)) latest = edit
  const content = latest?.pdu.content['m.new_content']
  return isJsonObject(content) ? content : event.pdu.content
}

const isLater = (a: TimelineEvent, b: TimelineEvent) =>
  a.pdu.origin_server_ts > b.pdu.origin_server_ts ||
  (a.pdu.origin_server_ts === b.pdu.origin_server_ts && a.eventId > b.eventId)

/** One line of plain text; empty where the type alone has to do (encrypted, a picture without a name). */
export function previewOf(content: unknown): string {
  if (!isJsonObject(content) || typeof content.body !== 'string') return ''
  const text = withoutReplyFallback(content.body, content).replaceAll(/\s+/g, ' ').trim()
  return text.length > previewLength ? `${text.slice(0, previewLength - 1).trimEnd()}…` : text
}

/** Older clients quote what they reply to in lines that begin with ">". */
function withoutReplyFallback(body: string, content: { readonly [key: string]: unknown }): string {
  const relation = content['m.relates_to']
  const isReply = isJsonObject(relation) && isJsonObject(relation['m.in_reply_to'])
  if (!isReply || !body.startsWith('> ')) return body
  const lines = body.split('\n')
  const first = lines.findIndex((line) => !line.startsWith('>'))
  return first < 0 ? body : lines.slice(first).join('\n')
}
