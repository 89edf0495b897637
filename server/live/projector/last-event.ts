/** The event that stands for a room in the list: its last message, and a line of its text. */
import { LRUCache } from 'lru-cache'
import { isJsonObject } from '../../events/pdu.js'
import type { RoomId } from '../../kernel/identifiers.js'
import type { Room, Rooms, TimelineEvent } from '../../rooms/room.js'

const shownTypes = new Set(['m.room.message', 'm.room.encrypted', 'm.sticker', 'm.call.invite'])
const previewLength = 140
/** How far back a room's last message is looked for, once per room and process. */
const scanned = 200

const isShown = ({ pdu, redactedBy }: Pick<TimelineEvent, 'pdu' | 'redactedBy'>): boolean =>
  shownTypes.has(pdu.type) && pdu.state_key === undefined && redactedBy === undefined && !isEdit(pdu.content)

export type ReadLastEvent = {
  /** The newest event worth showing; undefined where there is none in the last few hundred. */
  read(room: Room): Promise<TimelineEvent | undefined>
  /** After a redaction: look again. */
  forget(roomId: RoomId): void
}

export function makeReadLastEvent(rooms: Pick<Rooms, 'readTimeline'>): ReadLastEvent {
  const known = new LRUCache<RoomId, { upTo: number; event: TimelineEvent | undefined }>({ max: 5_000 })
  return {
    forget: (roomId) => void known.delete(roomId),
    async read(room) {
      const cached = known.get(room.roomId)
      if (cached?.upTo === room.maxSeq) return cached.event
      const from = Math.max(room.minSeq, cached ? cached.upTo + 1 : room.maxSeq - scanned + 1, room.maxSeq - 999)
      const newer = await rooms.readTimeline(room.roomId, from, room.maxSeq)
      const event = newer.findLast(isShown) ?? cached?.event
      known.set(room.roomId, { upTo: newer.at(-1)?.seq ?? cached?.upTo ?? room.maxSeq, event })
      return event
    },
  }
}

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

function isEdit(content: unknown): boolean {
  const relation = isJsonObject(content) ? content['m.relates_to'] : undefined
  return isJsonObject(relation) && relation.rel_type === 'm.replace'
}
